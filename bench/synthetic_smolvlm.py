"""Checkpoints of the family's true shapes with seeded weights, as GGUF pairs: for speed and memory, which do not depend on
what a model has learned. The words are those of the tiny golden checkpoint, padded to the true vocabulary.

    bench/synthetic_smolvlm.py 256M Q8_0 FOLDER

Weights are drawn once per width and repeated, so that a 3B file is written at the speed of the disk. Their scale keeps
activations finite: one over the root of the width.
"""
import array
import json
import pathlib
import random
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "smolvlm" / "llama"

# hidden, layers, heads, key-value heads, feed-forward, vocabulary, theta, tied, architecture
TEXT = {
    "256M": (576, 30, 9, 3, 1536, 49280, 100000.0, False, "llama"),
    "500M": (960, 32, 15, 5, 2560, 49280, 100000.0, False, "llama"),
    "2.2B": (2048, 24, 32, 32, 8192, 49280, 130000.0, False, "llama"),
    "3B": (2048, 36, 16, 4, 11008, 128512, 5000000.0, True, "smollm3"),
}
# image, patch, hidden, layers, heads, feed-forward, shuffle
SMALL_TOWER = (512, 16, 768, 12, 12, 3072, 4)
LARGE_TOWER = (384, 14, 1152, 27, 16, 4304, 3)
TOWERS = {"256M": SMALL_TOWER, "500M": SMALL_TOWER, "2.2B": LARGE_TOWER, "3B": LARGE_TOWER}
CONTEXT = 8192

F32, F16, Q4_0, Q8_0, BF16 = 0, 1, 2, 8, 30  # ggml's numbers
FORMATS = {"F32": F32, "F16": F16, "Q4_0": Q4_0, "Q8_0": Q8_0, "BF16": BF16}
BLOCK = {F32: (1, 4), F16: (1, 2), BF16: (1, 2), Q4_0: (32, 18), Q8_0: (32, 34)}  # values, bytes
POOL_BLOCKS = {F32: 65521, F16: 65521, BF16: 65521, Q4_0: 4093, Q8_0: 4093}  # primes: rows do not repeat in step
ALIGNMENT = 32


def pool(kind, width):
    """The blocks that every matrix of this width is cut from."""
    draw, scale, count = random.Random(f"{kind} {width}"), width ** -0.5, POOL_BLOCKS[kind]
    if kind == Q8_0:  # 74: the deviation of a byte drawn evenly
        head = struct.pack("<e", scale / 74)
        return b"".join(head + draw.randbytes(32) for _ in range(count))
    if kind == Q4_0:  # 4.6: of a nibble
        head = struct.pack("<e", scale / 4.6)
        return b"".join(head + draw.randbytes(16) for _ in range(count))
    values = array.array("f", (draw.gauss(0, scale) for _ in range(count)))
    if kind == F16:
        return struct.pack(f"<{count}e", *values)
    data = values.tobytes()
    return data if kind == F32 else b"".join(data[i + 2:i + 4] for i in range(0, len(data), 4))


def text_entry(key, value):
    def text(words):
        data = words.encode()
        return struct.pack("<Q", len(data)) + data

    head = text(key)
    if isinstance(value, bool):
        return head + struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return head + struct.pack("<II", 4, value)
    if isinstance(value, float):
        return head + struct.pack("<If", 6, value)
    if isinstance(value, str):
        return head + struct.pack("<I", 8) + text(value)
    kind, pack = {str: (8, text), int: (5, lambda v: struct.pack("<i", v)),
                  float: (6, lambda v: struct.pack("<f", v))}[type(value[0])]
    return head + struct.pack("<IIQ", 9, kind, len(value)) + b"".join(pack(v) for v in value)


