"""The official OpenAI client: chat completions."""
import json

import openai
import pydantic

from cells import (KEY, PICTURE, PICTURE_URL, QUESTION, SAID, SYSTEM, URL, FUNCTIONS, WRONG_KEY, refused, run)

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=30)
create = client.chat.completions.create
ASK = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
TOOLS = [{"type": "function", "function": {"name": name, "description": description, "parameters": schema}}
         for name, description, schema in FUNCTIONS]


def chat(upstream):
    raw = client.chat.completions.with_raw_response.create(
        model=upstream.model("text"), messages=ASK, temperature=0.2, max_tokens=100, stop=["\n\n"])
    reply = raw.parse()
    assert reply.object == "chat.completion" and reply.id and reply._request_id
    assert reply.choices[0].message.content == SAID["text"], reply
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.prompt_tokens > 0 < reply.usage.completion_tokens
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert raw.headers["x-inference-provider"] == upstream.model("text").rpartition(":")[2]


def stream(upstream):
    chunks = list(create(model=upstream.model("text"), messages=ASK, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID["text"]
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert not chunks[-1].choices and chunks[-1].usage.completion_tokens > 0
    with client.chat.completions.stream(model=upstream.model("text"), messages=ASK) as events:
        assert events.get_final_completion().choices[0].message.content == SAID["text"]


def tools(upstream):
    ask = [{"role": "user", "content": "How warm is it in Paris?"}]
    first = create(model=upstream.model("tools"), messages=ask, tools=TOOLS, tool_choice="auto")
    with client.chat.completions.stream(model=upstream.model("tools"), messages=ask, tools=TOOLS) as events:
        streamed = events.get_final_completion()
    for reply in (first, streamed):
        assert reply.choices[0].finish_reason == "tool_calls", reply
        [call] = reply.choices[0].message.tool_calls
        assert call.id and call.function.name == "get_weather"
        assert json.loads(call.function.arguments) == {"city": "Paris"}
    message = first.choices[0].message
    ask += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "21 degrees"}]
    reply = create(model=upstream.model("tools"), messages=ask, tools=TOOLS)
    assert reply.choices[0].finish_reason == "stop"
    assert "21" in reply.choices[0].message.content


def vision(upstream):
    for scenario, url in (("vision", f"data:image/png;base64,{PICTURE}"), ("vision-url", PICTURE_URL)):
        reply = create(model=upstream.model(scenario), messages=[{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]}])
        assert reply.choices[0].message.content == SAID["vision"], reply


class Report(pydantic.BaseModel):
    model_config = {"extra": "forbid"}
    city: str
    degrees: int


def structured(upstream):
    reply = client.chat.completions.parse(model=upstream.model("structured"), response_format=Report, messages=[
        {"role": "user", "content": "The weather in Paris, as JSON."}])
    assert reply.choices[0].message.parsed == Report(city="Paris", degrees=21)


def embeddings(upstream):
    texts = ["a lighthouse", "a sluice"]
    packed = client.embeddings.create(model=upstream.model("text"), input=texts)  # this client asks for base64
    plain = client.embeddings.create(model=upstream.model("text"), input=texts, encoding_format="float")
    assert [row.index for row in packed.data] == [row.index for row in plain.data] == [0, 1]
    for row in [*packed.data, *plain.data]:
        assert row.embedding == SAID["embedding"], row
    assert packed.usage.prompt_tokens >= 0  # Gemini counts none
    assert len(client.embeddings.create(model=upstream.model("text"), input="one").data) == 1


def errors(upstream):
    def ask(scenario, **more):
        return lambda: create(model=upstream.model(scenario), messages=ASK, **more)
    for more in ({}, {"stream": True}):
        limited = refused(ask("error-429", **more), openai.RateLimitError)
        assert limited.response.headers["retry-after"] and limited.message
        bad = refused(ask("error-400", **more), openai.BadRequestError)
        assert SAID["error-400"][upstream.dialect] in bad.message, bad.message
        refused(ask("error-500", **more), openai.InternalServerError)
    stranger = client.with_options(api_key=WRONG_KEY)
    assert refused(lambda: stranger.chat.completions.create(model=upstream.model("text"), messages=ASK),
                   openai.AuthenticationError).code == "invalid_api_key"


def cancellation(upstream):
    ask = [{"role": "user", "content": upstream.mark()}]
    answer = create(model=upstream.model("endless"), messages=ask, stream=True)
    assert any(chunk.choices and chunk.choices[0].delta.content for chunk in answer)
    answer.close()
    assert upstream.was_left(upstream.mark())


run(chat, stream, tools, vision, structured, embeddings, errors, cancellation)
