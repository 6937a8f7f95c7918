"""A GGUF whose greedy answer is known beforehand, so that a test of the device needs no real weights.

The network is a Llama with one layer that adds nothing to its input: embeddings are one-hot, the attention's and the
MLP's last matrices are zero, and row n of the output matrix points at the token after which n follows. Each token
therefore has one successor, and the model recites a text. All of the engine runs (queue, prefill, decode,
detokeniser, stop ids); only the arithmetic is trivial, and that is tested where the kernels live.

A chat ends with "assistant\n", so a recital begins after a line break.
"""
import array
import math
import pathlib
import struct

# GGUF value types (the format's own numbers).
_U32, _F32, _BOOL, _STRING, _ARRAY, _I32 = 4, 6, 7, 8, 9, 5
_TENSOR_F32 = 0
_ALIGNMENT = 32

# Each token has one successor, so none may come twice. Characters are cut inside: a detokeniser that emits halves is caught.
RECITAL = [b"Water", b" finds", b" the", b" sluice", b":", b" \xc3", b"\xa9", b" \xf0", b"\x9f\x8c", b"\x8a", b" done", b"."]
RECITED = b"".join(RECITAL).decode()
RECITED_TOKENS = len(RECITAL)
CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
          "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def _byte_letters():
    """GPT-2's printable stand-in for each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in shown}
    unseen = (byte for byte in range(256) if byte not in letters)
    letters.update({byte: chr(256 + i) for i, byte in enumerate(unseen)})
    return letters


def _spell(piece, letters):
    return "".join(letters[byte] for byte in piece)


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _entry(key, value):
    head = _string(key)
    if isinstance(value, bool):
        return head + struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return head + struct.pack("<II", _U32, value)
    if isinstance(value, float):
        return head + struct.pack("<If", _F32, value)
    if isinstance(value, str):
        return head + struct.pack("<I", _STRING) + _string(value)
    kind = _STRING if isinstance(value[0], str) else _I32
    packed = b"".join(_string(v) if kind == _STRING else struct.pack("<i", v) for v in value)
    return head + struct.pack("<IIQ", _ARRAY, kind, len(value)) + packed


def write_gguf(path, metadata, tensors):
    """tensors: name -> (shape, floats); shape outermost first, as a matrix is spoken of."""
    heads, data = b"", b""
    for name, (shape, values) in tensors.items():
        assert len(values) == math.prod(shape), name
        heads += _string(name) + struct.pack("<I", len(shape))
        heads += b"".join(struct.pack("<Q", size) for size in reversed(shape))
        heads += struct.pack("<IQ", _TENSOR_F32, len(data))
        data += array.array("f", values).tobytes()
        data += bytes(-len(data) % _ALIGNMENT)
    entries = b"".join(_entry(key, value) for key, value in metadata.items())
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + entries + heads
    pathlib.Path(path).write_bytes(head + bytes(-len(head) % _ALIGNMENT) + data)


def _matrix(rows, columns, ones=()):
    values = [0.0] * (rows * columns)
    for row, column in ones:
        values[row * columns + column] = 1.0
    return (rows, columns), values


def write_model(path, endless=False, context=2048, name="Reciter"):
    """Writes the model; `endless` starts over instead of stopping, so that only a limit or a cancel ends it."""
    letters = _byte_letters()
    vocabulary = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary += [letters[byte] for byte in range(256)]
    for piece in RECITAL:
        spelled = _spell(piece, letters)
        if spelled not in vocabulary:
            vocabulary.append(spelled)
    merges = []
    for pair in (("e", "r"), ("o", "n")):
        merges.append(" ".join(pair))
        vocabulary.append("".join(pair))
    width = 320  # at least one dimension a token, a multiple of the head size
    assert len(vocabulary) <= width
    ids = {text: i for i, text in enumerate(vocabulary)}

    line_break = letters[ord("\n")]
    chain = [line_break, *(_spell(piece, letters) for piece in RECITAL), line_break if endless else "<|im_end|>"]
    follows = [(ids[after], ids[before]) for before, after in zip(chain, chain[1:])]

    head, key_values, hidden = 64, 64, 64
    tensors = {
        "token_embd.weight": _matrix(len(vocabulary), width, [(i, i) for i in range(len(vocabulary))]),
        "blk.0.attn_norm.weight": ((width,), [1.0] * width),
        "blk.0.attn_q.weight": _matrix(width, width, [(i, i) for i in range(width)]),
        "blk.0.attn_k.weight": _matrix(key_values, width, [(i, i) for i in range(key_values)]),
        "blk.0.attn_v.weight": _matrix(key_values, width, [(i, i) for i in range(key_values)]),
        "blk.0.attn_output.weight": _matrix(width, width),
        "blk.0.ffn_norm.weight": ((width,), [1.0] * width),
        "blk.0.ffn_gate.weight": _matrix(hidden, width, [(i, i) for i in range(hidden)]),
        "blk.0.ffn_up.weight": _matrix(hidden, width, [(i, i) for i in range(hidden)]),
        "blk.0.ffn_down.weight": _matrix(width, hidden),
        "output_norm.weight": ((width,), [1.0] * width),
        "output.weight": _matrix(len(vocabulary), width, follows),
    }
    metadata = {
        "general.architecture": "llama", "general.name": name, "general.file_type": 0,
        "llama.block_count": 1, "llama.context_length": context, "llama.embedding_length": width,
        "llama.feed_forward_length": hidden, "llama.attention.head_count": width // head,
        "llama.attention.head_count_kv": key_values // head, "llama.rope.dimension_count": head,
        "llama.rope.freq_base": 10000.0, "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.vocab_size": len(vocabulary),
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": vocabulary,
        "tokenizer.ggml.token_type": [3, 3, 3] + [1] * (len(vocabulary) - 3),
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0, "tokenizer.ggml.padding_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHATML,
    }
    write_gguf(path, metadata, tensors)
