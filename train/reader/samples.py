"""What the model is shown, by stage of the curriculum: a picture, a question, its answer, and where every glyph stands.

A sample is a function of (seed, number, stage) alone: the same three give the same sample on any machine with the same fonts.
"""
import dataclasses
import functools
import random

import numpy as np
from PIL import Image

from reader import degrade, documents, fonts, photos, questions, scenes, words
from reader.page import Page


@dataclasses.dataclass
class Sample:
    pixels: np.ndarray  # [H, W, 3] uint8
    question: str
    answer: str
    glyphs: list        # (centre x, centre y, character) in pixels of `pixels`
    kind: str
    split: bool = True


# Of letters, in pixels: a ladder, so that each is drawn from its font once and kept. The small shape's begin where one of its visual
# tokens, 32 pixels wide, holds three or four letters: with ten it had not learned to tell them apart after 370,000 pictures.
LADDER = (11, 12, 13, 14, 15, 16, 18, 20, 22, 25, 28, 32, 36, 40, 44)
SIZES = LADDER[5:13]


def rung(size):
    return min(LADDER, key=lambda known: abs(known - size))


def draw_colours(rng):
    """(paper, ink) with contrast: dark on light four times of five, else inverted or coloured."""
    if rng.random() < 0.8:
        light = rng.choice((255, rng.randint(215, 255)))
        tint = [min(255, light + rng.randint(-12, 4)) for _ in range(3)]
        dark = rng.choice((0, rng.randint(0, 90)))
        return tuple(tint), tuple(min(255, dark + rng.randint(0, 25)) for _ in range(3))
    while True:
        paper, ink = ([rng.randint(0, 255) for _ in range(3)] for _ in range(2))
        weigh = (0.3, 0.59, 0.11)
        if abs(sum((p - i) * w for p, i, w in zip(paper, ink, weigh))) > 90:
            return tuple(paper), tuple(ink)


def draw_font(rng, held_out, size, text, handwriting=None):
    """A font that has every character of `text`."""
    stretch = 1.0 if rng.random() < 0.6 else rng.choice((0.8, 0.9, 1.15, 1.3))
    for _ in range(8):
        font = (fonts.draw_file(rng, held_out, handwriting), size, stretch)
        if fonts.face(*font).has(text):
            return font
    return ((fonts.faces()["helvetica" if held_out else "dejavu-sans"])[0][0], size, 1.0)


def text_style(rng, size):
    spacing = 0.0 if rng.random() < 0.7 else rng.uniform(-0.03, 0.25) * size
    shake = rng.uniform(0.3, 1.0) if rng.random() < 0.1 else 0.0
    return {"spacing": spacing, "slant": rng.uniform(-0.25, 0.25) if rng.random() < 0.1 else 0.0,
            "jitter": (lambda: rng.gauss(0, shake)) if shake else None}


def dense(rng, held_out, side=256, sizes=None):
    """A square full of text in several sizes, for the tower alone."""
    page = Page(side, side, (255, 255, 255))
    paper, ink = draw_colours(rng)
    page.pixels[:] = paper
    y = rng.randint(0, 12)
    while y < side - 6:
        size = rng.choice(sizes) if sizes else rung(rng.triangular(10, 40, 15))
        x = rng.randint(-10, 30)
        while x < side - 6:
            text = words.line(rng, 24)
            font = draw_font(rng, held_out, size, text, handwriting=False if sizes else None)
            x = page.text(x, y, text, font, ink, **text_style(rng, size)) + rng.randint(4, 60)
        y += int(size * rng.uniform(1.15, 1.9))
    return Sample(page.image(), "", "", page.glyphs, "dense", split=False)


CROPS = 10  # of one page
# Of so many runs of CROPS samples one is for the tower alone: a window holds ten times the glyphs of a word's picture at half its cost.
DENSE_EVERY = {"crops": 1, "small words": 2, "labels": 8}


@functools.lru_cache(maxsize=2)
def shared_page(seed, number, held_out):
    return dense(random.Random(f"{seed}/page/{number}"), held_out, sizes=SIZES)


