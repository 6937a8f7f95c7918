"""InferenceClient of huggingface_hub."""
import json

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from cells import KEY, PICTURE, PICTURE_URL, QUESTION, REPORT, SAID, SYSTEM, URL, FUNCTIONS, WRONG_KEY, refused, run

client = InferenceClient(base_url=f"{URL}/v1", api_key=KEY, timeout=30)
create = client.chat.completions.create
ASK = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
TOOLS = [{"type": "function", "function": {"name": name, "description": description, "parameters": schema}}
         for name, description, schema in FUNCTIONS]


def chat(upstream):
    reply = create(model=upstream.model("text"), messages=ASK, max_tokens=100, temperature=0.2)
    assert reply.choices[0].message.content == SAID["text"], reply
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


def stream(upstream):
    chunks = list(create(model=upstream.model("text"), messages=ASK, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID["text"]
    assert chunks[-1].usage.completion_tokens > 0


def tools(upstream):
    ask = [{"role": "user", "content": "How warm is it in Paris?"}]
    first = create(model=upstream.model("tools"), messages=ask, tools=TOOLS, tool_choice="auto").choices[0]
    assert first.finish_reason == "tool_calls"
    [call] = first.message.tool_calls
    assert call.id and call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Paris"}
    pieces = [piece for chunk in create(model=upstream.model("tools"), messages=ask, tools=TOOLS, stream=True)
              for choice in chunk.choices for piece in choice.delta.tool_calls or []]
    assert pieces[0].function.name == "get_weather"
    assert json.loads("".join(piece.function.arguments or "" for piece in pieces)) == {"city": "Paris"}
    ask += [{"role": "assistant", "content": None, "tool_calls": [
                {"id": call.id, "type": "function", "function": {"name": "get_weather", "arguments": call.function.arguments}}]},
            {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    assert "21" in create(model=upstream.model("tools"), messages=ask, tools=TOOLS).choices[0].message.content


def vision(upstream):
    for scenario, url in (("vision", f"data:image/png;base64,{PICTURE}"), ("vision-url", PICTURE_URL)):
        reply = create(model=upstream.model(scenario), messages=[{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]}])
        assert reply.choices[0].message.content == SAID["vision"], reply


def structured(upstream):
    reply = create(model=upstream.model("structured"), messages=[{"role": "user", "content": "The weather in Paris, as JSON."}],
                   response_format={"type": "json_schema", "json_schema": {"name": "report", "schema": REPORT, "strict": True}})
    assert json.loads(reply.choices[0].message.content) == {"city": "Paris", "degrees": 21}


def errors(upstream):
    def ask(scenario, **more):
        return lambda: list(create(model=upstream.model(scenario), messages=ASK, **more))
    for more in ({}, {"stream": True}):
        for scenario, status in (("error-429", 429), ("error-400", 400), ("error-500", None)):
            problem = refused(ask(scenario, **more), HfHubHTTPError)
            assert problem.response.status_code == status or status is None and problem.response.status_code >= 500
    stranger = InferenceClient(base_url=f"{URL}/v1", api_key=WRONG_KEY)
    problem = refused(lambda: stranger.chat.completions.create(model=upstream.model("text"), messages=ASK), HfHubHTTPError)
    assert problem.response.status_code == 401


def cancellation(upstream):
    answer = create(model=upstream.model("endless"), messages=[{"role": "user", "content": upstream.mark()}], stream=True)
    assert any(chunk.choices and chunk.choices[0].delta.content for chunk in answer)
    answer.close()
    assert upstream.was_left(upstream.mark())


run(chat, stream, tools, vision, structured, errors, cancellation)
