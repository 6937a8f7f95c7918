"""Questions about a document, with the answer as it stands on the page. What is not there is answered so."""

ABSENT = "It is not on the page."
STRANGE = "I only read print and simple shapes."  # of a photograph
CAPTION = ("Describe the picture.", "Describe this image.", "Caption this image.", "What do you see?", "Can you describe this image?")
# What a user adds so that the answer stays short; the answer is the same with and without.
NUMBER_ONLY = (" Answer with a number.", " Answer with the number only.")
AMOUNT_ONLY = (" Answer with the amount only.", " Answer with the number only.")
WORD_ONLY = (" Answer with one word.", " Answer in one word.")
BRIEFLY = (" Answer briefly.", " Be brief.")
FIELD = ("What is the {}?", "{}?", "Find the {}.", "Which {} is given?", "Read the {}.")
SPECIAL = {
    "total": ("What is the total?", "How much is the total?", "What was paid in total?", "Total amount?", "What is the total on the receipt?"),
    "name": ("What is the name?", "Whose name is on it?", "Name?"),
    "date": ("What is the date?", "When was it issued?", "Which date does it show?"),
    "shop": ("Which shop is it?", "What is the name of the shop?", "Where was it bought?"),
    "tax": ("How much tax was paid?", "What is the tax?"),
    "amount": ("What is the amount?", "How much is it?"),
}
READ = ("Read everything.", "Read the text.", "What does it say?", "Transcribe this.", "What is written here?", "Read this.")
KIND = ("What kind of document is this?", "What is this?")
YES_NO = ("Is there a {} on the page?", "Does it show the {}?")


def phrase(rng, name):
    if name in SPECIAL and rng.random() < 0.7:
        return rng.choice(SPECIAL[name])
    text = rng.choice(FIELD).format(name)
    return text[0].upper() + text[1:]


def closing(rng, *endings):
    """Now and then one of the wishes for a short answer."""
    return rng.choice(endings[0]) if endings and rng.random() < 0.2 else rng.choice(BRIEFLY) if rng.random() < 0.05 else ""


def ask(rng, document):
    """(question, answer, kind)"""
    roll = rng.random()
    if roll < 0.3 and document.lines and sum(map(len, document.lines)) < 400:
        return rng.choice(READ), "\n".join(document.lines), "read"
    if roll < 0.36 and document.kind not in ("sign",):
        return rng.choice(KIND), f"A {document.kind}." if document.kind[0] not in "aeiou" else f"An {document.kind}.", "kind"
    if roll < 0.48 and document.absent:
        return phrase(rng, rng.choice(document.absent)), ABSENT, "absent"
    if roll < 0.56 and document.fields and document.absent:
        here = rng.random() < 0.5
        name = rng.choice(sorted(document.fields)) if here else rng.choice(document.absent)
        return rng.choice(YES_NO).format(name), "yes" if here else "no", "yes_no"
    if roll < 0.66 and document.rows:
        if rng.random() < 0.3:
            return rng.choice(("How many rows are there?", "How many items are listed?")), str(len(document.rows)), "count_rows"
        names = [name for name, _ in document.rows]
        unique = [row for row in document.rows if names.count(row[0]) == 1]
        if unique:
            name, value = rng.choice(unique)
            return rng.choice((f"How much is {name}?", f"What stands beside {name}?", f"What is the value of {name}?")), value, "row"
    if document.fields:
        name = rng.choice(sorted(document.fields))
        return phrase(rng, name), document.fields[name], "field"
    if document.lines:
        if rng.random() < 0.5:
            return rng.choice(("What is the first line?", "Read the first line.")), document.lines[0], "line_of"
        return rng.choice(("What is the last line?", "Read the last line.")), document.lines[-1], "line_of"
    return rng.choice(READ), "\n".join(document.lines), "read"


def phrases():
    """Every wording, for the tokenizer."""
    return [*FIELD, *sum(SPECIAL.values(), ()), *READ, *KIND, *YES_NO, ABSENT, STRANGE, *CAPTION, *NUMBER_ONLY, *AMOUNT_ONLY, *WORD_ONLY, *BRIEFLY, "How many shapes are there?", "What colour is the circle?",
            "Is there a green triangle?", "Which shape is the largest?", "What is the value of", "Describe the picture.", "yes no"]