@functools.lru_cache(maxsize=2)
def shared_large_page(seed, number, held_out):
    return dense(random.Random(f"{seed}/large page/{number}"), held_out, side=448)


def sheared(pixels, glyphs, side, scale, shear, at):
    """A square of `side`: its point (u, v) shows (at + scale (u + shear v), at + scale v) of `pixels`; scale is (across, down)."""
    (across, down), (left, top) = scale, at
    picture = Image.fromarray(pixels).transform((side, side), Image.AFFINE, (across, across * shear, left, 0, down, top), Image.BILINEAR,
                                                fillcolor=tuple(int(c) for c in np.median(pixels[:4].reshape(-1, 3), axis=0)))
    moved = [((x - left) / across - shear * (y - top) / down, (y - top) / down, c) for x, y, c in glyphs]
    return np.asarray(picture), moved


def crop(rng, page, side=128):
    """A window of a page, wider or narrower and slanted, now and then inverted or noisy: one page serves as many windows, and its fonts as
    more. Drawing the page costs more than learning from a window."""
    scale = rng.uniform(0.75, 1.3), rng.uniform(0.8, 1.25)
    shear = rng.uniform(-0.2, 0.2) if rng.random() < 0.4 else 0.0
    lean = scale[0] * shear * side
    left = rng.uniform(max(0.0, -lean), max(0.0, page.pixels.shape[1] - side * scale[0] - max(0.0, lean)))
    pixels, glyphs = sheared(page.pixels, page.glyphs, side, scale, shear, (left, rng.uniform(0, page.pixels.shape[0] - side * scale[1])))
    if rng.random() < 0.2:
        pixels = 255 - pixels
    if rng.random() < 0.3:
        noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 14), (side, side, 1))
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return Sample(np.ascontiguousarray(pixels), "", "", glyphs, "dense", split=False)


# What a label shows, with how its value is made.
FIELDS = {"total": words.money, "price": words.money, "amount": words.amount, "date": words.date, "time": words.time, "number": words.code,
          "name": words.name_part, "phone": lambda rng: words.digits(rng, rng.randint(4, 8)), "tax": words.amount,
          "weight": lambda rng: f"{rng.randint(1, 999)} {rng.choice(('g', 'kg', 'lb'))}"}


def short(rng, longest):
    """One word, number, code or the like of at most `longest` characters."""
    for _ in range(20):
        text = words.token(rng)
        if len(text) <= longest:
            return text
    return words.digits(rng, rng.randint(1, longest))


