"""More than a hundred malformed, cut and enormous pictures, made here: each is a clear 400, and none costs memory.

Memory is the process's own high-water mark: a header that claims gigabytes must be refused by what it says, not by the
allocator, and what inflates without end must stop at its bound.
"""
import base64
import json
import os
import pathlib
import random
import struct
import zlib

import pytest

from harness import hub as hubs

SOURCE = pathlib.Path(os.environ["SLUICE_SOURCE"])
SEEDS = SOURCE / "tests" / "fuzz" / "seeds" / "image"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What all of them may cost together; one of 65,000 x 65,000 would take 12 GB. Sanitizers keep 256 MiB of freed memory.
GROWTH_BYTES_MAX = 640 << 20


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth=8, colour=2, pixels=b"\x00" * 64, before=b"", interlace=0, data=None):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = zlib.compress(pixels, 9) if data is None else data
    return SIGNATURE + chunk(b"IHDR", head) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def whole_png(width=8, height=8):
    return png(width, height, pixels=(b"\x00" + b"\x7f" * 3 * width) * height)


def resized_jpeg(data, width, height):
    """The same scans under a header that says another size."""
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2"):
        at = data.find(marker)
        if at > 0:
            return data[:at + 5] + struct.pack(">HH", height, width) + data[at + 9:]
    raise AssertionError("no frame header")


