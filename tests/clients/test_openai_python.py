"""The official OpenAI client for Python against the running binary: what its users do, to the device and to a provider.

Retries are off except where they are the question: a client that forgives would hide what we send.
"""
import asyncio
import os

import openai
import pytest

from harness import hub as hubs, upstream as up
from harness.reciting_model import RECITED

ASK = [{"role": "system", "content": "Recite."}, {"role": "user", "content": "Please."}]


@pytest.fixture(scope="module")
def provider():
    with up.Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def hub(provider):
    with hubs.Hub(providers={"openai": provider}, models=("reciter", "endless")) as hub:
        yield hub


@pytest.fixture
def client(hub, provider):
    provider.forget()
    provider.script = up.complete
    with openai.OpenAI(base_url=hub.url + "/v1", api_key=hub.key, max_retries=0, timeout=60) as client:
        yield client


WHO = {"device": ("reciter:device", RECITED), "provider": ("gpt-4o:openai", up.ANSWER)}


@pytest.mark.parametrize("who", WHO)
def test_chat(client, who):
    model, text = WHO[who]
    raw = client.chat.completions.with_raw_response.create(model=model, messages=ASK)
    reply = raw.parse()
    assert reply.choices[0].message.content == text
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
    assert raw.headers["x-inference-provider"] == model.rpartition(":")[2]
    assert reply._request_id


@pytest.mark.parametrize("who", WHO)
def test_streamed_chat_with_usage(client, who):
    model, text = WHO[who]
    stream = client.chat.completions.create(model=model, messages=ASK, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].usage.total_tokens > 0 and not chunks[-1].choices


@pytest.mark.parametrize("who", WHO)
def test_the_streaming_helper(client, who):
    """It assembles the chunks itself and is strict about their order."""
    model, text = WHO[who]
    with client.chat.completions.stream(model=model, messages=ASK) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert final.choices[0].message.content == text
    assert {"chunk", "content.delta", "content.done"} <= kinds


def test_completions(client):
    assert client.completions.create(model="reciter:device", prompt="Go:\n", max_tokens=50).choices[0].text == RECITED
    parts = client.completions.create(model="reciter:device", prompt="Go:\n", max_tokens=50, stream=True)
    assert "".join(part.choices[0].text for part in parts) == RECITED
    assert client.completions.create(model="gpt-3.5:openai", prompt="Go").choices[0].text == up.ANSWER


def test_logprobs(client):
    reply = client.chat.completions.create(model="reciter:device", messages=ASK, logprobs=True, top_logprobs=2)
    tokens = reply.choices[0].logprobs.content
    assert b"".join(bytes(token.bytes) for token in tokens).startswith(RECITED.encode())
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens)


def test_limits_stop_and_seed(client):
    reply = client.chat.completions.create(model="endless:device", messages=ASK, max_completion_tokens=2)
    assert (reply.choices[0].finish_reason, reply.choices[0].message.content) == ("length", "Water finds")
    reply = client.chat.completions.create(model="endless:device", messages=ASK, stop=[":"], seed=1, temperature=0.7, top_p=0.9)
    assert (reply.choices[0].finish_reason, reply.choices[0].message.content) == ("stop", "Water finds the sluice")


def test_models(client):
    assert "reciter" in {model.id for model in client.models.list()}


def fails_with(kind, status, call):
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert error.status_code == status
    assert error.message and error.request_id
    assert isinstance(error.body, dict) and error.body["message"]
    return error


