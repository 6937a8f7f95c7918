"""tests/golden/pieces_llama3.txt: where Hugging Face `tokenizers` cuts text with the pattern of Llama 3 and SmolLM3.

The texts are those of tokenizer.txt and drawn mixtures of the characters at which its alternatives meet.
"""
import random

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
ALPHABET = ["a", "Z", "s", "T", "ll", "re", "VE", "'", "’", "ſ", "é", "你", "١", "½", "1", "23", "4567", " ", "  ", "\t", "\n", "\r\n", "\r",
            " ", "　", "\x85", "\x0b", "!", "...", "👍", "_", "́", "<", "\x00"]
NEWER = "\U00011de3"  # a digit of Unicode 17: this engine of regular expressions has older tables than the one behind ByteLevel
SEED, DRAWN = 20261122, 400


def texts_of(golden):
    """The texts of tokenizer.txt that are valid UTF-8 and not repeated."""
    for line in (golden / "tokenizer.txt").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if line.startswith("#"):
            continue
        count, text = line.split("\t")[:2]
        data, i = bytearray(), 0
        while i < len(text):
            if text[i] != "\\":
                data += text[i].encode()
                i += 1
            elif text[i + 1] == "\\":
                data += b"\\"
                i += 2
            else:
                data.append(int(text[i + 2:i + 4], 16))
                i += 4
        try:
            if count == "1":
                yield data.decode()
        except UnicodeDecodeError:
            pass


def escaped(text):
    return "".join("\\\\" if c == "\\" else c if c.isprintable() else "".join(f"\\x{b:02x}" for b in c.encode()) for c in text)


def make_pieces(golden):
    import tokenizers
    from tokenizers import Regex, pre_tokenizers

    cut = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    draw = random.Random(SEED)
    texts = list(texts_of(golden)) + ["".join(draw.choices(ALPHABET, k=draw.randint(1, 12))) for _ in range(DRAWN)]
    lines = [f"# tokenizers {tokenizers.__version__}: a text, a tab, and the bytes of each of its pieces"]
    for text in dict.fromkeys(texts):
        if text and NEWER not in text:
            lines.append(escaped(text) + "\t" + " ".join(str(len(piece.encode())) for piece, _ in cut.pre_tokenize_str(text)))
    (golden / "pieces_llama3.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
