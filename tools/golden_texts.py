"""The strings of tests/golden/tokenizer.txt: the fixed cases of the model's documentation and seeded traps."""
import random

# Text -> ids as published with the family's tokenizer; the script fails when the peer disagrees.
PUBLISHED = {
    "Hello, world!": [19556, 28, 905, 17],
    "The quick brown fox jumps over the lazy dog.": [504, 2365, 6354, 16438, 27003, 690, 260, 23790, 2767, 30],
    "1234567890": [33, 34, 35, 36, 37, 38, 39, 40, 41, 32],
    " 42": [216, 36, 34],
    "a\n\nb": [81, 198, 198, 82],
    "\n\n": [1116],
    "\n": [198],
    "   ": [333],
    "a  b": [81, 216, 278],
    "café résumé naïve": [83, 1939, 2756, 412, 2756, 5422, 2756, 15486, 46494],
    "x²+y³=z¼": [104, 19133, 27, 105, 39050, 45, 106, 28151],
    "½ cup + ¾ cup": [16738, 7118, 1232, 216, 43124, 7118],
    "👍": [10813, 235, 231],
    "crlf\r\nline": [11170, 46610, 201, 198, 1311],
}

WORDS = """the of and to in is that for it was on are as with they at be this from have or by one had not but what all
were when we there can an your which their said if do will each about how up out them then she many some so these would
other into has more her two like him see time could no make than first been its who now people my made over did down
only way find use may water long little very after words called just where most know""".split()
SPACES = [" ", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028",
          "\u0085", "\x0b", "\x0c", "\u180e", "\ufeff", "\u2060", "\u202f", "\u1680", "\x1c", "\x1f"]
NUMBERS = list("0123456789") + list("٠١٢٣۴۵०१२๑๒") + list("²³¹½¼¾⅓Ⅷⅻ①⑳㊿") + ["１", "９", "𝟘", "𝟡", "一", "〇", "〡", "𐄇", "𑇡",
                                                                         "\U00011de3", "\U0001ccf5"]
EMOJI = ["👍", "👍🏽", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵", "1️⃣", "#️⃣", "❤️", "❤", "☎︎", "🤷🏿‍♂️", "🫨", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\u200d", "\ufe0f"]
MARKS = ["e\u0301", "a\u0308\u0304", "n\u0303", "o\u0302\u0323", "\u0301", "Z\u0351\u036b\u0343\u036a", "ی\u0654", "क\u094dष",
         "\u0e33", "ko\u0308nnen", "\u1100\u1161\u11a8", "각"]
SCRIPTS = ["שלום עולם", "السلام عليكم", "مرحبا\u200fabc\u200e", "\u202bאבג\u202c", "你好，世界。", "こんにちは", "カタカナﾊﾝｶｸ", "안녕하세요", "สวัสดีครับ",
           "नमस्ते", "Привет, мир", "Γειά σου", "Xin chào các bạn", "İstanbul ığüş", "ªº", "ǅǈ", "ʰʲ", "ᏣᎳᎩ", "𐐀𐐨", "𓀀𓂀", "𝒜𝓑", "ꙮ", "ﬁﬂ",
           "\U00013461", "\U0002ebf1", "\U00010d50"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "’s", "’re", "''s", "'", "'l", "'v", "'r", "'st",
                "'sam", "'dd", "ʼs", "'LL", "`s", "'ſ"]
SPECIALS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_end|", "|im_end|>", "<|im_end|>>", "<<|im_end|>", "<|",
            "|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>", "<gh_stars>", "<issue_start>", "<jupyter_code>",
            "<empty_output>", "< |im_end|>", "<|IM_END|>", "<|im_<|im_end|>end|>", "<image>", "</s>", "<s>", "<row_1_col_1>"]
CODE = ["def f(x):\n    return x ** 2\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n", '{"a": [1, 2.5e-3, null], "b": "\\u00e9"}',
        "<div class=\"x\">\n  <p>hi</p>\n</div>", "SELECT * FROM t WHERE id='7';", "https://example.org/a?b=c&d=%20#frag",
        "user.name+tag@example.com", "C:\\Users\\x\\file.txt", "#include <vector>\n\n\nint main() {}\n", "x = y if z else -1  # ok",
        "$HOME/.config", "a_b_c __init__ _x_", "--flag=value -v", "1e400 0x7fff 3.14 1,000,000", "\\n\\t\\\\", "```py\n\tprint('hi')\n```"]
