"""How answers are judged. Definitions: character error rate is the edit distance over the length of the truth, summed over all;
ANLS after Biten et al. 2019 (arXiv:1905.13648), threshold 0.5; relaxed accuracy after ChartQA (arXiv:2203.10244), 5 % on numbers."""
import re


def distance(a, b):
    """Levenshtein's."""
    if len(a) < len(b):
        a, b = b, a
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def tidy(text):
    return " ".join(text.split())


def exact(said, wanted):
    return tidy(said).casefold() == tidy(wanted).casefold()


def anls(said, truths):
    best = 0.0
    for wanted in truths:
        a, b = tidy(said).casefold(), tidy(wanted).casefold()
        longest = max(len(a), len(b))
        near = 1 - distance(a, b) / longest if longest else 1.0
        best = max(best, near if near > 0.5 else 0.0)
    return best


def number_of(text):
    found = re.sub(r"[^0-9.,%-]", "", text).rstrip("%")
    try:
        return float(found.replace(",", ""))
    except ValueError:
        return None


def relaxed(said, wanted):
    a, b = number_of(said), number_of(wanted)
    if a is not None and b is not None:
        return abs(a - b) <= 0.05 * abs(b) if b else a == b
    return exact(said, wanted)


def error_rate(pairs):
    """Of (said, wanted) pairs: edits over characters."""
    edits = sum(distance(tidy(said), tidy(wanted)) for said, wanted in pairs)
    return edits / max(1, sum(len(tidy(wanted)) for _, wanted in pairs))
