"""Ollama's own API in front of a provider that speaks OpenAI's chat, and of the device."""
import json

import pytest

from harness import hub as hubs, upstream as up

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"


@pytest.fixture(scope="module")
def provider():
    with up.Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def hub(provider):
    with hubs.Hub(providers={"mistral": provider, "openai": provider}) as hub:
        yield hub


@pytest.fixture(autouse=True)
def fresh(provider):
    provider.forget()
    provider.script = up.complete


def lines_of(answer):
    assert answer.header("content-type") == "application/x-ndjson"
    assert answer.body.endswith(b"\n")
    return [json.loads(line) for line in answer.body.decode().splitlines()]


def check_end(last):
    assert last["done"] is True and last["done_reason"] == "stop"
    assert last["total_duration"] >= last["prompt_eval_duration"] + last["eval_duration"] > 0
    assert last["prompt_eval_count"] > 0 and last["eval_count"] > 0
    assert last["created_at"].endswith("Z")


@pytest.mark.parametrize("model", ["m:mistral", "reciter", "reciter:latest"])
def test_chat_streams_unless_told_not_to(hub, model):
    question = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    streamed = hub.ask("POST", "/api/chat", question)
    assert streamed.status == 200 and streamed.whole
    lines = lines_of(streamed)
    assert len(lines) > 2 and all(not line["done"] for line in lines[:-1])
    check_end(lines[-1])
    text = "".join(line["message"]["content"] for line in lines)
    whole = hub.ask("POST", "/api/chat", {**question, "stream": False})
    assert whole.header("content-type") == "application/json"
    check_end(whole.json)
    assert whole.json["message"] == {"role": "assistant", "content": text} and text


def test_what_is_asked_reaches_the_provider(hub, provider):
    answer = hub.ask("POST", "/api/chat", {
        "model": "m:openai", "stream": False, "format": {"type": "object"}, "keep_alive": "5m",
        "options": {"temperature": 0.5, "seed": 7, "num_predict": 9, "stop": ["x"], "num_ctx": 4096},
        "tools": [{"type": "function", "function": {"name": "get", "parameters": {"type": "object"}}}],
        "messages": [{"role": "user", "content": "look", "images": [PNG]},
                     {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "get", "arguments": {"x": 1}}}]},
                     {"role": "tool", "tool_name": "get", "content": "7"}]})
    assert answer.status == 200, answer
    sent = provider.requests[0].json
    assert (sent["temperature"], sent["seed"], sent["stop"]) == (0.5, 7, ["x"])
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert sent["messages"][0]["content"][0]["image_url"]["url"] == "data:image/png;base64," + PNG
    assert json.loads(sent["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"x": 1}
    assert sent["messages"][1]["tool_calls"][0]["id"] == sent["messages"][2]["tool_call_id"]
    assert "num_ctx" not in sent and answer.header("x-sluice-dropped") == "num_ctx"


def test_calls_of_tools_come_whole_with_objects_for_arguments(hub, provider):
    def script(exchange):
        def event(delta, reason=None):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return b"data: " + json.dumps({"id": "x", "model": "m", "choices": [choice]}).encode() + b"\n\n"
        exchange.begin_stream()
        for piece in ({"id": "c1", "type": "function", "function": {"name": "get", "arguments": ""}},
                      {"function": {"arguments": '{"x":'}}, {"function": {"arguments": "1}"}}):
            exchange.send_chunk(event({"tool_calls": [{"index": 0, **piece}]}))
        exchange.send_chunk(event({}, "tool_calls") + b"data: [DONE]\n\n")
        exchange.end_stream()
    provider.script = script
    lines = lines_of(hub.ask("POST", "/api/chat", {"model": "m:openai", "messages": [{"role": "user", "content": "Hi"}]}))
    calls = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert [(call["function"]["name"], call["function"]["arguments"]) for call in calls] == [("get", {"x": 1})]


def test_generate(hub, provider):
    answer = hub.ask("POST", "/api/generate", {"model": "m:openai", "prompt": "p", "system": "s"})
    lines = lines_of(answer)
    assert "".join(line["response"] for line in lines) == up.ANSWER
    check_end(lines[-1])
    assert [message["role"] for message in provider.requests[0].json["messages"]] == ["system", "user"]
    raw = hub.ask("POST", "/api/generate", {"model": "m:openai", "prompt": "p", "raw": True, "stream": False})
    assert raw.status == 200 and raw.json["response"] == up.ANSWER
    assert provider.requests[1].target.endswith("/completions") and provider.requests[1].json["prompt"] == "p"


def test_embeddings(hub, provider):
    vectors = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": i, "embedding": [0.5, float(i)]}
                                                        for i in range(2)], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    provider.script = up.answering(vectors)
    answer = hub.ask("POST", "/api/embed", {"model": "m:openai", "input": ["a", "b"]})
    assert answer.status == 200, answer
    assert answer.json["embeddings"] == [[0.5, 0], [0.5, 1]] and answer.json["prompt_eval_count"] == 3
    assert provider.requests[0].json["input"] == ["a", "b"]
    provider.script = up.answering({**vectors, "data": vectors["data"][:1]})
    assert hub.ask("POST", "/api/embeddings", {"model": "m:openai", "prompt": "a"}).json == {"embedding": [0.5, 0]}


def test_what_clients_ask_about_the_server(hub):
    tags = hub.ask("GET", "/api/tags").json["models"]
    # The device's own first, then what the providers switched on are known to offer: as everywhere else.
    assert [tag["name"] for tag in tags] == [model["id"] for model in hub.ask("GET", "/v1/models").json["data"]]
    assert len(tags[0]["digest"]) == 64 and tags[0]["model"] == "reciter"
    for body in ({"model": "reciter"}, {"name": "reciter:latest"}):
        shown = hub.ask("POST", "/api/show", body)
        assert shown.status == 200 and "completion" in shown.json["capabilities"]
    assert hub.ask("GET", "/api/ps").json == {"models": []}
    assert hub.ask("GET", "/api/version", authorized=False).json["version"].count(".") == 2
    for method in ("HEAD", "GET"):
        assert hub.ask(method, "/", authorized=False).status == 200


def test_errors_are_texts(hub, provider):
    for method, target, body, status in [
            ("POST", "/api/chat", {"model": "nowhere", "messages": [{"role": "user", "content": "Hi"}]}, 404),
            ("POST", "/api/chat", {"model": "m:openai", "messages": []}, 400),
            ("POST", "/api/chat", b"{", 400),
            ("POST", "/api/show", {"model": "nowhere"}, 404),
            ("POST", "/api/show", {}, 400),
            ("POST", "/api/show", b"rubbish", 400),
            ("GET", "/api/chat", None, 405),
            ("POST", "/api/pull", {"model": "m"}, 404)]:
        answer = hub.ask(method, target, body)
        assert answer.status == status and isinstance(answer.json["error"], str), (target, answer)
    assert isinstance(hub.ask("GET", "/api/tags", authorized=False).json["error"], str)
    provider.script = up.cutting_after(3)
    cut = hub.ask("POST", "/api/chat", {"model": "m:openai", "messages": [{"role": "user", "content": "Hi"}]})
    last = json.loads(cut.body.decode().splitlines()[-1])
    assert not cut.whole and "cut" in last["error"] and "done" not in last
