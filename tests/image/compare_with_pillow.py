"""Compares vlm/image with Debian's Pillow, pixel by pixel: decoding, orientation, transparency, resampling and
tiling. usage: compare_with_pillow.py IMAGE_PROBE

The reference below restates SmolVLM's PIL processor with Pillow's own resize, so that only the resampler and
the codecs are compared, not two copies of one idea.
"""
import glob
import io
import math
import os
import random
import subprocess
import sys
import tempfile

import PIL
from PIL import Image, ImageOps

SEED = 20261122


class Probe:
    def __init__(self, program, folder):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.out = os.path.join(folder, "out.raw")

    def run(self, *words):
        print(*words, self.out, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            return answer or "the probe died", b""
        with open(self.out, "rb") as file:
            return answer, file.read()


def reference_rgb(data):
    """load_image + convert_to_rgb of the processor: EXIF, then transparency over white unless already RGB."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if picture.mode == "RGB":
        return picture
    if picture.mode == "CMYK":
        return picture.convert("RGB")
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255)), rgba).convert("RGB")


def noise(rng, mode, width, height):
    bands = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    kind = rng.randrange(3)
    if kind == 0:
        data = rng.randbytes(width * height * bands)
    elif kind == 1:  # smooth, with edges
        data = bytes((x * (3 + b) + y * (5 - b) + 90 * ((x // 7 + y // 5) % 2)) & 255
                     for y in range(height) for x in range(width) for b in range(bands))
    else:
        data = bytes(255 if (x // 3 + y // 2 + b) % 4 else 0 for y in range(height) for x in range(width)
                     for b in range(bands))
    if mode == "P":
        picture = Image.frombytes("P", (width, height), data)
        picture.putpalette(rng.randbytes(768))
        return picture
    return Image.frombytes(mode, (width, height), data)


def encode(picture, form, **options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def orientation_exif(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def encoded_cases(rng):
    """(name, bytes, levels that may differ)"""
    for index in range(60):
        size = rng.randint(1, 90), rng.randint(1, 90)
        subsampling = index % 3
        options = {"quality": rng.choice([30, 75, 95]), "subsampling": subsampling, "progressive": index % 2 == 1}
        yield f"jpeg rgb {options}", encode(noise(rng, "RGB", *size), "JPEG", **options), 0
    for index in range(20):
        yield f"jpeg grey {index}", encode(noise(rng, "L", rng.randint(1, 70), rng.randint(1, 70)), "JPEG"), 0
        yield f"jpeg cmyk {index}", encode(noise(rng, "CMYK", rng.randint(1, 70), rng.randint(1, 70)), "JPEG"), 0
    for orientation in range(1, 9):
        picture = noise(rng, "RGB", 33, 20)
        yield f"jpeg turned {orientation}", encode(picture, "JPEG", exif=orientation_exif(orientation)), 0
        yield f"png turned {orientation}", encode(picture, "PNG", exif=orientation_exif(orientation)), 0
        yield f"webp turned {orientation}", encode(picture, "WEBP", lossless=True, exif=orientation_exif(orientation)), 0
    for mode in ("L", "LA", "P", "RGB", "RGBA"):
        for index in range(12):
            picture = noise(rng, mode, rng.randint(1, 60), rng.randint(1, 60))
            options = {"transparency": rng.randbytes(200)} if mode == "P" and index % 2 else {}
            yield f"png {mode} {index}", encode(picture, "PNG", **options), 0
    for bits in (1, 2, 4):
        picture = Image.frombytes("L", (37, 11), rng.randbytes(37 * 11)).quantize(2 ** bits)
        yield f"png palette of {bits} bits", encode(picture, "PNG", bits=bits), 0
    yield "png 1 bit", encode(Image.frombytes("1", (40, 9), rng.randbytes(45)), "PNG"), 0
    for index in range(20):
        mode = "RGBA" if index % 2 else "RGB"
        picture = noise(rng, mode, rng.randint(1, 60), rng.randint(1, 60))
        yield f"webp lossless {index}", encode(picture, "WEBP", lossless=True, exact=True), 0
        yield f"webp lossy {index}", encode(picture, "WEBP", quality=80), 1


def grey16_case():
    """Ours scales 16-bit grey; Pillow clips it. The golden is computed here, by value."""
    values = [0, 127, 128, 255, 256, 32767, 32768, 65535 - 128, 65535 - 127, 65535]
    picture = Image.new("I;16", (len(values), 1))
    for x, value in enumerate(values):
        picture.putpixel((x, 0), value)
    wanted = b"".join(bytes([(value * 255 + 32895) >> 16] * 3) for value in values)
    return encode(picture, "PNG"), wanted


def largest_difference(a, b):
    if len(a) != len(b):
        return 256
    return max((abs(x - y) for x, y in zip(a, b)), default=0) if a != b else 0


def reference_tiles(picture, longest, tile):
    width, height = picture.size
    aspect = width / height
    if width >= height:
        fitted = [longest, int(longest / aspect)]
    else:
        fitted = [int(longest * aspect), longest]
    side = 1 if width >= height else 0
    fitted[side] += fitted[side] % 2
    fitted = [max(1, s) for s in fitted]
    picture = picture.resize(fitted, Image.LANCZOS)
    aspect = fitted[0] / fitted[1]
    if fitted[0] >= fitted[1]:
        grid_width = math.ceil(fitted[0] / tile) * tile
        grid = grid_width, math.ceil(int(grid_width / aspect) / tile) * tile
    else:
        grid_height = math.ceil(fitted[1] / tile) * tile
        grid = math.ceil(int(grid_height * aspect) / tile) * tile, grid_height
    grid = tuple(max(side, tile) for side in grid)
    picture = picture.resize(grid, Image.LANCZOS)
    rows, columns = grid[1] // tile, grid[0] // tile
    if rows == columns == 1:
        rows = columns = 0
    frames = [picture.crop((c * tile, r * tile, (c + 1) * tile, (r + 1) * tile)) for r in range(rows)
              for c in range(columns)]
    frames.append(picture.resize((tile, tile), Image.LANCZOS))
    return f"{rows} {columns} {len(frames)}", b"".join(f.tobytes() for f in frames)


def photographs_of_debian():
    """Photographs, microscopy and a photographed book page, of the package python3-skimage; one file there is cut on purpose."""
    folder = os.environ.get("SLUICE_TEST_PHOTOGRAPHS", "")
    return [file for kind in ("png", "jpg") for file in sorted(glob.glob(f"{folder}/*.{kind}")) if folder and "truncated" not in file]


def main():
    rng = random.Random(SEED)
    compared, failures = 0, []
    with tempfile.TemporaryDirectory() as folder:
        probe = Probe(sys.argv[1], folder)
        path = os.path.join(folder, "in")

        def check(name, answer, got, wanted_answer, wanted, allowed=0):
            nonlocal compared
            compared += 1
            difference = largest_difference(got, wanted)
            if answer != wanted_answer or difference > allowed:
                failures.append(f"{name}: {answer}, expected {wanted_answer}; largest difference {difference}")

        for name, data, allowed in encoded_cases(rng):
            with open(path, "wb") as file:
                file.write(data)
            wanted = reference_rgb(data)
            answer, got = probe.run("decode", path)
            check(name, answer, got, "{} {}".format(*wanted.size), wanted.tobytes(), allowed)

        data, wanted = grey16_case()
        with open(path, "wb") as file:
            file.write(data)
        answer, got = probe.run("decode", path)
        check("png 16-bit grey", answer, got, "10 1", wanted)

        for index in range(120):
            picture = noise(rng, "RGB", rng.randint(1, 150), rng.randint(1, 150))
            width, height = rng.randint(1, 200), rng.randint(1, 200)
            filter_name = ("lanczos", "bicubic")[index % 2]
            with open(path, "wb") as file:
                file.write(encode(picture, "PNG"))
            wanted = picture.resize((width, height), getattr(Image, filter_name.upper()))
            answer, got = probe.run("resize", path, width, height, filter_name)
            check(f"{picture.size} {filter_name}", answer, got, f"{width} {height}", wanted.tobytes())

        sizes = [(1, 1), (100, 90), (30, 200), (1000, 7), (64, 64), (65, 64), (120, 80), (80, 120), (300, 300)]
        for width, height in sizes + [(rng.randint(1, 300), rng.randint(1, 300)) for _ in range(16)]:
            picture = noise(rng, "RGB", width, height)
            with open(path, "wb") as file:
                file.write(encode(picture, "PNG"))
            wanted_answer, wanted = reference_tiles(picture, 256, 64)
            answer, got = probe.run("tiles", path, 256, 64)
            check(f"tiles of {picture.size}", answer, got, wanted_answer, wanted)

        photographs = photographs_of_debian()
        icons = sorted(glob.glob("/usr/share/pixmaps/*.png") + glob.glob("/usr/share/icons/**/*.png", recursive=True))[:40]
        for file in photographs + icons:
            with open(file, "rb") as source:
                wanted = reference_rgb(source.read())
            answer, got = probe.run("decode", file)
            check(file, answer, got, "{} {}".format(*wanted.size), wanted.tobytes())
        for file in photographs:
            with open(file, "rb") as source:
                picture = reference_rgb(source.read())
            wanted_answer, wanted = reference_tiles(picture, 1024, 512)
            answer, got = probe.run("tiles", file, 1024, 512)
            check(f"tiles of {file}", answer, got, wanted_answer, wanted)

    for failure in failures:
        print(failure)
    print(f"Pillow {PIL.__version__}: {compared} pictures compared ({len(photographs)} photographs and scans, {len(icons)} icons), "
          f"{len(failures)} differ; seed {SEED}")
    if not photographs:
        print("SLUICE_TEST_PHOTOGRAPHS names no folder: photographs and scans were NOT COMPARED (./check fetches them)")
    if photographs and len(photographs) < 20:
        print("SLUICE_TEST_PHOTOGRAPHS: expected at least 20 pictures of python3-skimage")
    missing = os.environ.get("SLUICE_REQUIRE_PHOTOGRAPHS") and len(photographs) < 20
    return 1 if failures or missing or compared < 300 else 0


if __name__ == "__main__":
    sys.exit(main())
