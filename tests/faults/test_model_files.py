"""Model files that are cut short, bit-flipped or lying: the error names file and tensor, and the server lives on."""
import random
import struct

import pytest

from harness import hub as hubs, reciting_model

FLIPS = 160


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "whole.gguf"
    reciting_model.write_model(path, context=256)
    return path.read_bytes()


@pytest.fixture(scope="module")
def hub():
    with hubs.Hub() as hub:
        yield hub
        assert hub.chat("reciter:device").status == 200, "the engine did not survive"


def said(hub, name, data):
    """What `sluice run` makes of the file: it needs neither server nor key."""
    path = hub.models / f"{name}.gguf"
    path.write_bytes(data)
    try:
        run = hub.command("run", name, "Hi")
    finally:
        path.unlink()
    assert "Sanitizer" not in run.stderr and "runtime error" not in run.stderr, run.stderr
    assert run.returncode in (0, 1), (run.returncode, run.stderr)
    return run


def test_the_whole_file_works(hub, whole):
    run = said(hub, "whole", whole)
    assert run.returncode == 0 and reciting_model.RECITED in run.stdout, run


def test_a_file_cut_in_its_weights_names_tensor_and_both_sizes(hub, whole):
    run = said(hub, "cut", whole[:len(whole) - 300_000])
    assert run.returncode == 1
    assert "cut.gguf" in run.stderr and "output.weight" in run.stderr
    assert any(number.isdigit() and int(number) > 1000 for number in run.stderr.replace(",", " ").split()), run.stderr


@pytest.mark.parametrize("left", [0, 3, 4, 8, 23, 24, 100, 2000, 6000])
def test_a_file_cut_in_its_head(hub, whole, left):
    run = said(hub, "stump", whole[:left])
    assert run.returncode == 1 and "stump.gguf" in run.stderr


LIES = {
    "another magic": lambda d: b"GGML" + d[4:],
    "version 0": lambda d: d[:4] + struct.pack("<I", 0) + d[8:],
    "version 2 billion": lambda d: d[:4] + struct.pack("<I", 2**31) + d[8:],
    "2^63 tensors": lambda d: d[:8] + struct.pack("<Q", 2**63) + d[16:],
    "2^40 tensors": lambda d: d[:8] + struct.pack("<Q", 2**40) + d[16:],
    "2^63 entries": lambda d: d[:16] + struct.pack("<Q", 2**63) + d[24:],
    "a key of 2^60 bytes": lambda d: d[:24] + struct.pack("<Q", 2**60) + d[32:],
    "another architecture": lambda d: d.replace(b"llama", b"lhama"),
    "no heads": lambda d: _set_u32(d, b"llama.attention.head_count", 0),
    "a billion heads": lambda d: _set_u32(d, b"llama.attention.head_count", 10**9),
    "heads that do not divide": lambda d: _set_u32(d, b"llama.attention.head_count", 7),
    "more heads for keys than for queries": lambda d: _set_u32(d, b"llama.attention.head_count_kv", 64),
    "no layers": lambda d: _set_u32(d, b"llama.block_count", 0),
    "a billion layers": lambda d: _set_u32(d, b"llama.block_count", 10**9),
    "a context of 4 billion": lambda d: _set_u32(d, b"llama.context_length", 2**32 - 1),
    "a width that the weights do not have": lambda d: _set_u32(d, b"llama.embedding_length", 640),
    "an end token outside the vocabulary": lambda d: _set_u32(d, b"tokenizer.ggml.eos_token_id", 10**6),
    "a tensor of another type": lambda d: _set_after(d, b"output_norm.weight", 4 + 8, struct.pack("<I", 39)),
    "a tensor of 2^63 values": lambda d: _set_after(d, b"output_norm.weight", 4, struct.pack("<Q", 2**63)),
    "a tensor far behind the end": lambda d: _set_after(d, b"output_norm.weight", 4 + 8 + 4, struct.pack("<Q", 2**62)),
    "a tensor that overlaps another": lambda d: _set_after(d, b"output_norm.weight", 4 + 8 + 4, struct.pack("<Q", 0)),
    "a tensor off its alignment": lambda d: _set_after(d, b"output_norm.weight", 4 + 8 + 4, struct.pack("<Q", 7)),
}
HARMLESS = {"a tensor that overlaps another", "a context of 4 billion"}  # wrong, but not dangerous


def _set_after(data, name, distance, value):
    at = data.index(struct.pack("<Q", len(name)) + name) + 8 + len(name) + distance
    return data[:at] + value + data[at + len(value):]


def _set_u32(data, key, value):
    return _set_after(data, key, 4, struct.pack("<I", value))


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_file_is_refused_with_its_name(hub, whole, lie):
    run = said(hub, "liar", LIES[lie](whole))
    if lie not in HARMLESS:
        assert run.returncode == 1, f"{lie}: accepted: {run.stdout!r}"
    if run.returncode == 1:
        assert "liar" in run.stderr


def test_flipped_bits_never_crash_the_server(whole):
    """All in one server, as requests: what one file breaks, the next request would meet."""
    dice = random.Random(20264)
    head = whole.index(b"blk.0.attn_norm.weight") + 2000
    names = []
    hub = hubs.Hub()
    for number in range(FLIPS):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 1, 3])):
            data[dice.randrange(head)] ^= 1 << dice.randrange(8)
        names.append(f"flipped-{number}")
        (hub.models / f"{names[-1]}.gguf").write_bytes(data)
    with hub:
        seen = set()
        for name in names:
            answer = hub.chat(f"{name}:device", max_tokens=4)
            seen.add(answer.status)
            if answer.status != 200:
                assert answer.error["message"]
        assert 200 in seen and len(seen) > 1, seen  # some flips hit padding or text, others must be found
        assert hub.chat("reciter:device").status == 200
