"""The first road, walked: the same request to the device and to a provider, streamed and not."""
import concurrent.futures
import json

import pytest

from harness import hub as hubs, upstream as up
from harness.reciting_model import RECITED, RECITED_TOKENS


@pytest.fixture(scope="module")
def openai():
    with up.Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def hub(openai):
    config = {"models": {"either": {"routes": [{"provider": "openai", "model": "gpt-4o"}]}}}
    with hubs.Hub(config, {"openai": openai}, models=("reciter", "endless")) as hub:
        yield hub


def chunks_of(hub, model, **more):
    with hub.streaming(model, **more) as (connection, status, headers):
        assert status == 200
        fields = {name.lower(): value for name, value in headers}
        assert fields["content-type"].startswith("text/event-stream")
        assert "no-cache" in fields["cache-control"]
        events = list(connection.read_events(headers))
    assert events[-1] == "[DONE]" and events.count("[DONE]") == 1
    return [json.loads(event) for event in events[:-1]], fields


def test_the_device_answers_whole(hub):
    answer = hub.chat("reciter:device")
    assert answer.status == 200, answer
    reply = answer.json
    assert reply["object"] == "chat.completion"
    assert reply["id"].startswith("chatcmpl-")
    assert reply["model"] == "reciter"
    [choice] = reply["choices"]
    assert choice["message"] == {"role": "assistant", "content": RECITED} | {
        key: value for key, value in choice["message"].items() if value is None}
    assert choice["finish_reason"] == "stop"
    usage = reply["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] in (RECITED_TOKENS, RECITED_TOKENS + 1)
    assert reply["system_fingerprint"]
    assert answer.header("x-inference-provider") == "device"
    assert answer.header("x-request-id")
    assert answer.header("content-type").startswith("application/json")


def test_the_device_streams_the_same_text(hub):
    chunks, headers = chunks_of(hub, "reciter:device")
    assert headers["x-inference-provider"] == "device"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == RECITED
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"][0]["finish_reason"]] == ["stop"]
    assert not any(chunk.get("usage") for chunk in chunks)
    # Characters are never cut between events.
    assert "\ufffd" not in text


def test_usage_is_an_event_of_its_own_when_asked_for(hub):
    chunks, _ = chunks_of(hub, "reciter:device", stream_options={"include_usage": True})
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] in (RECITED_TOKENS, RECITED_TOKENS + 1)
    assert all(chunk.get("usage") is None for chunk in chunks[:-1])


def test_max_tokens_under_both_names(hub):
    for name in ("max_tokens", "max_completion_tokens"):
        reply = hub.chat("endless:device", **{name: 3}).json
        assert reply["choices"][0]["finish_reason"] == "length"
        assert reply["usage"]["completion_tokens"] == 3
        assert reply["choices"][0]["message"]["content"] == "Water finds the"


def test_the_newer_name_of_the_limit_goes_first(hub):
    reply = hub.chat("endless:device", max_tokens=9, max_completion_tokens=3).json
    assert reply["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("stop, text", [
    (":", "Water finds the sluice"), (["never", " the"], "Water finds"), ("inds the sl", "Water f"), ("🌊", "Water finds the sluice: é ")])
def test_stop_strings_end_the_answer_and_are_not_in_it(hub, stop, text):
    reply = hub.chat("endless:device", stop=stop, max_tokens=60).json
    assert reply["choices"][0]["message"]["content"] == text
    assert reply["choices"][0]["finish_reason"] == "stop"
    chunks, _ = chunks_of(hub, "endless:device", stop=stop, max_tokens=60)
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks) == text


def test_logprobs_of_the_device(hub):
    reply = hub.chat("reciter:device", logprobs=True, top_logprobs=3).json
    tokens = reply["choices"][0]["logprobs"]["content"]
    assert b"".join(bytes(token["bytes"]) for token in tokens[:RECITED_TOKENS]).decode() == RECITED
    for token in tokens:
        assert token["logprob"] <= 0 and len(token["top_logprobs"]) == 3
        best = [other["logprob"] for other in token["top_logprobs"]]
        assert best == sorted(best, reverse=True)
        assert token["logprob"] == pytest.approx(best[0], abs=1e-6)
    chunks, _ = chunks_of(hub, "reciter:device", logprobs=True, top_logprobs=3)
    streamed = [token for chunk in chunks for token in ((chunk["choices"][0].get("logprobs") or {}).get("content") or [])]
    assert [token["bytes"] for token in streamed] == [token["bytes"] for token in tokens]


def test_a_seed_repeats_an_answer(hub):
    def text(seed):
        return hub.chat("reciter:device", seed=seed, temperature=1.0).json["choices"][0]["message"]["content"]
    assert text(7) == text(7)


def test_text_completions(hub):
    ask = {"model": "reciter:device", "prompt": "Recite:\n", "max_tokens": 50}
    answer = hub.ask("POST", "/v1/completions", ask)
    assert answer.status == 200, answer
    reply = answer.json
    assert (reply["object"], reply["choices"][0]["text"]) == ("text_completion", RECITED)
    assert reply["choices"][0]["finish_reason"] == "stop"
    with hub.connect() as connection:
        connection.send_request("POST", "/v1/completions", [hub.authorization, ("content-type", "application/json")],
                                json.dumps(ask | {"stream": True}).encode())
        status, headers = connection.read_head()
        assert status == 200
        events = list(connection.read_events(headers))
    assert events[-1] == "[DONE]"
    assert "".join(json.loads(event)["choices"][0]["text"] for event in events[:-1]) == RECITED


def test_a_provider_answers_the_same_request(hub, openai):
    openai.forget()
    answer = hub.chat("gpt-4o:openai")
    assert answer.status == 200, answer
    assert answer.json["choices"][0]["message"]["content"] == up.ANSWER
    assert answer.header("x-inference-provider") == "openai"
    [request] = openai.requests
    assert request.json["model"] == "gpt-4o"
    assert request.header("authorization") == "Bearer sk-fake-openai"
    assert hubs.KEY.encode() not in request.head + request.body
    assert request.target.endswith("/chat/completions")


def test_a_configured_name_leads_to_the_providers_own(hub, openai):
    openai.forget()
    assert hub.chat("either").status == 200
    assert openai.requests[0].json["model"] == "gpt-4o"


def test_a_provider_streams(hub, openai):
    openai.forget()
    chunks, headers = chunks_of(hub, "gpt-4o:openai")
    assert headers["x-inference-provider"] == "openai"
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks) == up.ANSWER
    # The hub asked for usage on its own account; the client did not and must not see it.
    assert openai.requests[0].json["stream_options"] == {"include_usage": True}
    assert all(chunk["choices"] for chunk in chunks)


def test_models_are_listed(hub):
    answer = hub.ask("GET", "/v1/models")
    assert answer.status == 200
    models = {model["id"]: model for model in answer.json["data"]}
    assert {"reciter", "endless", "either"} <= set(models)
    assert all(model["object"] == "model" for model in models.values())


def test_connections_are_kept(hub):
    with hub.connect() as connection:
        for _ in range(3):
            connection.send_request("GET", "/v1/models", [hub.authorization])
            assert connection.read_answer("GET").status == 200


def test_many_at_once_get_the_same_greedy_answer(hub):
    """Alone or among others, the device says the same."""
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: hub.chat("reciter:device", temperature=0), range(24)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["choices"][0]["message"]["content"] for answer in answers} == {RECITED}
    assert len({answer.json["system_fingerprint"] for answer in answers}) == 1
