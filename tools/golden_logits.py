"""tests/golden/logits.txt and perplexity.json: what llama.cpp computes on the real model, teacher-forced."""
import hashlib
import json
import random

import golden_texts
import llama_peer
import numpy

SAMPLED = 64  # vocabulary positions kept of every row, the same for all rows
TOP = 8
ROWS_PER_PROMPT = 6
PERPLEXITY_TOKENS = 4096
PERPLEXITY_CHUNK = 512
# On every Debian machine, in this order; the golden holds a hash of the text that was used.
PERPLEXITY_FILES = [f"/usr/share/common-licenses/{name}" for name in ("GPL-2", "Artistic", "MPL-1.1")]

QUESTIONS = """What is the capital of France?|Write a haiku about the sea.|Explain photosynthesis to a child.|Who wrote Hamlet?
List three prime numbers.|Translate 'good morning' into Spanish.|Why is the sky blue?|Give me a recipe for pancakes.
What is 12 plus 30?|Name the largest planet.|Summarise: the cat sat on the mat and slept all day.|How do bees make honey?
Write a Python function that reverses a string.|What does HTTP stand for?|Tell me a joke about computers.|Is a tomato a fruit?
Describe the water cycle in two sentences.|What should I pack for a week in the mountains?|Define entropy.|Spell 'necessary'."""
BEGINNINGS = """The old lighthouse keeper climbed the stairs one last time and|In mathematics, a group is|Dear Sir or Madam,\\n\\nI am writing to
def fibonacci(n):\\n    if n < 2:\\n        return|<html>\\n<head>\\n<title>|The three main causes of the war were
Once upon a time, in a village by the river, there lived|1, 1, 2, 3, 5, 8, 13,|Ingredients: 2 cups flour, 1 cup sugar,|SELECT name, age FROM users WHERE
The mitochondria is the powerhouse of the|To be, or not to be, that is the|import numpy as np\\n\\nx = np.|Water boils at a temperature of
{"name": "Alice", "age": 30, "city":|It was the best of times, it was the|The stock market fell sharply today after|Q: What is the speed of light?\\nA:
Paris is to France as Tokyo is to|A list of European countries: Germany, Italy,|The quick brown fox jumps over the lazy
for (int i = 0; i < 10; i++) {\\n|She opened the letter slowly and read:|# README\\n\\nThis project
Yesterday I went to the market and bought|こんにちは、私の名前は"""
ANSWERS = ["Sure! Here is", "The answer is", "I think that", "Yes,", "Let me explain:"]


def prompts(peer):
    """50 prompts as ids, with the answer's start forced after questions."""
    rng = random.Random(7)
    found = []
    for question in QUESTIONS.replace("\n", "|").split("|"):
        text = ("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n"
                f"{question}<|im_end|>\n<|im_start|>assistant\n{rng.choice(ANSWERS)}")
        found.append(peer.tokenize(text, True))
    for beginning in BEGINNINGS.replace("\n", "|").split("|"):
        found.append(peer.tokenize(beginning.replace("\\n", "\n"), False))
    # Longer and stranger contexts, so that positions beyond a chunk are met as well.
    while len(found) < 50:
        words = " ".join(rng.choice(golden_texts.WORDS) for _ in range(60 * (len(found) - 45)))
        found.append(peer.tokenize(words, False))
    return found


def make_logits(path, folder):
    peer = llama_peer.Peer(path, threads=2, context=4096, batch=4096)
    rng = random.Random(11)
    sampled = sorted(rng.sample(range(peer.vocab_size), SAMPLED))
    lines = [
        "# Made by tools/make_goldens logits; format in README.md.",
        f"# Peer: {llama_peer.VERSION}, default settings; model sha256 {llama_peer.sha256_of(path)}",
        "sampled " + " ".join(map(str, sampled)),
    ]
    gaps = []
    found = prompts(peer)
    for number, ids in enumerate(found):
        peer.clear()
        peer.decode(ids, 0, "all")
        lines.append(f"prompt {number} " + " ".join(map(str, ids)))
        last = len(ids) - 1
        positions = sorted({last, *(round(last * step / (ROWS_PER_PROMPT - 1)) for step in range(ROWS_PER_PROMPT))})
        for position in positions:
            row = numpy.ctypeslib.as_array(peer.logits(position), (peer.vocab_size,))
            top = numpy.argsort(-row, kind="stable")[:TOP]
            gaps.append(row[top[0]] - row[top[1]])
            norm = float(numpy.sqrt((row.astype(numpy.float64)**2).sum()))
            log_sum = float(numpy.log(numpy.exp(row.astype(numpy.float64) - row.max()).sum()) + row.max())
            lines.append(f"row {position} {norm:.4f} {log_sum:.5f} " + " ".join(f"{i}:{row[i]:.4f}" for i in top) + " | " +
                         " ".join(f"{row[i]:.3f}" for i in sampled))
    out = folder / "logits.txt"
    out.write_text("\n".join(lines) + "\n")
    print(f"{out.name}: {len(found)} prompts of {min(map(len, found))} to {max(map(len, found))} tokens, {len(gaps)} rows, "
          f"{out.stat().st_size} bytes; top-2 gap: least {min(gaps):.4f}, median {numpy.median(gaps):.3f}")


def make_perplexity(path, folder):
    peer = llama_peer.Peer(path, threads=2, context=PERPLEXITY_CHUNK, batch=PERPLEXITY_CHUNK)
    text = "".join(open(name, encoding="utf-8").read() for name in PERPLEXITY_FILES)
    ids = peer.tokenize(text, False)[:PERPLEXITY_TOKENS]
    losses = []
    for start in range(0, PERPLEXITY_TOKENS, PERPLEXITY_CHUNK):
        chunk = ids[start:start + PERPLEXITY_CHUNK]
        peer.clear()
        peer.decode(chunk, 0, "all")
        for i in range(len(chunk) - 1):
            row = numpy.ctypeslib.as_array(peer.logits(i), (peer.vocab_size,)).astype(numpy.float64)
            losses.append(numpy.log(numpy.exp(row - row.max()).sum()) + row.max() - row[chunk[i + 1]])
    golden = {
        "files": PERPLEXITY_FILES,
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "tokens": len(ids),
        "ids_sha256": hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest(),
        "chunk": PERPLEXITY_CHUNK,
        "scored": len(losses),
        "mean_nll": round(float(numpy.mean(losses)), 6),
        "perplexity": round(float(numpy.exp(numpy.mean(losses))), 5),
        "peer": llama_peer.VERSION,
        "model_sha256": llama_peer.sha256_of(path),
    }
    out = folder / "perplexity.json"
    out.write_text(json.dumps(golden, indent=2) + "\n")
    print(f"{out.name}: {golden['perplexity']} over {golden['scored']} tokens")
