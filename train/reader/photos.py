"""Pictures with nothing on them to read or to count, so that the reader learns to say so: slow colour, things with texture and soft edges,
light from one side, as photographs have. They are drawn; no photograph is in the training data.
"""
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def cloud(draw, width, height, cells):
    """Smooth noise in three channels that mostly move together, -1..1."""
    grey, tint = draw.uniform(-1, 1, (cells + 1, cells + 1, 1)), draw.uniform(-1, 1, (cells + 1, cells + 1, 3))
    coarse = ((grey + 0.5 * tint) / 1.5 * 127 + 128).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC), np.float32) / 127 - 1


def texture(draw, width, height):
    """Noise of several scales around one colour."""
    out = np.broadcast_to(draw.uniform(20, 235, 3).astype(np.float32), (height, width, 3)).copy()
    rough = draw.uniform(0.5, 0.9)
    strength = draw.uniform(15, 75)
    for cells in (2, 4, 9, 20, 45):
        out += cloud(draw, width, height, cells) * strength
        strength *= rough
    return out


def outline(draw, width, height):
    """A closed curve around somewhere: a polygon whose radius wanders."""
    cx, cy = draw.uniform(0, width), draw.uniform(0, height)
    size = draw.uniform(0.1, 0.55) * min(width, height)
    count = int(draw.integers(5, 24))
    radii = size * (1 + draw.uniform(-0.35, 0.35, count))
    stretch = draw.uniform(0.4, 1.8)
    return [(cx + r * stretch * math.cos(2 * math.pi * i / count), cy + r * math.sin(2 * math.pi * i / count)) for i, r in enumerate(radii)]


def photo(rng, width, height):
    """[height, width, 3] uint8."""
    draw = np.random.default_rng(rng.getrandbits(32))
    pixels = texture(draw, width, height)
    for _ in range(int(draw.integers(1, 7))):
        mask = Image.new("L", (width, height), 0)
        ImageDraw.Draw(mask).polygon(outline(draw, width, height), fill=255)
        mask = mask.filter(ImageFilter.GaussianBlur(draw.uniform(0.3, 4)))
        cover = np.asarray(mask, np.float32)[..., None] / 255
        shade = 1 + cloud(draw, width, height, 2) * draw.uniform(0, 0.5)
        pixels += (texture(draw, width, height) * shade - pixels) * cover
    if draw.random() < 0.3:
        pixels[:] = pixels.mean(axis=2, keepdims=True)
    pixels += draw.normal(0, draw.uniform(0, 10), (height, width, 1))
    return np.clip(pixels, 0, 255).astype(np.uint8)