def test_errors_become_the_clients_own(hub, client, provider):
    def chat(**more):
        return lambda: client.chat.completions.create(**{"model": "reciter:device", "messages": ASK, **more})

    assert fails_with(openai.NotFoundError, 404, chat(model="recitor")).code == "model_not_found"
    assert fails_with(openai.BadRequestError, 400, chat(temperature=-1)).param == "temperature"
    assert fails_with(openai.BadRequestError, 400, chat(n=2)).param == "n"
    assert fails_with(openai.BadRequestError, 400, chat(tools=[{"type": "function", "function": {"name": "f"}}])).param == "tools"
    with openai.OpenAI(base_url=hub.url + "/v1", api_key="sk-sluice-wrong", max_retries=0) as stranger:
        error = fails_with(openai.AuthenticationError, 401, lambda: stranger.models.list())
        assert error.code == "invalid_api_key"
    provider.script = up.answering({"error": {"message": "slow down", "type": "rate", "code": None, "param": None}}, 429)
    fails_with(openai.RateLimitError, 429, chat(model="gpt-4o:openai"))
    provider.script = up.sending(b"rubbish")
    assert "openai" in fails_with(openai.InternalServerError, 502, chat(model="gpt-4o:openai")).message.lower()


def test_a_cut_stream_raises(client, provider):
    provider.script = up.cutting_after(4)
    words = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model="gpt-4o:openai", messages=ASK, stream=True):
            words += [choice.delta.content for choice in chunk.choices if choice.delta.content]
    assert words == up.WORDS[:3], "what came before the cut was real"
    assert "openai" in str(caught.value).lower()


def test_closing_a_stream_frees_whoever_answers(hub, client, provider):
    stream = client.chat.completions.create(model="endless:device", messages=ASK, stream=True)
    for _, chunk in zip(range(5), stream):
        assert chunk.object == "chat.completion.chunk"
    stream.close()
    provider.script = up.stalling_after(2)
    stream = client.chat.completions.create(model="gpt-4o:openai", messages=ASK, stream=True)
    next(iter(stream))
    stream.close()
    provider.wait_left()
    assert client.chat.completions.create(model="reciter:device", messages=ASK).choices[0].message.content == RECITED


def test_the_clients_retries_work(hub, provider):
    """They follow retry-after and 5xx; the third try is answered."""
    provider.forget()
    answers = iter([up.answering({"error": {"message": "x", "type": "y"}}, 503, headers=[("retry-after", "0")])] * 2)
    provider.script = lambda exchange: next(answers, up.complete)(exchange)
    with openai.OpenAI(base_url=hub.url + "/v1", api_key=hub.key, max_retries=2) as client:
        assert client.chat.completions.create(model="gpt-4o:openai", messages=ASK).choices[0].message.content == up.ANSWER
    assert len(provider.requests) == 3


def test_many_async_streams_at_once(hub, provider):
    provider.script = up.complete

    async def one(client, model):
        stream = await client.chat.completions.create(model=model, messages=ASK, stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=hub.url + "/v1", api_key=hub.key, max_retries=0) as client:
            return await asyncio.gather(*(one(client, WHO[who][0]) for who in list(WHO) * 16))
    assert asyncio.run(all_of_them()) == [WHO[who][1] for who in list(WHO) * 16]


def test_the_client_from_its_environment_alone(hub, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", hub.url + "/v1")
    monkeypatch.setenv("OPENAI_API_KEY", hub.key)
    assert openai.OpenAI().chat.completions.create(model="reciter:device", messages=ASK).choices[0].message.content == RECITED


def test_a_real_model_answers():
    if not os.environ.get("SLUICE_TEST_GGUF"):
        assert not os.environ.get("SLUICE_REQUIRE_MODEL"), "SLUICE_TEST_GGUF must name a real model"
        pytest.skip("SLUICE_TEST_GGUF names no real model")
    with hubs.Hub(models=("smollm",)) as hub, openai.OpenAI(base_url=hub.url + "/v1", api_key=hub.key, timeout=240) as client:
        ask = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]
        said = {"max_tokens": 24, "temperature": 0}
        whole = client.chat.completions.create(model="smollm:device", messages=ask, **said).choices[0].message.content
        assert "Paris" in whole
        parts = client.chat.completions.create(model="smollm:device", messages=ask, stream=True, **said)
        assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == whole
