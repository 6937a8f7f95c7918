"""Documents with known truth: what stands where, which fields they hold, how they read from top to bottom.

A layout draws on a Page and tells what it drew as a Document: lines in reading order, fields by name, and which fields such a page
could have held but does not (for questions that must be answered with "not on the page").
"""
import dataclasses

from reader import fonts, words
from reader.page import Page


@dataclasses.dataclass
class Document:
    kind: str
    page: Page
    lines: list = dataclasses.field(default_factory=list)   # text, top to bottom
    fields: dict = dataclasses.field(default_factory=dict)  # name as people ask -> value as it stands on the page
    absent: list = dataclasses.field(default_factory=list)  # names of fields that are not there
    rows: list = dataclasses.field(default_factory=list)    # of a table: (name, value) for look-ups


class Pen:
    """Writes lines below each other in one font, and remembers them."""

    def __init__(self, rng, document, font, ink, x, y, right, leading):
        self.rng, self.document, self.font, self.ink = rng, document, font, ink
        self.x, self.y, self.right, self.pitch = x, y, right, leading

    def fit(self, text, width):
        drawn = fonts.face(*self.font)
        while len(text) > 1 and drawn.width(text) > width:
            text = text[:-1].strip()
        return "".join(c for c in text if c == " " or drawn.glyph(c)[0] is not None) or "x"

    def left(self, text, indent=0):
        text = self.fit(text, self.right - self.x - indent)
        self.document.page.text(self.x + indent, self.y, text, self.font, self.ink)
        self.document.lines.append(text)
        self.y += self.pitch
        return text

    def centre(self, text):
        text = self.fit(text, self.right - self.x)
        wide = fonts.face(*self.font).width(text)
        self.document.page.text((self.x + self.right - wide) / 2, self.y, text, self.font, self.ink)
        self.document.lines.append(text)
        self.y += self.pitch
        return text

    def pair(self, name, value):
        """`name` on the left, `value` on the right."""
        wide = fonts.face(*self.font).width(value)
        name = self.fit(name, self.right - self.x - wide - 8)
        self.document.page.text(self.x, self.y, name, self.font, self.ink)
        self.document.page.text(self.right - wide, self.y, value, self.font, self.ink)
        self.document.lines.append(f"{name} {value}")
        self.y += self.pitch
        return name

    def rule(self):
        self.document.page.rect(self.x, self.y + 2, self.right, self.y + 3, self.ink)
        self.y += 6


def start(rng, held_out, kind, width, height, size, sample=fonts.ASCII):
    from reader.samples import draw_colours, draw_font

    paper, ink = draw_colours(rng)
    document = Document(kind, Page(width, height, paper))
    margin = rng.randint(6, 20)
    pen = Pen(rng, document, draw_font(rng, held_out, size, sample, handwriting=False), ink, margin, rng.randint(4, 14), width - margin,
              size * rng.uniform(1.2, 1.5))
    return document, pen


def put(pen, name, value, absent_chance=0.2):
    """A labelled field, or the knowledge that it is absent."""
    if pen.rng.random() < absent_chance:
        pen.document.absent.append(name)
        return
    joint = pen.rng.choice((": ", ": ", " ", " # ", ":"))
    label = name if pen.rng.random() < 0.6 else name.upper() if pen.rng.random() < 0.5 else name.capitalize()
    if pen.rng.random() < 0.35:
        value = pen.fit(value, pen.right - pen.x - fonts.face(*pen.font).width(label) - 16)
        pen.pair(label + joint.rstrip(), value)
    else:
        value = pen.fit(value, pen.right - pen.x - fonts.face(*pen.font).width(label + joint) - 4)
        pen.left(label + joint + value)
    pen.document.fields[name] = value


