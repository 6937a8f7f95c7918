"""Typefaces from Debian packages with free licences, by design group.

Families that share a design (Arial and Helvetica's metric twins, say) stand in one group, and a group is either for training or
held out for evaluation as a whole: otherwise a held-out font would have been seen under another name.
"""
import functools
import pathlib
import subprocess

import numpy as np
from PIL import ImageFont

# group -> families as fontconfig names them.
GROUPS = {
    "helvetica": ("Liberation Sans", "Nimbus Sans", "FreeSans"),
    "times": ("Liberation Serif", "Nimbus Roman", "FreeSerif"),
    "courier": ("Liberation Mono", "Nimbus Mono PS", "FreeMono", "Courier Prime"),
    "lato": ("Lato", "Carlito"),
    "hack": ("Hack", "DejaVu Sans Mono"),
    "cmu": ("CMU Serif", "CMU Sans Serif", "CMU Typewriter Text", "CMU Bright", "CMU Concrete"),
    "dejavu-sans": ("DejaVu Sans",),
    "dejavu-serif": ("DejaVu Serif",),
    "roboto": ("Roboto", "Roboto Condensed"),
    "open-sans": ("Open Sans", "Open Sans Condensed"),
    "libertine": ("Linux Libertine O", "Linux Libertine Display O"),
    "biolinum": ("Linux Biolinum O",),
    "libertine-mono": ("Linux Libertine Mono O",),
    "cantarell": ("Cantarell",),
    "inconsolata": ("Inconsolata",),
    "garamond": ("EB Garamond",),
    "junicode": ("Junicode Two Beta",),
    "comfortaa": ("Comfortaa",),
    "dancing-script": ("Dancing Script",),
    "breip": ("Breip",),
    "dkg": ("DkgHandwriting",),
    "ocr-b": ("OCR B",),
    "didot": ("GFS Didot",),
    "palatino": ("P052",),
    "century": ("C059",),
    "bookman": ("URW Bookman",),
    "gothic": ("URW Gothic",),
    "narrow": ("Nimbus Sans Narrow",),
    "courier-prime-sans": ("Courier Prime Sans",),
}
# A third of the groups and of the families: never drawn in training.
HELD_OUT = frozenset({"helvetica", "lato", "open-sans", "garamond", "century", "hack", "biolinum", "dkg", "cantarell"})
PACKAGES = ("fonts-dejavu fonts-liberation2 fonts-freefont-ttf fonts-urw-base35 fonts-lato fonts-roboto-unhinted fonts-open-sans "
            "fonts-linuxlibertine fonts-cantarell fonts-hack fonts-inconsolata fonts-ebgaramond fonts-crosextra-carlito fonts-junicode "
            "fonts-comfortaa fonts-dancingscript fonts-breip fonts-dkg-handwriting fonts-ocr-b fonts-cmu fonts-gfs-didot "
            "fonts-courier-prime").split()
HANDWRITING = frozenset({"dancing-script", "breip", "dkg"})
FILLED = 0.7  # of a letter's box at most: more is a letter cut out of a block
UNFIT = ("Hairline", "Thin", "Outline", "Initials", "Keyboard", "Math", "Upright Italic")

ASCII = "".join(chr(c) for c in range(33, 127))
ACCENTED = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒ€£§°«»–—’“”"
CHARACTERS = ASCII + ACCENTED


@functools.cache
def faces():
    """group -> [[file, ...] per family], every file tested: distinct letters, a positive advance."""
    listing = subprocess.run(["fc-list", "--format", "%{file}\t%{family}\t%{style}\t%{variable}\n"], capture_output=True, text=True,
                             check=True).stdout
    found = {}
    for line in sorted(listing.splitlines()):
        file, family, style, variable = line.split("\t")
        if variable == "True" or any(word in family + " " + style for word in UNFIT):
            continue
        found.setdefault(family.split(",")[0], []).append(file)
    out = {}
    for group, families in GROUPS.items():
        kept = [[f for f in found.get(family, []) if is_usable(f)] for family in families]
        out[group] = [files for files in kept if files]
    missing = [group for group, families in out.items() if not families]
    if missing:
        raise SystemExit(f"no usable font of {', '.join(missing)}: install {' '.join(PACKAGES)}")
    return out


@functools.cache
def is_usable(file):
    if pathlib.Path(file).suffix not in (".ttf", ".otf", ".t1"):
        return False
    try:
        font = ImageFont.truetype(file, 32)
        masks = [bytes(font.getmask(c)) for c in "ABCabc019"]
        if np.mean([np.mean(np.frombuffer(mask, np.uint8)) for mask in masks]) > FILLED * 255:
            return False
    except OSError:
        return False
    return len(set(masks)) == len(masks) and all(font.getlength(c) > 2 for c in "ABC")


def groups(held_out):
    return sorted(HELD_OUT if held_out else set(GROUPS) - HELD_OUT)


def draw_file(random, held_out, handwriting=None):
    """A font file: groups alike, then families, then styles."""
    names = [g for g in groups(held_out) if handwriting is None or (g in HANDWRITING) == handwriting]
    return random.choice(random.choice(faces()[random.choice(names)]))


class Face:
    """One font at one size in pixels: masks of its glyphs, drawn once."""

    def __init__(self, file, size, stretch=1.0):
        self.font = ImageFont.truetype(file, size)
        self.size, self.stretch = size, stretch
        self.ascent, self.descent = self.font.getmetrics()
        self.glyphs = {}
        # What the font draws for a character that it lacks: a box, most often.
        self.lacking = bytes(self.font.getmask("\U0010fffe"))

    def glyph(self, character):
        """(mask HxW uint8 or None, left, top from the baseline's line top, advance)"""
        known = self.glyphs.get(character)
        if known is None:
            known = self.glyphs[character] = self.draw(character)
        return known

    def draw(self, character):
        advance = self.font.getlength(character) * self.stretch
        mask, (left, top) = self.font.getmask2(character, mode="L")
        width, height = mask.size
        if not width or not height or bytes(mask) == self.lacking:
            return None, 0, 0, advance
        pixels = np.frombuffer(bytes(mask), np.uint8).reshape(height, width)
        if self.stretch != 1.0:
            target = max(1, round(width * self.stretch))
            at = (np.arange(target) + 0.5) / target * width - 0.5
            low = np.clip(np.floor(at).astype(int), 0, width - 1)
            high = np.clip(low + 1, 0, width - 1)
            part = np.clip(at - low, 0, 1)
            pixels = (pixels[:, low] * (1 - part) + pixels[:, high] * part).astype(np.uint8)
            left *= self.stretch
        return pixels, left, top, advance

    def has(self, text):
        return all(c == " " or self.glyph(c)[0] is not None for c in text)

    def width(self, text, spacing=0.0):
        return sum(self.glyph(c)[3] + spacing for c in text)


@functools.lru_cache(maxsize=4000)
def face(file, size, stretch=1.0):
    return Face(file, size, stretch)


if __name__ == "__main__":
    from reader import words

    print(" ".join([*PACKAGES, *words.PACKAGES]))
