"""OpenAI's Responses in front of a provider that speaks chat, and of the device.

Where the provider speaks Responses itself, bytes go through as they came (the last test).
"""
import json

import pytest

from harness import hub as hubs, upstream as up


@pytest.fixture(scope="module")
def provider():
    with up.Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def hub(provider):
    own = {"dialect": "responses", "base_url": provider.origin, "api_key": "sk-fake"}
    with hubs.Hub({"providers": {"mine": own}}, providers={"mistral": provider}) as hub:
        yield hub


@pytest.fixture(autouse=True)
def fresh(provider):
    provider.forget()
    provider.script = up.complete


def events_of(answer):
    """The events of a stream; each says its type twice and carries the next number."""
    assert answer.header("content-type").startswith("text/event-stream")
    events = []
    for block in answer.body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        assert [line.split(":")[0] for line in lines] == ["event", "data"], block
        data = json.loads(lines[1].removeprefix("data: "))
        assert lines[0] == f"event: {data['type']}"
        assert data["sequence_number"] == len(events)
        events.append(data)
    return events


STEPS = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
         "response.output_text.delta", "response.output_text.done", "response.content_part.done",
         "response.output_item.done", "response.completed"]


@pytest.mark.parametrize("address", ["/v1/responses", "/responses", "/api/v1/responses"])
def test_a_provider_that_speaks_chat(hub, provider, address):
    answer = hub.ask("POST", address, {"model": "m:mistral", "input": "Hi", "instructions": "Be brief.", "store": True,
                                       "max_output_tokens": 50, "text": {"format": {"type": "json_object"}}})
    assert answer.status == 200, answer
    response = answer.json
    assert (response["object"], response["status"], response["store"]) == ("response", "completed", False)
    assert response["id"].startswith("resp_") and response["instructions"] == "Be brief."
    assert response["output"][0]["content"][0]["text"] == up.ANSWER
    assert response["usage"]["input_tokens"] == 11 and response["usage"]["output_tokens"] == 5
    sent = provider.requests[0]
    assert sent.target == "/v1/chat/completions"
    assert sent.json["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert sent.json["response_format"] == {"type": "json_object"}
    assert 50 in (sent.json.get("max_tokens"), sent.json.get("max_completion_tokens"))
    assert "store" not in sent.json and "x-sluice-dropped" not in {name.lower() for name, _ in answer.headers}


@pytest.mark.parametrize("model", ["m:mistral", "reciter:device"])
def test_streams(hub, model):
    answer = hub.ask("POST", "/v1/responses", {"model": model, "input": [{"role": "user", "content": "Hi"}], "stream": True})
    assert answer.status == 200 and answer.whole
    events = events_of(answer)
    steps = list(dict.fromkeys(event["type"] for event in events))
    assert steps == STEPS
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    last = events[-1]["response"]
    assert text and last["output"][0]["content"][0]["text"] == text
    assert last["usage"]["total_tokens"] == last["usage"]["input_tokens"] + last["usage"]["output_tokens"] > 0
    assert b"[DONE]" not in answer.body


def test_calls_of_tools_and_their_results(hub, provider):
    def script(exchange):
        call = {"id": "c1", "type": "function", "function": {"name": "get", "arguments": '{"x":1}'}}
        exchange.answer({"id": "x", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": None, "tool_calls": [call]}}], "usage": up.USAGE})
    provider.script = script
    tools = [{"type": "function", "name": "get", "parameters": {"type": "object"}, "strict": False}]
    first = hub.ask("POST", "/v1/responses", {"model": "m:mistral", "input": "Hi", "tools": tools}).json
    call = first["output"][0]
    assert (call["type"], call["call_id"], call["arguments"]) == ("function_call", "c1", '{"x":1}')
    assert provider.requests[0].json["tools"][0]["function"]["name"] == "get"
    provider.script = up.complete
    history = [{"role": "user", "content": "Hi"}, *first["output"],
               {"type": "function_call_output", "call_id": "c1", "output": "7"}]
    assert hub.ask("POST", "/v1/responses", {"model": "m:mistral", "input": history, "tools": tools}).status == 200
    sent = provider.requests[1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0]["function"]["arguments"] == '{"x":1}'
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]


def test_a_cut_stream_ends_as_failed(hub, provider):
    provider.script = up.cutting_after(3)
    answer = hub.ask("POST", "/v1/responses", {"model": "m:mistral", "input": "Hi", "stream": True})
    assert answer.status == 200 and not answer.whole
    events = events_of(answer)
    assert events[-1]["type"] in ("response.failed", "error")
    assert all(event["type"] != "response.completed" for event in events)


@pytest.mark.parametrize("member, name", [({"previous_response_id": "resp_1"}, "previous_response_id"),
                                          ({"conversation": "conv_1"}, "conversation"), ({"background": True}, "background"),
                                          ({"input": 3}, "input")])
def test_refuses_by_name(hub, provider, member, name):
    answer = hub.ask("POST", "/v1/responses", {"model": "m:mistral", "input": "Hi", **member})
    assert answer.status == 400 and answer.error["param"] == name
    assert not provider.requests


def test_errors_and_suffixes_are_as_everywhere(hub):
    assert hub.ask("POST", "/v1/responses", {"model": "nowhere", "input": "Hi"}).status == 404
    assert hub.ask("POST", "/v1/responses", {"model": "m:fastest", "input": "Hi"}).status == 404
    assert hub.ask("POST", "/v1/responses", {"model": "m:mistral", "input": "Hi"}, authorized=False).status == 401
    dropped = hub.ask("POST", "/v1/responses", {"model": "m:mistral", "input": "Hi", "max_tool_calls": 3,
                                                "tools": [{"type": "web_search"}]})
    assert dropped.status == 200
    assert {name.strip() for name in dropped.header("x-sluice-dropped").split(",")} >= {"max_tool_calls"}


def test_bytes_go_through_where_the_provider_speaks_it_too(hub, provider):
    events = [b'event: response.created\ndata: {"type":"response.created",  "response":{"id":"resp_up","model":"m","status":"in_progress","output":[]}}\n\n',
              b'data: {"type":"response.output_text.delta","delta":"\\u0041"}\nevent: response.output_text.delta\n\n',
              b'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","output":[]}}\n\n']

    def script(exchange):
        exchange.begin_stream()
        for event in events:
            exchange.send_chunk(event)
        exchange.end_stream()
    provider.script = script
    body = b'{ "model":"m:mine", "input":"Hi", "odd": 1e400, "stream":true }'
    answer = hub.ask("POST", "/v1/responses", body)
    assert answer.status == 200 and answer.whole and answer.body == b"".join(events)
    assert provider.requests[0].target.endswith("/responses")
    assert provider.requests[0].body == body.replace(b"m:mine", b"m")
