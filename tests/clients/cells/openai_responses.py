"""The official OpenAI client: responses, without stored state."""
import json

import openai
import pydantic

from cells import KEY, PICTURE, PICTURE_URL, QUESTION, SAID, SYSTEM, URL, FUNCTIONS, WRONG_KEY, refused, run

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=30)
create = client.responses.create
TOOLS = [{"type": "function", "name": name, "description": description, "parameters": schema, "strict": True}
         for name, description, schema in FUNCTIONS]


def chat(upstream):
    reply = create(model=upstream.model("text"), instructions=SYSTEM, input=QUESTION, max_output_tokens=100, store=False)
    assert reply.object == "response" and reply.status == "completed" and reply.id
    assert reply.output_text == SAID["text"], reply
    assert reply.usage.input_tokens > 0 < reply.usage.output_tokens
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens


def stream(upstream):
    events = list(create(model=upstream.model("text"), input=QUESTION, stream=True, store=False))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == SAID["text"]
    assert events[-1].response.output_text == SAID["text"]
    with client.responses.stream(model=upstream.model("text"), input=QUESTION) as helped:
        assert helped.get_final_response().output_text == SAID["text"]


def tools(upstream):
    ask = [{"role": "user", "content": "How warm is it in Paris?"}]
    first = create(model=upstream.model("tools"), input=ask, tools=TOOLS, store=False)
    with client.responses.stream(model=upstream.model("tools"), input=ask, tools=TOOLS) as events:
        streamed = events.get_final_response()
    for reply in (first, streamed):
        [call] = [item for item in reply.output if item.type == "function_call"]
        assert call.call_id and call.name == "get_weather" and json.loads(call.arguments) == {"city": "Paris"}
    [call] = [item for item in first.output if item.type == "function_call"]
    ask += [item.model_dump(exclude_none=True) for item in first.output]
    ask += [{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}]
    assert "21" in create(model=upstream.model("tools"), input=ask, tools=TOOLS, store=False).output_text


def vision(upstream):
    for scenario, url in (("vision", f"data:image/png;base64,{PICTURE}"), ("vision-url", PICTURE_URL)):
        reply = create(model=upstream.model(scenario), store=False, input=[{"role": "user", "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": url, "detail": "auto"}]}])
        assert reply.output_text == SAID["vision"], reply


class Report(pydantic.BaseModel):
    model_config = {"extra": "forbid"}
    city: str
    degrees: int


def structured(upstream):
    reply = client.responses.parse(model=upstream.model("structured"), input="The weather in Paris, as JSON.",
                                   text_format=Report, store=False)
    assert reply.output_parsed == Report(city="Paris", degrees=21)


def errors(upstream):
    def ask(scenario, **more):
        return lambda: create(model=upstream.model(scenario), input=QUESTION, store=False, **more)
    for more in ({}, {"stream": True}):
        assert refused(ask("error-429", **more), openai.RateLimitError).response.headers["retry-after"]
        assert SAID["error-400"][upstream.dialect] in refused(ask("error-400", **more), openai.BadRequestError).message
        refused(ask("error-500", **more), openai.InternalServerError)
    stranger = client.with_options(api_key=WRONG_KEY)
    refused(lambda: stranger.responses.create(model=upstream.model("text"), input=QUESTION), openai.AuthenticationError)


def cancellation(upstream):
    answer = create(model=upstream.model("endless"), input=upstream.mark(), stream=True, store=False)
    assert any(event.type == "response.output_text.delta" for event in answer)
    answer.close()
    assert upstream.was_left(upstream.mark())


run(chat, stream, tools, vision, structured, errors, cancellation)
