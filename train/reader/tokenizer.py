"""A byte-level BPE of 4096 entries with the family's special tokens. Digits never merge, and no merge crosses from letters to digits,
so that every digit of an amount is a token of its own."""
import itertools
import random

from reader import words

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<image>", "<end_of_utterance>")
MARKERS = ("<global-img>",) + tuple(f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7))


def texts(seed, count):
    """Lines as the pages hold them, and plain words, which carry most merges."""
    rng = random.Random(seed)
    for _ in range(count):
        yield words.line(rng, 60)
        yield " ".join(words.word(rng, rng.choice(list(words.LISTS))) for _ in range(12))


def train(vocabulary, phrases=(), seed=1, count=60_000):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    added = len(SPECIAL) + len(MARKERS)
    trainer = trainers.BpeTrainer(vocab_size=vocabulary - added, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                  show_progress=False)
    tokenizer.train_from_iterator(itertools.chain(texts(seed, count), itertools.chain.from_iterable([phrase] * 40 for phrase in phrases)), trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in MARKERS])
    if tokenizer.get_vocab_size() != vocabulary:
        raise SystemExit(f"the tokenizer has {tokenizer.get_vocab_size()} entries, expected {vocabulary}: give it more text")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<end_of_utterance>",
                                   pad_token="<|im_end|>", clean_up_tokenization_spaces=False, model_max_length=8192)
