"""A page as data and its painter: text with known glyph boxes, boxes, lines, ellipses. Coordinates are pixels, y downwards."""
import dataclasses

import numpy as np

from reader.fonts import face

Colour = tuple  # (r, g, b), 0..255


@dataclasses.dataclass
class Line:
    """One run of text as it stands on the page."""
    text: str
    box: tuple  # left, top, right, bottom


class Page:
    """Painted as it is described. `glyphs` holds (centre x, centre y, character) of everything drawn as text."""

    def __init__(self, width, height, paper=(255, 255, 255)):
        self.pixels = np.empty((height, width, 3), np.float32)
        self.pixels[:] = paper
        self.width, self.height, self.paper = width, height, paper
        self.glyphs, self.lines = [], []

    def text(self, x, y, text, font, ink=(0, 0, 0), spacing=0.0, jitter=None, slant=0.0):
        """Draws `text` with its line's top at y; gives the x after it. font = (file, size, stretch)."""
        drawn = face(*font)
        left, mask = x, None
        span = int(drawn.width(text, spacing)) + 2 * drawn.size + 4
        height = int(drawn.ascent + drawn.descent) + drawn.size
        mask = np.zeros((height, span), np.uint8)
        origin = drawn.size // 2
        pen = float(origin) + (x - int(x))
        tops, bottoms = [], []
        for character in text:
            pixels, glyph_left, top, advance = drawn.glyph(character)
            if pixels is not None:
                dx, dy = (jitter(), jitter()) if jitter else (0.0, 0.0)
                at_x, at_y = int(round(pen + glyph_left + dx)), int(round(top + origin / 2 + dy))
                if slant:
                    at_x += int(round(slant * (drawn.ascent - top - pixels.shape[0] / 2)))
                h, w = pixels.shape
                if at_x >= 0 and at_y >= 0 and at_x + w <= span and at_y + h <= height:
                    np.maximum(mask[at_y:at_y + h, at_x:at_x + w], pixels, out=mask[at_y:at_y + h, at_x:at_x + w])
                    centre = (int(x) - origin + at_x + w / 2, int(y) - origin / 2 + at_y + h / 2)
                    self.glyphs.append((centre[0], centre[1], character))
                    tops.append(centre[1] - h / 2)
                    bottoms.append(centre[1] + h / 2)
            pen += advance + spacing
        self.blend(mask, int(x) - origin, int(y - origin / 2), ink)
        right = x + (pen - origin)
        if tops:
            self.lines.append(Line(text, (left, min(tops), right, max(bottoms))))
        return right

    def blend(self, mask, x, y, ink):
        h, w = mask.shape
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, self.width), min(y + h, self.height)
        if x0 >= x1 or y0 >= y1:
            return
        part = mask[y0 - y:y1 - y, x0 - x:x1 - x, None].astype(np.float32) * (1 / 255)
        area = self.pixels[y0:y1, x0:x1]
        area += (np.asarray(ink, np.float32) - area) * part

    def rect(self, x0, y0, x1, y1, ink, filled=True, width=1):
        x0, y0, x1, y1 = (int(round(v)) for v in (x0, y0, x1, y1))
        if filled:
            self.pixels[max(y0, 0):max(y1, 0), max(x0, 0):max(x1, 0)] = ink
        else:
            self.rect(x0, y0, x1, y0 + width, ink)
            self.rect(x0, y1 - width, x1, y1, ink)
            self.rect(x0, y0, x0 + width, y1, ink)
            self.rect(x1 - width, y0, x1, y1, ink)

    def shape(self, inside, ink):
        """`inside(x, y)` gives the signed distance in pixels (negative inside) over the page's grid: drawn with soft edges."""
        y, x = np.mgrid[0:self.height, 0:self.width].astype(np.float32)
        cover = np.clip(0.5 - inside(x + 0.5, y + 0.5), 0, 1)[..., None]
        self.pixels += (np.asarray(ink, np.float32) - self.pixels) * cover

    def image(self):
        return np.clip(self.pixels + 0.5, 0, 255).astype(np.uint8)
