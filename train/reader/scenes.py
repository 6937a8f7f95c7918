"""Simple scenes and charts of drawn shapes: colours, counts, sizes, positions, comparisons, values. The truth is what was drawn."""
import dataclasses
import math

import numpy as np

from reader import fonts, questions, words
from reader.page import Page

COLOURS = {"red": (214, 40, 40), "green": (44, 160, 60), "blue": (40, 80, 210), "yellow": (245, 210, 40), "orange": (245, 140, 30),
           "purple": (130, 60, 170), "black": (20, 20, 20), "grey": (130, 130, 130), "pink": (245, 150, 190), "brown": (120, 75, 40)}
SHAPES = ("circle", "square", "triangle", "star")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def distance_to(shape, cx, cy, radius, angle):
    """Signed distance, in pixels, of every point to the shape's edge: near enough for soft edges."""
    def circle(x, y):
        return np.hypot(x - cx, y - cy) - radius

    def turned(x, y):
        dx, dy = x - cx, y - cy
        return dx * math.cos(angle) + dy * math.sin(angle), dy * math.cos(angle) - dx * math.sin(angle)

    def square(x, y):
        u, v = turned(x, y)
        return np.maximum(abs(u), abs(v)) - radius * 0.85

    def triangle(x, y):
        dx, dy = x - cx, y - cy
        return np.maximum(dy - radius * 0.6, abs(dx) * 0.866 - (dy + radius * 0.9) * 0.5)

    def star(x, y):
        u, v = turned(x, y)
        spike = np.cos(np.arctan2(v, u) * 5) * 0.3 + 0.7
        return np.hypot(u, v) - radius * spike

    return {"circle": circle, "square": square, "triangle": triangle, "star": star}[shape]


@dataclasses.dataclass
class Thing:
    shape: str
    colour: str
    x: float
    y: float
    radius: float


def tint(rng, colour):
    return tuple(min(255, max(0, c + rng.randint(-18, 18))) for c in COLOURS[colour])


def scene(rng, small=False):
    """(page, [Thing, ...]): shapes that do not overlap, on a plain ground. Small: as many as one tile of 128 pixels can tell apart."""
    width, height = (rng.randint(128, 190), rng.randint(110, 150)) if small else (rng.randint(220, 400), rng.randint(200, 320))
    ground = rng.choice(((255, 255, 255), (240, 240, 235), (225, 235, 245), (250, 240, 220)))
    page = Page(width, height, ground)
    things, kinds = [], rng.sample(SHAPES, rng.randint(1, 3))
    colours = rng.sample(list(COLOURS), rng.randint(1, 4))
    for _ in range(rng.randint(1, 6 if small else 9)):
        radius = rng.uniform(11, 30) if small else rng.uniform(14, 40)
        for _ in range(30):
            x, y = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
            if all(math.hypot(x - t.x, y - t.y) > (radius + t.radius) * 1.1 for t in things):
                thing = Thing(rng.choice(kinds), rng.choice(colours), x, y, radius)
                page.shape(distance_to(thing.shape, x, y, radius, rng.uniform(-0.2, 0.2)), tint(rng, thing.colour))
                things.append(thing)
                break
    return page, things


def plural(shape, count):
    return shape if count == 1 else shape + "s"


def scene_question(rng, things):
    """(question, answer, kind)"""
    shape, colour = rng.choice(things).shape, rng.choice(things).colour
    ask = rng.choice(("count_all", "count_shape", "count_colour", "colour", "is_there", "largest", "side", "compare", "caption"))
    if ask == "count_all":
        text = rng.choice(("How many objects are there?", "How many shapes do you see?", "Count the shapes."))
        return text + questions.closing(rng, questions.NUMBER_ONLY), str(len(things)), "count"
    if ask == "count_shape":
        text = rng.choice((f"How many {shape}s are there?", f"How many {shape}s are in the image?", f"Count the {shape}s."))
        return text + questions.closing(rng, questions.NUMBER_ONLY), str(sum(t.shape == shape for t in things)), "count"
    if ask == "count_colour":
        text = f"How many {colour} shapes are there?" + questions.closing(rng, questions.NUMBER_ONLY)
        return text, str(sum(t.colour == colour for t in things)), "count"
    if ask == "colour":
        alone = [t for t in things if sum(o.shape == t.shape for o in things) == 1]
        if alone:
            thing = rng.choice(alone)
            text = rng.choice((f"What colour is the {thing.shape}?", f"What is the color of the {thing.shape}?"))
            return text + questions.closing(rng, questions.WORD_ONLY), thing.colour, "colour"
    if ask == "is_there":
        other, tinted = rng.choice(SHAPES), rng.choice(list(COLOURS))
        if rng.random() < 0.5:
            other, tinted = (lambda t: (t.shape, t.colour))(rng.choice(things))
        here = any(t.shape == other and t.colour == tinted for t in things)
        return f"Is there a {tinted} {other}?", "yes" if here else "no", "yes_no"
    if ask in ("largest", "side") and len(things) > 1:
        ordered = sorted(things, key=lambda t: t.radius)
        if ask == "largest" and ordered[-1].radius > ordered[-2].radius * 1.25:
            return "Which shape is the largest?", f"the {ordered[-1].colour} {ordered[-1].shape}", "size"
        across = sorted(things, key=lambda t: t.x)
        if across[1].x - across[0].x > 25:
            return "Which shape is farthest to the left?", f"the {across[0].colour} {across[0].shape}", "position"
    if ask == "compare" and len({t.shape for t in things}) > 1:
        a, b = rng.sample(sorted({t.shape for t in things}), 2)
        more, less = sum(t.shape == a for t in things), sum(t.shape == b for t in things)
        return f"Are there more {a}s than {b}s?", "yes" if more > less else "no", "compare"
    groups = {}
    for t in things:
        groups[(t.colour, t.shape)] = groups.get((t.colour, t.shape), 0) + 1
    parts = [f"{NUMBERS[n]} {c} {plural(s, n)}" for (c, s), n in sorted(groups.items(), key=lambda g: (-g[1], g[0]))]
    text = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return rng.choice(questions.CAPTION), text.capitalize() + ".", "caption"