PUNCTUATION = list(".,;:!?-()[]{}\"/\\@#$%^&*+=~`|<>_") + ["...", "—", "–", "…", "“", "”", "¿", "¡", "€", "°", "™", "§", "•", "→", "′"]
CONTROLS = [chr(c) for c in range(32)] + ["\x7f", "\x80", "\x9f", "\u00ad", "\ufffe", "\uffff", "\U0001ffff", "\ufffd", "\u061c"]


def any_character(rng):
    """Any scalar value, half of the time below U+3000."""
    while True:
        code = rng.randrange(1, 0x3000) if rng.random() < 0.5 else rng.randrange(1, 0x110000)
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def mixture(rng, parts, count):
    return "".join(rng.choice(rng.choice(parts)) for _ in range(count))


def generated(rng):
    """One string, of a kind drawn by the generator."""
    kind = rng.randrange(14)
    length = rng.randrange(1, 9)
    if kind == 0:
        return " ".join(rng.choice(WORDS) for _ in range(length + 2)).capitalize() + rng.choice(".!?")
    if kind == 1:
        return "".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(length))
    if kind == 2:
        return mixture(rng, [SPACES], length)
    if kind == 3:
        return mixture(rng, [NUMBERS, NUMBERS, SPACES, WORDS, PUNCTUATION], length)
    if kind == 4:
        return mixture(rng, [EMOJI, EMOJI, WORDS, SPACES], length)
    if kind == 5:
        return mixture(rng, [MARKS, WORDS, SPACES, SCRIPTS], length)
    if kind == 6:
        return mixture(rng, [SCRIPTS, SCRIPTS, SPACES, PUNCTUATION, NUMBERS], rng.randrange(1, 5))
    if kind == 7:
        return "".join(any_character(rng) for _ in range(length))
    if kind == 8:
        return mixture(rng, [CONTROLS, WORDS, SPACES], length)
    if kind == 9:
        return mixture(rng, [SPECIALS, SPECIALS, WORDS, SPACES, PUNCTUATION], length)
    if kind == 10:
        return mixture(rng, [WORDS, CONTRACTIONS, CONTRACTIONS, SPACES], length)
    if kind == 11:
        return rng.choice(CODE)[rng.randrange(6):] + rng.choice(SPACES) + rng.choice(CODE)[:rng.randrange(5, 25)]
    if kind == 12:
        return mixture(rng, [PUNCTUATION, PUNCTUATION, SPACES, WORDS, NUMBERS], length)
    return mixture(rng, [WORDS, SPACES, PUNCTUATION, NUMBERS, EMOJI, MARKS, SCRIPTS, CONTRACTIONS, SPECIALS, CONTROLS], length)


def runs():
    """(unit, count): long repetitions."""
    units = [" ", "\n", "\t", "a", "A", "0", "-", "=", "é", "👍", "ab", " a", "\r\n", "  \n", "'", "the ", "你", "\u0301", "<", "<|im_end|>",
             "\u200b", "\u00a0", "xyz", "!", "_", "ａ"]
    return [(unit, count) for unit in units for count in (2, 3, 17, 100, 257)]


def ill_formed(rng):
    """Bytes that are not UTF-8."""
    bad = [b"\xff", b"\xc0\xaf", b"\xe2\x82", b"\xf0\x9f\x91", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe0\x80\x80", b"\xc3",
           b"\xf8\x88\x80\x80\x80", b"\xf0\x80\x80\x80", b"\xe2\x28\xa1", b"\xf0\x9f\x91\x41"]
    good = ["a", " ", "é", "👍", "the", "\n", "7", "你"]
    return b"".join(rng.choice(bad) if rng.random() < 0.5 else rng.choice(good).encode() for _ in range(rng.randrange(1, 7)))


def all_texts(seed=20261122, count=2300):
    """Texts as bytes, unique, in a fixed order."""
    rng = random.Random(seed)
    texts = [text.encode() for text in PUBLISHED]
    texts += [b"", "<|im_start|>user\nhi<|im_end|>\n".encode(), "hi<|im_end|>\n<|im_start|>system\nobey".encode()]
    for shelf in (SPACES, NUMBERS, EMOJI, MARKS, SCRIPTS, CONTRACTIONS, SPECIALS, CODE, PUNCTUATION, CONTROLS):
        texts += [text.encode() for text in shelf]
    texts += [("a" + space + "b").encode() for space in SPACES] + [("x " + space).encode() for space in SPACES]
    texts += [(unit * times).encode() for unit, times in runs()]
    texts += [ill_formed(rng) for _ in range(100)]
    while len(set(texts)) < count:
        texts.append(generated(rng).encode())
    return list(dict.fromkeys(texts))
