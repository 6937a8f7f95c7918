"""Model files that are cut short, bit-flipped or lying: the error names file and tensor, and the server lives on."""
import random
import re
import struct

import pytest

from harness import hub as hubs, reciting_model

FLIPS = 160


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "whole.gguf"
    reciting_model.write_model(path, context=256)
    return path.read_bytes()


CUTS = [0, 3, 4, 8, 23, 24, 100, 2000, 6000]


@pytest.fixture(scope="module")
def hub(whole):
    """All broken files lie in one models folder: what one of them breaks, the next request would meet."""
    hub = hubs.Hub()
    files = {"whole": whole, "short": whole[:len(whole) - 300_000]}
    files |= {f"stump-{left}": whole[:left] for left in CUTS}
    files |= {f"liar-{number}": lie(whole) for number, lie in enumerate(LIES.values())}
    for name, data in files.items():
        (hub.models / f"{name}.gguf").write_bytes(data)
    with hub:
        yield hub
        assert hub.chat("reciter:device").status == 200, "the engine did not survive"


def said(hub, name):
    """The refusal of that model; None if it answers."""
    answer = hub.chat(f"{name}:device", max_tokens=8)
    if answer.status == 200:
        return None
    assert answer.status in (400, 500, 502, 503), answer
    assert f"{name}.gguf" in answer.error["message"], answer.error
    return answer.error["message"]


def test_the_whole_file_works(hub):
    assert said(hub, "whole") is None


def test_a_file_cut_in_its_weights_names_tensor_and_both_sizes(hub, whole):
    message = said(hub, "short")
    assert "output.weight" in message
    assert len([number for number in re.findall(r"\d+", message) if int(number) > 1000]) >= 2, message


@pytest.mark.parametrize("left", CUTS)
def test_a_file_cut_in_its_head(hub, left):
    assert said(hub, f"stump-{left}")


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
def test_a_lying_file_is_refused_with_its_name(hub, lie):
    message = said(hub, f"liar-{list(LIES).index(lie)}")
    assert message or lie in HARMLESS, "accepted"


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