def small_page(rng, held_out, lines, size, in_columns=0.4):
    """A square picture with `lines` of printed texts below each other; of a line with two, the second begins close after the first or, as often
    as `in_columns` says, ends at the right edge."""
    side = 128 if rng.random() < 0.8 else round(128 * rng.uniform(1.1, 2.5))
    size = round(size * side / 128)
    font = draw_font(rng, held_out, size, "".join(text.replace(" ", "") for line in lines for text in line), handwriting=False)
    style = text_style(rng, size)
    face = fonts.face(*font)
    wide = max(sum(face.width(text, style["spacing"]) + size / 2 for text in line) for line in lines)
    if wide > side - 6:
        font = (font[0], max(7 * side // 128, int(size * (side - 6) / wide)), font[2])
        face, style["spacing"] = fonts.face(*font), 0.0
        wide = max(sum(face.width(text) + font[1] / 2 for text in line) for line in lines)
    paper, ink = draw_colours(rng)
    pitch = font[1] * rng.uniform(1.2, 2.0)
    high = pitch * len(lines)
    if high > side - 4:
        pitch = (side - 4) / len(lines)
        high = side - 4
    page = Page(side, side, paper)
    x, y = rng.uniform(2, max(2.5, side - wide - 2)), rng.uniform(0, max(0.5, side - high))
    right = side - 3 if rng.random() < in_columns else None
    below = y
    for line in lines:
        after = page.text(x, y, line[0], font, ink, **style)
        if len(line) > 1:
            at = right - face.width(line[1], style["spacing"]) if right else after + font[1] * 0.5
            page.text(at, y, line[1], font, ink, **style)
        y += pitch
    pixels = page.image()
    if rng.random() < 0.4:  # smaller than drawn by a little, so that what leans stays on the picture
        scale = rng.uniform(1.05, 1.25), rng.uniform(1.05, 1.25)
        shear = rng.uniform(-1, 1) * min(0.15, scale[0] - 1)
        left, top = (-side * (s - 1) * rng.uniform(0.3, 0.7) for s in scale)
        return sheared(pixels, page.glyphs, side, scale, shear, (left - shear * side / 2, top))
    if rng.random() < 0.25:  # cut close above and below: what is wide is stretched to a square on the way to the model
        top, bottom = max(0, int(below) - rng.randint(0, 12)), min(side, int(y) + rng.randint(2, 16))
        if bottom - top >= side // 3:
            return pixels[top:bottom], [(gx, gy - top, c) for gx, gy, c in page.glyphs]
    return pixels, page.glyphs


def captioned(rng, pixels, glyphs, caption):
    return Sample(pixels, rng.choice(questions.CAPTION), caption, glyphs, "text/caption")


def small_word(rng, held_out):
    text = short(rng, rng.choice((4, 7, 10)))
    pixels, glyphs = small_page(rng, held_out, [(text,)], rng.choice(SIZES))
    roll = rng.random()
    if roll < 0.04:
        return captioned(rng, pixels, glyphs, "A number." if text.isdigit() else "One line of text.")
    question = rng.choice(questions.READ) + questions.closing(rng)
    if text.isdigit() and roll < 0.4:
        question = rng.choice(("What number is written in the image?", "Which number is it?")) + questions.closing(rng, questions.NUMBER_ONLY)
    return Sample(pixels, question, text, glyphs, "word")


def small_lines(rng, held_out):
    texts = [short(rng, 13) for _ in range(rng.randint(2, 4))]
    pixels, glyphs = small_page(rng, held_out, [(text,) for text in texts], rng.choice(SIZES[:5]))
    if rng.random() < 0.04:
        return captioned(rng, pixels, glyphs, f"{scenes.NUMBERS[len(texts)].capitalize()} lines of text.")
    return Sample(pixels, rng.choice(questions.READ), "\n".join(texts), glyphs, "lines")


def small_label(rng, held_out):
    """One to three named values, and a question about one of them."""
    names = rng.sample(sorted(FIELDS), rng.randint(1, 3))
    values = {name: FIELDS[name](rng)[:9].strip() for name in names}
    case = rng.choice((str.capitalize, str.capitalize, str.upper, str.lower))
    colon = rng.choice(("", ":"))
    pixels, glyphs = small_page(rng, held_out, [(case(name) + colon, values[name]) for name in names], rng.choice(SIZES[:4]))
    name = rng.choice(names)
    question, answer, kind = questions.phrase(rng, name) + questions.closing(rng), values[name], "field"
    roll = rng.random()
    if roll < 0.15:
        question, answer, kind = questions.phrase(rng, rng.choice(sorted(set(FIELDS) - set(names)))), questions.ABSENT, "absent"
    elif roll < 0.25:
        here = rng.random() < 0.5
        name = name if here else rng.choice(sorted(set(FIELDS) - set(names)))
        question, answer, kind = rng.choice(questions.YES_NO).format(name), "yes" if here else "no", "yes_no"
    elif roll < 0.29:
        return captioned(rng, pixels, glyphs, f"A label with {', '.join(names)}.")
    return Sample(pixels, question, answer, glyphs, f"label/{kind}")


def small_receipt(rng, held_out):
    """One to three goods with their prices, and the sum of them."""
    goods, cents = [], []
    for _ in range(rng.randint(1, 3)):
        good = words.word(rng)[:7]
        if good not in goods:
            goods.append(good)
            cents.append(rng.randint(10, rng.choice((999, 2500))))
    case = rng.choice((str.upper, str.upper, str.capitalize))
    mark = rng.choice((".", ".", ".", ","))
    sign = rng.choice(("", "", "", "$", "€"))
    prices = [f"{c // 100}{mark}{c % 100:02}" for c in (*cents, sum(cents))]
    name = rng.choice(("total", "total", "total", "sum", "amount due"))
    lines = [(case(good), price) for good, price in zip(goods, prices)] + [(case(name), sign + prices[-1])]
    pixels, glyphs = small_page(rng, held_out, lines, rng.choice(SIZES[:3]), in_columns=0.9)
    roll = rng.random()
    if roll < 0.06:
        return captioned(rng, pixels, glyphs, f"A receipt with {scenes.NUMBERS[len(goods)]} {'item' if len(goods) == 1 else 'items'}.")
    if roll < 0.16:
        return Sample(pixels, rng.choice(questions.READ), "\n".join(" ".join(line) for line in lines), glyphs, "receipt/read")
    if roll < 0.36:
        which = rng.randrange(len(goods))
        question = rng.choice(("How much is {}?", "What does {} cost?", "What is the price of {}?")).format(case(goods[which]))
        return Sample(pixels, question, prices[which], glyphs, "receipt/row")
    return Sample(pixels, questions.phrase(rng, "total") + questions.closing(rng, questions.AMOUNT_ONLY), sign + prices[-1], glyphs, "receipt/field")


def small_scene(rng, held_out=False):
    page, things = scenes.scene(rng, small=True)
    question, answer, kind = scenes.scene_question(rng, things)
    return Sample(page.image(), question, answer, [], f"scene/{kind}")


def small_photo(rng, held_out=False):
    """Whatever is asked, there is nothing here that the reader knows."""
    question = rng.choice((*questions.CAPTION, *questions.CAPTION, *questions.READ, questions.phrase(rng, rng.choice(sorted(FIELDS)))))
    return Sample(photos.photo(rng, 128, 128), question, questions.STRANGE, [], "photo/strange")


def one_line(rng, held_out, longest, split):
    """One line somewhere on a small picture."""
    width, height = (256, 256) if not split else (rng.randint(200, 420), 0)
    for _ in range(20):
        size = rung(rng.triangular(12, 44, 20))
        text = words.line(rng, rng.randint(1, longest))
        font = draw_font(rng, held_out, size, text)
        style = text_style(rng, size)
        wide = fonts.face(*font).width(text, style["spacing"])
        if wide <= width - 8:
            break
    else:
        text, wide = text[:6].strip() or "x", 0
    if split:
        height = max(round(size * rng.uniform(1.6, 4)), round(width / rng.uniform(2.2, 6)), 32)
    paper, ink = draw_colours(rng)
    page = Page(width, height, paper)
    page.text(rng.uniform(2, max(3, width - wide - 4)), rng.uniform(0, max(1, height - size * 1.4)), text, font, ink, **style)
    return Sample(page.image(), rng.choice(questions.READ), text, page.glyphs, "line", split)


def few_lines(rng, held_out, split):
    """Two to six lines, one below the other."""
    width = 256 if not split else rng.randint(240, 420)
    size = rung(rng.triangular(12, 26, 15))
    paper, ink = draw_colours(rng)
    count = rng.randint(2, 6 if split else 4)
    pitch = size * rng.uniform(1.25, 2.0)
    height = 256 if not split else max(64, int(count * pitch + size * 1.5))
    page = Page(width, height, paper)
    font = draw_font(rng, held_out, size, fonts.ASCII)
    y, texts = rng.uniform(0, max(1, height - count * pitch - size)), []
    for _ in range(count):
        text = words.line(rng, 18)
        while fonts.face(*font).width(text) > width - 10 and len(text) > 2:
            text = text[:-2].strip()
        if not fonts.face(*font).has(text):
            text = "".join(c for c in text if c == " " or fonts.face(*font).glyph(c)[0] is not None).strip() or "x"
        text = " ".join(text.split())
        page.text(rng.uniform(2, max(3, width - 8 - fonts.face(*font).width(text))) if rng.random() < 0.3 else 5, y, text, font, ink)
        texts.append(text)
        y += pitch
    return Sample(page.image(), rng.choice(questions.READ), "\n".join(texts), page.glyphs, "lines", split)


def one_document(rng, held_out):
    document = rng.choice(documents.LAYOUTS)(rng, held_out)
    question, answer, kind = questions.ask(rng, document)
    below = max((line.box[3] for line in document.page.lines), default=40)
    height = min(document.page.height, int(below) + rng.randint(6, 40))
    return Sample(document.page.image()[:height], question, answer, document.page.glyphs, f"{document.kind}/{kind}")


def one_scene(rng, split):
    page, things = scenes.scene(rng)
    question, answer, kind = scenes.scene_question(rng, things)
    return Sample(page.image(), question, answer, [], f"scene/{kind}", split)


def one_chart(rng, held_out):
    page, kind, title, rows = scenes.chart(rng, held_out)
    question, answer, what = scenes.chart_question(rng, kind, title, rows)
    return Sample(page.image(), question, answer, page.glyphs, f"chart/{what}")


def draw_words(rng, held_out):
    """A word or a few below each other: the decoder learns where to look."""
    if rng.random() < 0.5:
        return one_line(rng, held_out, rng.choice((6, 12)), split=rng.random() < 0.1)
    return few_lines(rng, held_out, split=rng.random() < 0.1)


def draw_lines(rng, held_out):
    roll = rng.random()
    if roll < 0.2:
        return draw_words(rng, held_out)
    if roll < 0.5:
        return one_line(rng, held_out, 24, split=rng.random() < 0.3)
    if roll < 0.85:
        return few_lines(rng, held_out, split=rng.random() < 0.35)
    return one_scene(rng, split=rng.random() < 0.3)


def draw_pages(rng, held_out):
    roll = rng.random()
    if roll < 0.2:
        return draw_lines(rng, held_out)
    if roll < 0.7:
        return one_document(rng, held_out)
    return one_scene(rng, split=rng.random() < 0.7) if roll < 0.87 else one_chart(rng, held_out)


def draw_degraded(rng, held_out):
    """Everything, as a scanner or a telephone would see it. Geometry moves the glyphs, so the tower's lesson rests here."""
    sample = draw_pages(rng, held_out)
    return dataclasses.replace(sample, pixels=degrade.at_random(rng, sample.pixels), glyphs=[])


def draw_small_words(rng, held_out):
    """One word, number or code on a picture of one tile."""
    return small_word(rng, held_out) if rng.random() < 0.7 else small_lines(rng, held_out)


def draw_labels(rng, held_out):
    roll = rng.random()
    for share, make in LABELS:
        roll -= share
        if roll < 0:
            return make(rng, held_out)
    return small_word(rng, held_out)


def draw_worn_labels(rng, held_out):
    sample = draw_labels(rng, held_out)
    return dataclasses.replace(sample, pixels=degrade.at_random(rng, sample.pixels), glyphs=[])


LABELS = ((0.2, small_lines), (0.27, small_label), (0.2, small_receipt), (0.17, small_scene), (0.04, small_photo))  # the rest: words

# Stage of the curriculum -> what is drawn in it. A fifth of the earlier ones stays in the later ones.
STAGES = {"crops": None, "small words": draw_small_words, "labels": draw_labels, "worn labels": draw_worn_labels, "tower": None,
          "words": draw_words, "lines": draw_lines, "pages": draw_pages, "degraded": draw_degraded}
# Numbers of a training seed never meet those of an evaluation seed: see the test of the split.
EVALUATION_SEEDS = range(900_000, 900_100)


def make(seed, number, stage, held_out=False):
    rng = random.Random(f"{seed}/{stage}/{number}")
    every = DENSE_EVERY.get(stage)
    if stage == "tower":
        return crop(rng, shared_large_page(seed, number // (2 * CROPS), held_out), 256)
    if every and number // CROPS % every == 0:
        return crop(rng, shared_page(seed, number // CROPS, held_out))
    return STAGES[stage](rng, held_out)
