"""Embeddings and token counts: every front that has the route against every upstream dialect that can."""
import base64
import struct

import pytest

from . import cells as m

KNOWN = m.tables()
VECTOR = [0.25, -0.5, 0.75]
EMBEDDING = {"openai", "gemini", "cohere"}   # what the simulated servers offer
COUNTING = {"anthropic", "gemini"}


def routes(task):
    return [(route["front"], route["path"]) for route in KNOWN["routes"] if route["task"] == task]


@pytest.fixture(scope="module")
def played():
    with m.hub_and_simulator(m.back_names(KNOWN)) as (hub, simulator):
        yield hub, simulator


@pytest.mark.parametrize("back", sorted(EMBEDDING))
@pytest.mark.parametrize("encoding", ("float", "base64"))
def test_embeddings_of_openai_clients(played, back, encoding):
    if back not in m.back_names(KNOWN) or ("openai", "/v1/embeddings") not in routes("embed"):
        pytest.skip("no such row in this binary")
    answer = played[0].ask("POST", "/v1/embeddings", {"model": f"sim/text:sim-{back}", "input": ["one", "two", "three"],
                                                      "encoding_format": encoding})
    assert answer.status == 200, answer.body
    body = answer.json
    assert body["object"] == "list" and [item["index"] for item in body["data"]] == [0, 1, 2], body
    for item in body["data"]:
        vector = item["embedding"]
        if encoding == "base64":
            vector = list(struct.unpack(f"<{len(base64.b64decode(vector)) // 4}f", base64.b64decode(vector)))
        assert vector == VECTOR, item
    assert set(body["usage"]) >= {"prompt_tokens", "total_tokens"}, body


@pytest.mark.parametrize("back", sorted(EMBEDDING))
def test_embeddings_of_ollama_clients(played, back):
    if back not in m.back_names(KNOWN) or ("ollama", "/api/embed") not in routes("embed"):
        pytest.skip("no such row in this binary")
    answer = played[0].ask("POST", "/api/embed", {"model": f"sim/text:sim-{back}", "input": ["one", "two"]})
    assert answer.status == 200, answer.body
    assert answer.json["embeddings"] == [VECTOR, VECTOR], answer.body


@pytest.mark.parametrize("back", sorted(m.back_names(KNOWN)))
def test_token_counts_of_anthropic_clients(played, back):
    counting = routes("count_tokens")
    if not counting:
        pytest.skip("no such row in this binary")
    answer = played[0].ask("POST", counting[0][1], {"model": f"sim/text:sim-{back}", "system": "Be brief.",
                                                    "messages": [{"role": "user", "content": "Hello"}]})
    assert answer.status == 200, answer.body
    estimated = answer.header("x-sluice-estimated") == "true"
    assert answer.json["input_tokens"] == 14 or estimated, answer.body
    if back == "anthropic":
        assert not estimated and set(answer.json) == {"input_tokens"}, answer.body


def test_what_was_sent_fits_the_sdks_own_types(played):
    judge, wrong = m.Judge(), []
    for one in played[1].received():
        name = f"{one['server']}.{one['kind']}"
        if judge.knows(name) and (fault := judge.fault_of(name, one["body"])):
            wrong.append(f"{name}: {fault}\n    {one['body'][:500]}")
    assert not wrong, "\n".join(wrong)