def cuts(name, data, count):
    """Without its last bytes, too: those of the end mark do not count as pixels."""
    for i in range(1, count + 1):
        yield f"{name} cut {i}", data[:max(1, (len(data) - 40) * i // count)]


def enormous():
    for width, height in [(65_000, 65_000), (2**31 - 1, 2**31 - 1), (30_001, 1), (1, 30_001), (20_000, 20_000), (29_999, 29_999)]:
        for colour, depth in [(2, 8), (6, 16), (0, 1), (4, 8)]:
            yield f"png {width}x{height} colour {colour}", png(width, height, depth, colour)
    for width, height in [(65_500, 65_500), (65_500, 30_001), (20_000, 20_000)]:
        for name in ("grey.jpg", "progressive.jpg", "cmyk.jpg"):
            yield f"{name} {width}x{height}", resized_jpeg((SEEDS / name).read_bytes(), width, height)
    for name in ("enormous.png", "wide.png", "enormous.jpg", "enormous.webp"):
        yield name, (SEEDS / name).read_bytes()


def broken_png():
    good = whole_png()
    yield "no width", png(0, 5)
    yield "no height", png(5, 0)
    yield "too few pixels", png(64, 64)
    yield "a bomb that ends early", png(10_000, 10_000, pixels=b"\x00" * (8 << 20))
    yield "no palette", png(8, 8, colour=3, pixels=b"\x00" * 72)
    yield "depth 3", png(8, 8, depth=3)
    yield "colour 5", png(8, 8, colour=5)
    yield "interlace 9", png(8, 8, interlace=9)
    yield "no deflate", png(8, 8, data=b"rubbish" * 9)
    yield "deflate cut", png(64, 64, data=zlib.compress(os.urandom(64 * 193))[:99])
    yield "no pixels", SIGNATURE + good[8:33] + chunk(b"IEND", b"")
    yield "head twice", SIGNATURE + good[8:33] * 2 + good[33:]
    yield "no head", SIGNATURE + good[33:]
    yield "chunk without end", SIGNATURE + good[8:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + b"x" * 50
    yield "wrong checksum", good[:29] + b"\0\0\0\0" + good[33:]
    yield "wrong checksum of pixels", good[:-20] + bytes([good[-20] ^ 255]) + good[-19:]
    yield from cuts("png", (SEEDS / "alpha.png").read_bytes(), 12)


def broken_jpeg():
    for name in ("grey.jpg", "progressive.jpg", "cmyk.jpg"):
        data = (SEEDS / name).read_bytes()
        yield from cuts(name, data, 8)
        yield f"{name} of no size", resized_jpeg(data, 0, 16)
    yield "jpeg start only", b"\xff\xd8\xff\xe0" + b"\0" * 40
    yield "jpeg without tables", b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"x" * 40
    yield "jpeg of two components", b"\xff\xd8\xff\xc0\x00\x0e\x08\x00\x10\x00\x10\x02\x01\x11\x00\x02\x11\x00" + b"\xff\xd9" * 20
    yield "jpeg of rubbish", b"\xff\xd8\xff" + random.Random(1).randbytes(500)


def broken_webp():
    for name in ("lossless.webp", "lossy.webp"):
        yield from cuts(name, (SEEDS / name).read_bytes(), 6)
    moving = struct.pack("<I", 10) + b"\x02\0\0\0" + b"\x0f\0\0" + b"\x0f\0\0"
    yield "webp animation", b"RIFF" + struct.pack("<I", 4 + 8 + 10) + b"WEBPVP8X" + moving
    yield "webp head only", b"RIFF\xff\xff\xff\xffWEBPVP8 "


def no_pictures():
    yield "nothing", b""
    for data in (b"GIF89a\x01\0\x01\0\0\0\0;", b"BM" + b"\0" * 60, b"II*\0" + b"\0" * 60, b"%PDF-1.7\n", b"<svg xmlns=''/>", b"PK\3\4" + b"\0" * 60,
                 b"\0\0\0\x18ftypheic" + b"\0" * 60, b"plain words", b"\0" * 4096, b"\x1f\x8b\x08" + b"\0" * 60):
        yield f"no picture {data[:8]!r}", data


PICTURES = [*enormous(), *broken_png(), *broken_jpeg(), *broken_webp(), *no_pictures()]


@pytest.fixture(scope="module")
def hub():
    hub = hubs.Hub(models=())
    (hub.models / "eye").mkdir()
    (hub.models / "eye" / "tiny").symlink_to(SOURCE / "tests" / "golden" / "smolvlm" / "llama")
    with hub:
        # Loads the model and warms what is only made once.
        assert ask(hub, whole_png()).status == 200
        yield hub


def ask(hub, data):
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}, {"type": "text", "text": "What?"}]
    return hub.ask("POST", "/v1/chat/completions", {"model": "eye/tiny", "temperature": 0, "max_tokens": 1,
                                                    "messages": [{"role": "user", "content": parts}]})


def peak_bytes(hub):
    for line in pathlib.Path(f"/proc/{hub.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")


def test_each_is_a_clear_refusal_and_costs_no_memory(hub):
    assert len(PICTURES) >= 100
    before = peak_bytes(hub)
    wrong = []
    for name, data in PICTURES:
        reply = ask(hub, data)
        error = json.loads(reply.body).get("error", {}) if reply.status != 200 else {}
        if reply.status != 400 or "messages.0.content.0" not in error.get("message", "") or len(error["message"]) > 400:
            wrong.append((name, reply.status, reply.body[:200]))
        elif peak_bytes(hub) - before > GROWTH_BYTES_MAX:
            wrong.append((name, f"{(peak_bytes(hub) - before) >> 20} MiB"))
            before = peak_bytes(hub)
    assert not wrong
    assert ask(hub, whole_png()).status == 200  # and it goes on


# Pictures that are right, with something in them that inflates: read, or refused, within bounds.
BOMBS = {
    "text": png(1, 1, pixels=b"\0\1\2\3", before=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (64 << 20), 9))),
    "profile": png(1, 1, pixels=b"\0\1\2\3", before=chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * (64 << 20), 9))),
    "pixels beyond the last row": png(2, 2, pixels=b"\0" * (64 << 20)),
    "a thousand texts": png(1, 1, pixels=b"\0\1\2\3", before=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (4 << 20), 9)) * 1000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_inflates_stops_at_its_bound(hub, name):
    before = peak_bytes(hub)
    assert ask(hub, BOMBS[name]).status in (200, 400)
    assert peak_bytes(hub) - before < GROWTH_BYTES_MAX