def receipt(rng, held_out):
    size = rng.randint(11, 14)
    count = rng.randint(2, 9)
    document, pen = start(rng, held_out, "receipt", rng.randint(190, 290), int((count + 9) * size * 1.45) + 40, size)
    before, after = rng.choice(words.CURRENCIES)
    document.fields["shop"] = pen.centre(words.company(rng))
    if rng.random() < 0.7:
        pen.centre(words.street(rng))
    put(pen, "date", words.date(rng))
    put(pen, "time", words.time(rng), 0.4)
    pen.rule()
    total = 0
    for _ in range(count):
        cents = rng.randint(30, 4500)
        total += cents
        name = pen.pair(words.word(rng).capitalize() + (f" {words.word(rng)}" if rng.random() < 0.4 else ""), f"{cents // 100}.{cents % 100:02d}")
        document.rows.append((name, f"{cents // 100}.{cents % 100:02d}"))
    pen.rule()

    def money(cents):
        return f"{before}{cents // 100}.{cents % 100:02d}{after}"

    tax = total * rng.choice((7, 8, 19, 20)) // 100
    if rng.random() < 0.6:
        pen.pair("Subtotal", money(total - tax))
        pen.pair(rng.choice(("Tax", "VAT")), money(tax))
        document.fields["tax"] = money(tax)
    else:
        document.absent.append("tax")
    pen.pair(rng.choice(("Total", "TOTAL", "Total due", "SUM")), money(total))
    document.fields["total"] = money(total)
    put(pen, "receipt number", words.digits(rng, rng.randint(4, 8)), 0.5)
    return document


def form(rng, held_out):
    size = rng.randint(12, 15)
    document, pen = start(rng, held_out, rng.choice(("form", "invoice", "card", "label")), rng.randint(260, 420), int(12 * size * 1.5), size)
    pen.centre(rng.choice(("Registration", "Invoice", "Member card", "Order form", "Delivery note", "Visitor", words.company(rng))))
    if rng.random() < 0.5:
        pen.rule()
    fields = [("name", words.name), ("date", words.date), ("email", words.email), ("phone", words.phone), ("address", words.street),
              ("invoice number", words.code), ("customer id", lambda r: words.digits(r, 6)), ("amount", words.money),
              ("company", words.company), ("due date", words.date), ("reference", words.code), ("city", words.name_part)]
    rng.shuffle(fields)
    for name, make in fields[:rng.randint(4, 8)]:
        put(pen, name, make(rng))
    document.absent += [name for name, _ in fields[8:10]]
    return document


def table(rng, held_out):
    size = rng.randint(12, 15)
    rows = rng.randint(2, 8)
    document, pen = start(rng, held_out, "table", rng.randint(240, 400), int((rows + 3) * size * 1.5) + 20, size)
    header = (rng.choice(("Item", "Name", "City", "Product")), rng.choice(("Price", "Amount", "Count", "Score")))
    pen.pair(*header)
    pen.rule()
    for _ in range(rows):
        value = words.amount(rng) if rng.random() < 0.5 else str(rng.randint(0, 999))
        document.rows.append((pen.pair(words.word(rng).capitalize(), value), value))
        if rng.random() < 0.5:
            document.page.rect(pen.x, pen.y - 2, pen.right, pen.y - 1, tuple((p + i) / 2 for p, i in zip(document.page.paper, pen.ink)))
    return document


def letter(rng, held_out):
    size = rng.randint(11, 14)
    count = rng.randint(4, 12)
    document, pen = start(rng, held_out, rng.choice(("letter", "book page", "screen")), rng.randint(260, 420), int((count + 3) * size * 1.5), size)
    if document.kind == "letter":
        pen.left(f"Dear {words.name(rng)},")
    for _ in range(count):
        pen.left(words.line(rng, int((pen.right - pen.x) / (size * 0.55)), 12))
    return document


def sign(rng, held_out):
    size = rng.randint(24, 44)
    document, pen = start(rng, held_out, "sign", rng.randint(220, 420), int(size * rng.uniform(2, 5)), size)
    for _ in range(rng.randint(1, 2)):
        pen.centre(" ".join(words.word(rng) for _ in range(rng.randint(1, 2))))
    document.page.rect(2, 2, document.page.width - 2, document.page.height - 2, pen.ink, filled=False, width=2)
    return document


LAYOUTS = (receipt, receipt, form, form, table, letter, sign)
