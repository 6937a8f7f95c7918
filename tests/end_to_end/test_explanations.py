"""Whoever asks why gets it, at every address that answers; whoever did not ask can still ask afterwards."""
import json

import pytest

from harness import hub as hubs, upstream as up

VECTOR = {"object": "list", "model": "big", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
          "usage": {"prompt_tokens": 2, "total_tokens": 2}}


def script(exchange):
    if exchange.request.target.endswith("/embeddings"):
        return exchange.answer(VECTOR)
    return up.complete(exchange)


@pytest.fixture(scope="module")
def hub():
    routes = [{"provider": "one", "model": "big"}, {"provider": "two", "model": "big"}]
    with up.Upstream(script) as one, up.Upstream(script) as two:
        config = {"models": {"either": {"routes": routes}, "alone": {"routes": routes[:1]}},
                  "providers": {"one": {"api_key": "sk-1", "base_url": one.origin, "dialect": "openai"},
                                "two": {"api_key": "sk-2", "base_url": two.origin, "dialect": "openai"}}}
        with hubs.Hub(config, models=()) as hub:
            hub.upstream = one
            yield hub


TURN = [{"role": "user", "content": "Hi"}]
FRONTS = {
    "/v1/chat/completions": {"messages": TURN},
    "/v1/completions": {"prompt": "Hi"},
    "/v1/embeddings": {"input": "Hi"},
    "/v1/responses": {"input": "Hi"},
    "/v1/messages": {"messages": TURN, "max_tokens": 9},
    "/api/chat": {"messages": TURN, "stream": False},
    "/api/generate": {"prompt": "Hi", "stream": False},
    "/api/embed": {"input": "Hi"},
}
STREAMS = [path for path in FRONTS if "embed" not in path and path != "/v1/completions"]


def ask(hub, path, model="either", headers=(), **more):
    answer = hub.ask("POST", path, {"model": model, **FRONTS[path], **more}, headers)
    assert answer.status == 200, answer
    return answer


def check(told):
    assert told["route_id"] == "one/big" and told["reason"], told
    assert [one["provider"] for one in told["decision"]["candidates"]] == ["one", "two"]


@pytest.mark.parametrize("path", FRONTS)
def test_every_address_explains_in_its_answer(hub, path):
    check(json.loads(ask(hub, path, headers=[("X-Sluice-Explain", "true")]).body)["sluice"])
    check(json.loads(ask(hub, path, explain=True).body)["sluice"])
    assert "explain" not in hub.upstream.requests[-1].json
    assert "sluice" not in json.loads(ask(hub, path).body)


@pytest.mark.parametrize("path", STREAMS)
def test_streams_explain_before_they_answer(hub, path):
    body = ask(hub, path, headers=[("X-Sluice-Explain", "true")], stream=True).body.decode()
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.removeprefix("data: ").startswith("{")]
    check(json.loads(lines[0])["sluice"])
    assert all("sluice" not in json.loads(line) for line in lines[1:]), lines
    assert up.WORDS[0] in body
    if path in ("/v1/responses", "/v1/messages"):
        assert body.startswith("event: sluice.explanation\n"), body[:200]
    assert "sluice" not in ask(hub, path, stream=True).body.decode()


def explained(hub, answer):
    ask = lambda: hub.ask("GET", f"/admin/generations/{answer.header('x-request-id')}")
    hub.wait(lambda: ask().status == 200, "the record")  # made when the answer's last byte is out
    return json.loads(ask().body)["data"]["explanation"]


@pytest.mark.parametrize("path", FRONTS)
def test_every_answer_is_explained_afterwards(hub, path):
    check(explained(hub, ask(hub, path)))
    told = explained(hub, ask(hub, path, model="alone"))
    assert told["route_id"] == "one/big" and told["attempts"] == 1 and told["reason"]
    assert told["decision"]["only_candidate"] is True and told["decision"]["excluded"] == []
    # Asked for, the reasoning of one that was alone is kept as a whole.
    told = explained(hub, ask(hub, path, model="alone", headers=[("X-Sluice-Explain", "true")]))
    assert told["decision"]["policy"] == "preferred" and len(told["decision"]["candidates"]) == 1
