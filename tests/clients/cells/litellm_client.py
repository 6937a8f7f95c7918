"""litellm as a client of an OpenAI-compatible endpoint."""
import json

import litellm
import pydantic

from cells import KEY, PICTURE, PICTURE_URL, QUESTION, SAID, SYSTEM, URL, FUNCTIONS, WRONG_KEY, refused, run

litellm.suppress_debug_info = True
ASK = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
TOOLS = [{"type": "function", "function": {"name": name, "description": description, "parameters": schema}}
         for name, description, schema in FUNCTIONS]


def create(upstream, scenario, messages, **more):
    given = {"api_base": f"{URL}/v1", "api_key": KEY, "num_retries": 0, "max_retries": 0, "timeout": 30} | more
    return litellm.completion(model="openai/" + upstream.model(scenario), messages=messages, **given)


def chat(upstream):
    reply = create(upstream, "text", ASK, temperature=0.2, max_tokens=100)
    assert reply.choices[0].message.content == SAID["text"], reply
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


def stream(upstream):
    chunks = list(create(upstream, "text", ASK, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID["text"]
    whole = litellm.stream_chunk_builder(chunks)
    assert whole.choices[0].message.content == SAID["text"] and whole.usage.completion_tokens > 0


def tools(upstream):
    ask = [{"role": "user", "content": "How warm is it in Paris?"}]
    first = create(upstream, "tools", ask, tools=TOOLS, tool_choice="auto")
    streamed = litellm.stream_chunk_builder(list(create(upstream, "tools", ask, tools=TOOLS, stream=True)))
    for reply in (first, streamed):
        assert reply.choices[0].finish_reason == "tool_calls", reply
        [call] = reply.choices[0].message.tool_calls
        assert call.id and call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Paris"}
    [call] = first.choices[0].message.tool_calls
    ask += [{"role": "assistant", "tool_calls": [call.model_dump()]},
            {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    assert "21" in create(upstream, "tools", ask, tools=TOOLS).choices[0].message.content


def vision(upstream):
    for scenario, url in (("vision", f"data:image/png;base64,{PICTURE}"), ("vision-url", PICTURE_URL)):
        reply = create(upstream, scenario, [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]}])
        assert reply.choices[0].message.content == SAID["vision"], reply


class Report(pydantic.BaseModel):
    city: str
    degrees: int


def structured(upstream):
    reply = create(upstream, "structured", [{"role": "user", "content": "The weather in Paris, as JSON."}], response_format=Report)
    assert Report.model_validate_json(reply.choices[0].message.content) == Report(city="Paris", degrees=21)


def embeddings(upstream):
    reply = litellm.embedding(model="openai/" + upstream.model("text"), input=["a lighthouse", "a sluice"],
                              api_base=f"{URL}/v1", api_key=KEY, max_retries=0)
    assert [row["embedding"] for row in reply.data] == [SAID["embedding"]] * 2


def errors(upstream):
    def ask(scenario, **more):
        return lambda: create(upstream, scenario, ASK, **more)
    for more in ({}, {"stream": True}):
        refused(ask("error-429", **more), litellm.RateLimitError)
        assert SAID["error-400"][upstream.dialect] in refused(ask("error-400", **more), litellm.BadRequestError).message
        refused(ask("error-500", **more), litellm.InternalServerError, litellm.ServiceUnavailableError, litellm.BadGatewayError)
    refused(ask("text", api_key=WRONG_KEY), litellm.AuthenticationError)


def cancellation(upstream):
    answer = create(upstream, "endless", [{"role": "user", "content": upstream.mark()}], stream=True)
    assert any(chunk.choices and chunk.choices[0].delta.content for chunk in answer)
    answer.completion_stream.close()
    assert upstream.was_left(upstream.mark())


run(chat, stream, tools, vision, structured, embeddings, errors, cancellation)
