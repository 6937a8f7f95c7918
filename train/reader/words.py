"""Text that documents hold: words of several languages, and what is no word (codes, amounts, dates, names). Seeded by the caller."""
import functools
import pathlib
import string

from reader.fonts import ACCENTED, CHARACTERS

LISTS = {"en": "american-english", "de": "ngerman", "fr": "french", "es": "spanish", "it": "italian", "nl": "dutch", "pt": "portuguese",
         "sv": "swedish"}
PACKAGES = "wamerican wngerman wfrench wspanish witalian wdutch wportuguese wswedish".split()
# Stems that no document of ours shall show; the lists hold them.
UNWANTED = ("nigg", "fuck", "shit", "cunt", "fag", "kike", "spic", "chink", "whore", "slut", "rape", "nazi", "wank", "twat", "bitch",
            "neger", "hure", "fotze", "putain", "puta", "negro", "nigr", "porn", "tranny", "retard", "penis", "vagin", "arsch")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
CURRENCIES = (("$", ""), ("€", ""), ("£", ""), ("", " EUR"), ("", " USD"), ("", " €"), ("CHF ", ""), ("", ""))
SYLLABLES = ("ba be bel bo bra ca car cel co da dan de dor el en fa fer ga gor ha hel in is ja jo ka kel la lan le lin lo ma mar mi mo na "
             "nel no or pa per qui ra ren ri ro sa sen si so ta ten ti to tor ul va ven vi wa wil ya zan zo").split()


@functools.cache
def dictionary(language):
    path = pathlib.Path("/usr/share/dict") / LISTS[language]
    if not path.exists():
        raise SystemExit(f"{path} is missing: install {' '.join(PACKAGES)}")
    allowed = set(CHARACTERS)
    out = []
    for word in path.read_text(encoding="utf-8", errors="ignore").split():
        low = word.lower()
        if 2 <= len(word) <= 14 and set(word) <= allowed and "'" not in word and not any(stem in low for stem in UNWANTED):
            out.append(word)
    return out


@functools.cache
def accented(language):
    return [w for w in dictionary(language) if any(c in ACCENTED for c in w)]


def word(random, language=None):
    language = language or ("en" if random.random() < 0.5 else random.choice(list(LISTS)))
    pool = accented(language) if random.random() < 0.25 and accented(language) else dictionary(language)
    text = random.choice(pool)
    roll = random.random()
    return text.capitalize() if roll < 0.25 else text.upper() if roll < 0.35 else text


def digits(random, count):
    return "".join(random.choice(string.digits) for _ in range(count))


def amount(random, most=10_000):
    value = random.choice((random.uniform(0.05, 20), random.uniform(1, 200), random.uniform(10, most)))
    if random.random() < 0.15:
        return f"{round(value)}"
    whole, cents = divmod(round(value * 100), 100)
    grouped = f"{whole:,}" if random.random() < 0.7 else str(whole)
    if random.random() < 0.3:
        return grouped.replace(",", ".") + f",{cents:02d}"
    return f"{grouped}.{cents:02d}"


def money(random):
    before, after = random.choice(CURRENCIES)
    return before + amount(random) + after


def date(random):
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(1990, 2035)
    return random.choice((f"{year}-{month:02d}-{day:02d}", f"{day:02d}/{month:02d}/{year}", f"{month}/{day}/{year}",
                          f"{day:02d}.{month:02d}.{year}", f"{day} {MONTHS[month - 1]} {year}", f"{MONTHS[month - 1][:3]} {day}, {year}"))


def time(random):
    return f"{random.randint(0, 23):02d}:{random.randint(0, 59):02d}"


def code(random):
    length = random.randint(3, 12)
    alphabet = random.choice((string.ascii_uppercase + string.digits, string.digits, string.ascii_letters + string.digits,
                              string.ascii_uppercase))
    text = "".join(random.choice(alphabet) for _ in range(length))
    if length > 5 and random.random() < 0.4:
        at = random.randint(2, length - 2)
        text = text[:at] + random.choice("-/.") + text[at:]
    return random.choice(("", "", "", "#", "No. ", "ID ")) + text


def jumble(random):
    return "".join(random.choice(CHARACTERS) for _ in range(random.randint(1, 9)))


def name_part(random):
    return "".join(random.choice(SYLLABLES) for _ in range(random.randint(2, 3))).capitalize()


def name(random):
    return f"{name_part(random)} {name_part(random)}"


def company(random):
    return f"{name_part(random)} {random.choice(('Ltd', 'GmbH', 'Inc.', '& Co', 'SA', 'Market', 'Store', 'Café', 'Group', 'Hotel'))}"


def email(random):
    return f"{name_part(random).lower()}.{name_part(random).lower()}@{name_part(random).lower()}.{random.choice(('com', 'org', 'net', 'de', 'fr'))}"


def phone(random):
    return f"+{random.randint(1, 99)} {digits(random, 3)} {digits(random, random.randint(4, 7))}"


def street(random):
    return f"{random.randint(1, 250)} {name_part(random)} {random.choice(('Street', 'Road', 'Avenue', 'Lane', 'Square'))}"


THINGS = (amount, money, date, time, code, jumble, name, company, email, phone, street)


def token(random, language=None):
    """One word or thing: half of all are no dictionary words."""
    return word(random, language) if random.random() < 0.5 else random.choice(THINGS)(random)


def line(random, longest, shortest=1):
    """A line of at most `longest` characters; lengths are spread flat, not as language would have them."""
    target = random.randint(shortest, longest)
    language = None if random.random() < 0.3 else random.choice(list(LISTS))
    text = ""
    while len(text) < target:
        more = token(random, language)
        if random.random() < 0.08:
            more += random.choice(",.;:!?")
        if text and len(text) + 1 + len(more) > longest:
            break
        text = f"{text} {more}" if text else more
    return text[:longest].strip() or "x"
