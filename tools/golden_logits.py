"""tests/golden/logits.txt and perplexity.json: what llama.cpp computes on the real model, teacher-forced.

Two runs. The exact one has the same weights, dequantised to f32 beforehand, and an f32 cache: nothing is rounded to 8 bits
on the way, so that it is the value both engines aim at (two of the peer's CPU variants agree on it to 0.004). The usual one
runs the file as it is; its distance from the exact one is the error that 8-bit activations cost the peer.
"""
import hashlib
import json
import random

import gguf
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


def exact_peer(path, **options):
    """The peer on an f32 copy of the file, made once in build/peers."""
    copy = llama_peer.ROOT / "build" / "peers" / (path.stem + ".f32.gguf")
    if not copy.exists():
        reader = gguf.GGUFReader(path)
        part = copy.with_suffix(".part")
        writer = gguf.GGUFWriter(part, reader.fields["general.architecture"].contents())
        for key, field in reader.fields.items():
            if key.startswith("GGUF.") or key == "general.architecture":
                continue
            value = 0 if key == "general.file_type" else field.contents()
            if field.types[0] == gguf.GGUFValueType.ARRAY:
                writer.add_array(key, value)
            else:
                writer.add_key_value(key, value, field.types[0])
        for tensor in reader.tensors:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
            writer.add_tensor(tensor.name, values.reshape([int(extent) for extent in reversed(tensor.shape)]))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.rename(copy)
    return llama_peer.Peer(copy, exact_cache=True, **options)


def rows_of(peer, ids, positions):
    """Logits after each of these positions, in f64."""
    peer.clear()
    peer.decode(ids, 0, "all")
    return [numpy.ctypeslib.as_array(peer.logits(position), (peer.vocab_size,)).astype(numpy.float64) for position in positions]


def log_sum_exp(row):
    return float(numpy.log(numpy.exp(row - row.max()).sum()) + row.max())


def make_logits(path, folder):
    usual = llama_peer.Peer(path, threads=1, context=1024, batch=512)
    exact = exact_peer(path, threads=1, context=1024, batch=512)
    rng = random.Random(11)
    sampled = sorted(rng.sample(range(exact.vocab_size), SAMPLED))
    lines = [
        "# Made by tools/make_goldens logits; format in README.md.",
        f"# Peer: {llama_peer.VERSION}; model sha256 {llama_peer.sha256_of(path)}",
        "sampled " + " ".join(map(str, sampled)),
    ]
    gaps, errors, cosines, flips = [], [], [], 0
    found = prompts(exact)
    for number, ids in enumerate(found):
        lines.append(f"prompt {number} " + " ".join(map(str, ids)))
        last = len(ids) - 1
        positions = sorted({last, *(round(last * step / (ROWS_PER_PROMPT - 1)) for step in range(ROWS_PER_PROMPT))})
        pairs = zip(positions, rows_of(exact, ids, positions), rows_of(usual, ids, positions))
        for position, row, other in pairs:
            top = numpy.argsort(-row, kind="stable")[:TOP]
            norm = float(numpy.linalg.norm(row))
            error = float(numpy.sqrt(((other - row)**2).mean()))
            cosine = float(row @ other / norm / numpy.linalg.norm(other))
            lines.append(f"row {position} {norm:.4f} {log_sum_exp(row):.5f} " + " ".join(f"{i}:{row[i]:.4f}" for i in top) +
                         " | " + " ".join(f"{row[i]:.3f}" for i in sampled))
            lines.append(f"peer {error:.4f} {cosine:.6f} {other.argmax()}")
            gaps.append(row[top[0]] - row[top[1]])
            errors.append(error)
            cosines.append(cosine)
            flips += int(other.argmax() != top[0])
    summary = (f"# The peer's usual run differs from these rows by {numpy.sqrt(numpy.mean(numpy.square(errors))):.4f} (root mean "
               f"square), least cosine {min(cosines):.6f}, {sum(c < 0.999 for c in cosines)} of {len(cosines)} rows under "
               f"0.999, another arg-max in {flips}")
    lines.insert(2, summary)
    out = folder / "logits.txt"
    out.write_text("\n".join(lines) + "\n")
    print(f"{out.name}: {len(found)} prompts of {min(map(len, found))} to {max(map(len, found))} tokens, {len(gaps)} rows, "
          f"{out.stat().st_size} bytes; top-2 gap: least {min(gaps):.4f}, median {numpy.median(gaps):.3f}\n{summary}")


def mean_nll(peer, ids):
    losses = []
    for start in range(0, len(ids), PERPLEXITY_CHUNK):
        chunk = ids[start:start + PERPLEXITY_CHUNK]
        rows = rows_of(peer, chunk, range(len(chunk) - 1))
        losses += [log_sum_exp(row) - row[following] for row, following in zip(rows, chunk[1:])]
    return float(numpy.mean(losses)), len(losses)


def make_perplexity(path, folder):
    usual = llama_peer.Peer(path, threads=1, context=PERPLEXITY_CHUNK, batch=PERPLEXITY_CHUNK)
    exact = exact_peer(path, threads=1, context=PERPLEXITY_CHUNK, batch=PERPLEXITY_CHUNK)
    text = "".join(open(name, encoding="utf-8").read() for name in PERPLEXITY_FILES)
    ids = usual.tokenize(text, False)[:PERPLEXITY_TOKENS]
    nll, scored = mean_nll(usual, ids)
    exact_nll, _ = mean_nll(exact, ids)
    golden = {
        "files": PERPLEXITY_FILES,
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "tokens": len(ids),
        "ids_sha256": hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest(),
        "chunk": PERPLEXITY_CHUNK,
        "scored": scored,
        "mean_nll": round(nll, 6),
        "perplexity": round(float(numpy.exp(nll)), 5),
        "exact_mean_nll": round(exact_nll, 6),
        "exact_perplexity": round(float(numpy.exp(exact_nll)), 5),
        "peer": llama_peer.VERSION,
        "model_sha256": llama_peer.sha256_of(path),
    }
    out = folder / "perplexity.json"
    out.write_text(json.dumps(golden, indent=2) + "\n")
    print(f"{out.name}: usual {golden['perplexity']}, exact {golden['exact_perplexity']} over {scored} tokens")