def chart(rng, held_out):
    """(page, kind, title, [(label, value), ...]): a bar, line or pie chart with its labels."""
    from reader.samples import draw_font

    kind = rng.choice(("bar", "bar", "line", "pie"))
    page = Page(rng.randint(280, 420), rng.randint(220, 320))
    font = draw_font(rng, held_out, rng.randint(11, 14), fonts.ASCII, handwriting=False)
    ink = (rng.randint(0, 60),) * 3
    count = rng.randint(3, 5)
    labels = []
    while len(labels) < count:
        label = words.word(rng, "en")[:7].capitalize()
        if label not in labels and fonts.face(*font).has(label):
            labels.append(label)
    values = [rng.randint(1, 20) * rng.choice((1, 1, 5)) for _ in labels]
    title = f"{words.word(rng, 'en').capitalize()} {words.digits(rng, 4)}"
    page.text(12, 6, title, font, ink)
    top, bottom, left, right = 44, page.height - 34, 34, page.width - 12
    most = max(values)
    shown = rng.random() < 0.6 or kind == "pie"  # the figures stand beside the marks
    colours = rng.sample(list(COLOURS), count)
    if kind == "pie":
        cx, cy, radius = page.width * 0.32, (top + bottom) / 2 + 8, min(page.width * 0.27, (bottom - top) / 2)
        turn = 0.0
        for label, value, colour in zip(labels, values, colours):
            begin, turn = turn, turn + value / sum(values) * 2 * math.pi

            def slice_distance(x, y, begin=begin, end=turn):
                angle = np.arctan2(y - cy, x - cx) % (2 * math.pi)
                return np.where((angle >= begin) & (angle < end), np.hypot(x - cx, y - cy) - radius, 9.0)

            page.shape(slice_distance, tint(rng, colour))
            row = top + labels.index(label) * 22
            page.rect(page.width * 0.64, row + 3, page.width * 0.64 + 10, row + 13, COLOURS[colour])
            page.text(page.width * 0.64 + 14, row, f"{label} {value}", font, ink)
    else:
        page.rect(left, top, left + 1, bottom, ink)
        page.rect(left, bottom, right, bottom + 1, ink)
        step = (right - left) / count
        points = []
        for i in range(0, 5):
            at = bottom - (bottom - top - 14) * i / 4
            page.text(4, at - 8, f"{most * i / 4:g}"[:4], font, ink)
        for i, (label, value, colour) in enumerate(zip(labels, values, colours)):
            x, y = left + step * (i + 0.5), bottom - (bottom - top - 14) * value / most
            if kind == "bar":
                page.rect(x - step * 0.3, y, x + step * 0.3, bottom, tint(rng, colour))
            else:
                points.append((x, y))
                page.shape(distance_to("circle", x, y, 4, 0), ink)
            page.text(x - step * 0.4, bottom + 5, label, font, ink)
            if shown:
                page.text(x - 8, y - 16, str(value), font, ink)
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            def segment(x, y, x0=x0, y0=y0, x1=x1, y1=y1):
                along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0)**2 + (y1 - y0)**2), 0, 1)
                return np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) - 1

            page.shape(segment, ink)
    return page, kind, title, list(zip(labels, values))


def chart_question(rng, kind, title, rows):
    label, value = rng.choice(rows)
    ordered = sorted(rows, key=lambda r: r[1])
    ask = rng.choice(("value", "value", "most", "least", "title", "how_many", "kind"))
    if ask == "most" and ordered[-1][1] > ordered[-2][1]:
        return "Which has the highest value?", ordered[-1][0], "chart"
    if ask == "least" and ordered[0][1] < ordered[1][1]:
        return "Which has the lowest value?", ordered[0][0], "chart"
    if ask == "title":
        return "What is the title of the chart?", title, "chart"
    if ask == "how_many":
        return "How many values does the chart show?", str(len(rows)), "chart"
    if ask == "kind":
        return "What kind of chart is this?", f"{kind} chart", "chart"
    return rng.choice((f"What is the value of {label}?", f"How much is {label}?")), str(value), "chart"
