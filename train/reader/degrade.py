"""What happens to a page between the printer and the reader: fifteen effects of five severities, in the order they happen in the world
(ink, paper, geometry, light, camera, coding). After the ideas of ImageNet-C (arXiv:1903.12261) and Augraphy (arXiv:2208.14558).

Each effect is a function of (rng, pixels [H, W, 3] float 0..255, severity 1..5) and keeps the picture's size. Two of them are held out
of training, so that the table of retention shows what was never seen as well.
"""
import io
import math

import numpy as np
from PIL import Image, ImageFilter

HELD_OUT = ("fold", "streaks")


def grid(pixels):
    height, width = pixels.shape[:2]
    return np.mgrid[0:height, 0:width].astype(np.float32)


def smooth_noise(rng, height, width, cells):
    """Slow noise in 0..1."""
    coarse = np.array([[rng.random() for _ in range(cells + 1)] for _ in range(cells + 1)], np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC)).clip(0, 1)[..., None]


def warp(pixels, at_x, at_y):
    """Pixels taken from (at_x, at_y), linearly; beyond the edge the edge goes on."""
    height, width = pixels.shape[:2]
    at_x, at_y = at_x.clip(0, width - 1.001), at_y.clip(0, height - 1.001)
    x0, y0 = at_x.astype(int), at_y.astype(int)
    fx, fy = (at_x - x0)[..., None], (at_y - y0)[..., None]
    top = pixels[y0, x0] * (1 - fx) + pixels[y0, x0 + 1] * fx
    below = pixels[y0 + 1, x0] * (1 - fx) + pixels[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + below * fy


def low_toner(rng, pixels, severity):
    paper = np.median(pixels.reshape(-1, 3), axis=0)
    noise = smooth_noise(rng, *pixels.shape[:2], 8)
    return pixels + (paper - pixels) * np.clip(noise * (0.25 + 0.14 * severity), 0, 0.95)


def bleed(rng, pixels, severity):
    size = 3 if severity < 4 else 5
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    darker = np.asarray(picture.filter(ImageFilter.MinFilter(size)), np.float32)
    return pixels + (darker - pixels) * (0.2 + 0.13 * severity)


def streaks(rng, pixels, severity):
    out = pixels.copy()
    for _ in range(severity * 2):
        x = rng.randrange(pixels.shape[1])
        out[:, x:x + rng.randint(1, 1 + severity // 2)] = rng.choice((255, 230, 20))
    return out


def texture(rng, pixels, severity):
    fine = np.random.default_rng(rng.getrandbits(32)).normal(0, 1, (*pixels.shape[:2], 1)).astype(np.float32)
    return pixels + fine * 4 * severity + (smooth_noise(rng, *pixels.shape[:2], 5) - 0.5) * 14 * severity


def fold(rng, pixels, severity):
    y, x = grid(pixels)
    out = pixels
    for _ in range(1 + severity // 2):
        angle, at = rng.uniform(0, math.pi), rng.uniform(0.2, 0.8)
        away = (x - pixels.shape[1] * at) * math.cos(angle) + (y - pixels.shape[0] * at) * math.sin(angle)
        out = out * (1 - 0.11 * severity * np.exp(-(away / (3 + severity))**2))[..., None]
        out = out * np.where(away > 0, 1, 1 - 0.03 * severity)[..., None]
    return out


def bleed_through(rng, pixels, severity):
    paper = np.median(pixels.reshape(-1, 3), axis=0)
    back = np.roll(pixels[:, ::-1], rng.randint(3, 15), axis=0)
    return pixels + np.minimum(back - paper, 0) * 0.09 * severity


def rotation(rng, pixels, severity):
    angle = math.radians(rng.choice((-1, 1)) * severity * rng.uniform(0.8, 1.6))
    y, x = grid(pixels)
    cy, cx = pixels.shape[0] / 2, pixels.shape[1] / 2
    grow = 1 + abs(math.sin(angle)) * 0.6
    dx, dy = (x - cx) * grow, (y - cy) * grow
    return warp(pixels, cx + dx * math.cos(angle) - dy * math.sin(angle), cy + dx * math.sin(angle) + dy * math.cos(angle))


def perspective(rng, pixels, severity):
    y, x = grid(pixels)
    height, width = pixels.shape[:2]
    across, down = (rng.uniform(-1, 1) * 0.035 * severity for _ in range(2))
    depth = 1 + across * (x / width - 0.5) * 2 + down * (y / height - 0.5) * 2
    grow = 1 + abs(across) + abs(down)
    return warp(pixels, (x - width / 2) * grow / depth + width / 2, (y - height / 2) * grow / depth + height / 2)


def elastic(rng, pixels, severity):
    y, x = grid(pixels)
    height, width = pixels.shape[:2]
    move = [(smooth_noise(rng, height, width, 5)[..., 0] - 0.5) * 3.2 * severity for _ in range(2)]
    return warp(pixels, x + move[0], y + move[1])


def shadow(rng, pixels, severity):
    y, x = grid(pixels)
    angle = rng.uniform(0, 2 * math.pi)
    away = (x - pixels.shape[1] / 2) * math.cos(angle) + (y - pixels.shape[0] / 2) * math.sin(angle)
    dark = 0.13 * severity / (1 + np.exp(-away / rng.uniform(4, 60)))
    return pixels * (1 - dark)[..., None]


def low_light(rng, pixels, severity):
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, 1, pixels.shape).astype(np.float32)
    return pixels * (1 - 0.165 * severity) + noise * 2.2 * severity


def defocus(rng, pixels, severity):
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(0.35 * severity)), np.float32)


def resampling(rng, pixels, severity):
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    scale = 1 - 0.12 * severity
    small = picture.resize((max(8, int(picture.width * scale)), max(8, int(picture.height * scale))), rng.choice((Image.BILINEAR, Image.NEAREST, Image.BOX)))
    return np.asarray(small.resize(picture.size, Image.BILINEAR), np.float32)


def noise(rng, pixels, severity):
    return pixels + np.random.default_rng(rng.getrandbits(32)).normal(0, 8 * severity, pixels.shape).astype(np.float32)


def jpeg(rng, pixels, severity):
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=(60, 40, 25, 15, 8)[severity - 1])
    return np.asarray(Image.open(io.BytesIO(out.getvalue())).convert("RGB"), np.float32)


EFFECTS = {f.__name__: f for f in (low_toner, bleed, streaks, texture, fold, bleed_through, rotation, perspective, elastic, shadow, low_light,
                                   defocus, resampling, noise, jpeg)}


def degrade(rng, pixels, names, severity):
    """`names` applied in physical order."""
    out = pixels.astype(np.float32)
    for name, effect in EFFECTS.items():
        if name in names:
            out = effect(rng, out, severity)
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)


def at_random(rng, pixels):
    """As in training: a third clean, half with one or two effects, the rest with three or four."""
    roll = rng.random()
    if roll < 0.3:
        return pixels
    allowed = [name for name in EFFECTS if name not in HELD_OUT]
    return degrade(rng, pixels, rng.sample(allowed, rng.randint(1, 2) if roll < 0.8 else rng.randint(3, 4)), rng.randint(1, 5))