def write_gguf(path, entries, tensors, kind):
    """tensors: (name, shape outermost first); matrices in `kind` where their width allows it, the rest in f32."""
    heads, plan, at = b"", [], 0
    for name, shape in tensors:
        is_matrix = len(shape) == 2 and "position" not in name
        stored = kind if is_matrix else F32
        if shape[-1] % BLOCK[stored][0]:
            stored = F16  # as converters do: 4304 is no multiple of 32
        count = 1
        for size in shape:
            count *= size
        length = count // BLOCK[stored][0] * BLOCK[stored][1]
        data = name.encode()
        heads += struct.pack("<Q", len(data)) + data + struct.pack("<I", len(shape))
        heads += b"".join(struct.pack("<Q", size) for size in reversed(shape)) + struct.pack("<IQ", stored, at)
        plan.append((name, shape, stored, length))
        at += -(-length // ALIGNMENT) * ALIGNMENT
    body = b"".join(text_entry(key, value) for key, value in entries.items())
    head = b"GGUF" + struct.pack("<IQQ", 3, len(plan), len(entries)) + body + heads
    pools = {}
    with open(path, "wb") as out:
        out.write(head + bytes(-len(head) % ALIGNMENT))
        for index, (name, shape, stored, length) in enumerate(plan):
            if len(shape) == 1:
                value = 1.0 if name.endswith(("norm.weight", "ln1.weight", "ln2.weight", "post_ln.weight")) else 0.0
                source = array.array("f", [value] * shape[0]).tobytes()
            else:
                key = stored, shape[-1]
                if key not in pools:
                    pools[key] = pool(*key) * 8
                source = pools[key]
            start = index * 97 % (len(source) // BLOCK[stored][1]) * BLOCK[stored][1] if len(shape) > 1 else 0
            left = length
            while left > 0:
                piece = source[start:start + left]
                out.write(piece)
                left, start = left - len(piece), 0
            out.write(bytes(-length % ALIGNMENT))


def vocabulary(size, architecture):
    """The golden checkpoint's words; rows beyond them have names of their own."""
    read = json.loads((GOLDEN / "tokenizer.json").read_text())
    ids = {**read["model"]["vocab"], **{token["content"]: token["id"] for token in read["added_tokens"]}}
    special = {token["id"] for token in read["added_tokens"] if token["special"]}
    words = {index: word for word, index in ids.items()}
    tokens = [words.get(i, f"<|unused_{i}|>") for i in range(size)]
    kinds = [3 if i in special or i not in words else 1 for i in range(size)]
    end = ids["<end_of_utterance>"]
    return {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm", "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.token_type": kinds,
            "tokenizer.ggml.merges": [" ".join(pair) if isinstance(pair, list) else pair
                                      for pair in read["model"]["merges"]],
            "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": end,
            "tokenizer.ggml.unknown_token_id": 0, "tokenizer.ggml.padding_token_id": 2,
            "tokenizer.ggml.add_bos_token": False,
            "tokenizer.chat_template": json.loads((GOLDEN / "chat_template.json").read_text())["chat_template"],
            f"{architecture}.vocab_size": size}


def write_text(path, name, kind):
    hidden, layers, heads, kv_heads, feed, words, theta, tied, architecture = TEXT[name]
    head = hidden // heads
    entries = {"general.architecture": architecture, "general.name": f"synthetic {name}",
               **{f"{architecture}.{key}": value for key, value in {
                   "block_count": layers, "context_length": CONTEXT, "embedding_length": hidden,
                   "feed_forward_length": feed, "attention.head_count": heads, "attention.head_count_kv": kv_heads,
                   "attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": theta,
                   "rope.dimension_count": head}.items()},
               **vocabulary(words, architecture)}
    tensors = [("token_embd.weight", (words, hidden)), ("output_norm.weight", (hidden,))]
    tensors += [] if tied else [("output.weight", (words, hidden))]
    for i in range(layers):
        tensors += [(f"blk.{i}.{key}.weight", shape) for key, shape in {
            "attn_norm": (hidden,), "attn_q": (hidden, hidden), "attn_k": (kv_heads * head, hidden),
            "attn_v": (kv_heads * head, hidden), "attn_output": (hidden, hidden), "ffn_norm": (hidden,),
            "ffn_gate": (feed, hidden), "ffn_up": (feed, hidden), "ffn_down": (hidden, feed)}.items()]
    write_gguf(path, entries, tensors, kind)


def write_tower(path, name, kind):
    image, patch, hidden, layers, heads, feed, shuffle = TOWERS[name]
    out = TEXT[name][0]
    grid = image // patch
    entries = {"general.architecture": "clip", "general.type": "mmproj", "clip.has_vision_encoder": True,
               "clip.projector_type": "idefics3", "clip.use_gelu": True,
               **{f"clip.vision.{key}": value for key, value in {
                   "image_size": image, "patch_size": patch, "embedding_length": hidden, "feed_forward_length": feed,
                   "block_count": layers, "projection_dim": out, "attention.head_count": heads,
                   "attention.layer_norm_epsilon": 1e-6, "projector.scale_factor": shuffle,
                   "preproc_image_size": 4 * image, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}.items()}}
    tensors = [("v.patch_embd.weight", (hidden, 3, patch, patch)), ("v.patch_embd.bias", (hidden,)),
               ("v.position_embd.weight", (grid * grid, hidden)), ("v.post_ln.weight", (hidden,)),
               ("v.post_ln.bias", (hidden,)), ("mm.model.fc.weight", (out, hidden * shuffle * shuffle))]
    for i in range(layers):
        for key, shape in {"ln1": (hidden,), "ln2": (hidden,), "attn_q": (hidden, hidden), "attn_k": (hidden, hidden),
                           "attn_v": (hidden, hidden), "attn_out": (hidden, hidden), "ffn_up": (feed, hidden),
                           "ffn_down": (hidden, feed)}.items():
            tensors += [(f"v.blk.{i}.{key}.weight", shape), (f"v.blk.{i}.{key}.bias", shape[:1])]
    write_gguf(path, entries, tensors, kind)


def write_pair(name, number_format, folder):
    """Gives the path of the decoder's file; the tower's lies beside it."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = FORMATS[number_format]
    text = folder / f"synthetic-{name}-{number_format}.gguf"
    write_text(text, name, kind)
    # A tower in four bits is not what people run: llama.cpp's own files have eight.
    write_tower(folder / f"mmproj-synthetic-{name}.gguf", name, Q8_0 if kind == Q4_0 else kind)
    return text


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in TEXT or sys.argv[2] not in FORMATS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(TEXT)} {'|'.join(FORMATS)} FOLDER")
    print(write_pair(*sys.argv[1:]))
