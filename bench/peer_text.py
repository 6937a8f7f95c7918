#!/usr/bin/env python3
"""One measurement of llama.cpp for bench/device_text, in a process of its own: prints one JSON object as sluice bench-text does.

Only calls into the library are timed, with its batches made beforehand and no sampling: Python costs the peer nothing.
"""
import argparse
import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import llama_peer  # noqa: E402


def resident_bytes():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gguf")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompt-tokens", type=int, required=True)
    parser.add_argument("--answer-tokens", type=int, required=True)
    options = parser.parse_args()

    llama_peer.fetch()
    base = resident_bytes()
    peer = llama_peer.Peer(options.gguf, options.threads, options.prompt_tokens + options.answer_tokens + 64,
                           max(512, options.prompt_tokens))
    # As sluice bench-text: ordinary ids, one warm-up that touches every page, prefill and decode apart.
    prompt = [(1000 + i * 37) % peer.vocab_size for i in range(options.prompt_tokens)]
    peer.decode(prompt[:32], 0, "last")
    for i in range(8):
        peer.decode([prompt[i]], 32 + i, "last")

    peer.clear()
    batch = peer.batch(prompt, 0, "last")
    start = time.perf_counter()
    peer.run(batch)
    peer.logits(-1)
    prefill = time.perf_counter() - start

    peer.clear()
    peer.decode(prompt[:1], 0, "last")
    batches = [peer.batch([prompt[i]], i, "last") for i in range(1, options.answer_tokens)]
    start = time.perf_counter()
    for batch in batches:
        peer.run(batch)
        peer.logits(-1)
    decode = time.perf_counter() - start

    print(json.dumps({
        "engine": llama_peer.VERSION, "threads": options.threads, "load_ms": peer.load_seconds * 1e3,
        "prompt_tokens": options.prompt_tokens, "answer_tokens": options.answer_tokens,
        "rounds": [{"prefill_tokens_per_s": options.prompt_tokens / prefill, "decode_tokens_per_s": len(batches) / decode}],
        # Python and its modules are not the peer's.
        "resident_bytes": resident_bytes() - base,
    }))


main()
