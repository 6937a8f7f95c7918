"""The official Anthropic client: messages."""
import anthropic
import pydantic

from cells import KEY, PICTURE, PICTURE_URL, QUESTION, SAID, SYSTEM, URL, FUNCTIONS, WRONG_KEY, refused, run

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=30)
create = client.messages.create
ASK = [{"role": "user", "content": QUESTION}]
TOOLS = [{"name": name, "description": description, "input_schema": schema} for name, description, schema in FUNCTIONS]


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def chat(upstream):
    reply = create(model=upstream.model("text"), system=SYSTEM, messages=ASK, max_tokens=100)
    assert reply.type == "message" and reply.role == "assistant" and reply.id and reply._request_id
    assert text_of(reply) == SAID["text"], reply
    assert reply.stop_reason == "end_turn"
    assert reply.usage.input_tokens > 0 < reply.usage.output_tokens
    counted = client.messages.count_tokens(model=upstream.model("text"), system=SYSTEM, messages=ASK)
    assert counted.input_tokens > 0
    bearer = anthropic.Anthropic(base_url=URL, auth_token=KEY, max_retries=0)
    assert text_of(bearer.messages.create(model=upstream.model("text"), messages=ASK, max_tokens=9)) == SAID["text"]


def stream(upstream):
    with client.messages.stream(model=upstream.model("text"), messages=ASK, max_tokens=100) as events:
        kinds = [event.type for event in events]
        final = events.get_final_message()
    assert text_of(final) == SAID["text"]
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0
    wanted = ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop")
    at = [kinds.index(kind) for kind in wanted]
    assert at == sorted(at), kinds
    plain = create(model=upstream.model("text"), messages=ASK, max_tokens=100, stream=True)
    assert "".join(e.delta.text for e in plain if e.type == "content_block_delta") == SAID["text"]


def tools(upstream):
    ask = [{"role": "user", "content": "How warm is it in Paris?"}]
    more = {"model": upstream.model("tools"), "tools": TOOLS, "max_tokens": 100}
    first = create(messages=ask, tool_choice={"type": "auto"}, **more)
    with client.messages.stream(messages=ask, **more) as events:
        streamed = events.get_final_message()
    for reply in (first, streamed):
        assert reply.stop_reason == "tool_use", reply
        [call] = [block for block in reply.content if block.type == "tool_use"]
        assert call.id and call.name == "get_weather" and call.input == {"city": "Paris"}, call
    [call] = [block for block in first.content if block.type == "tool_use"]
    ask += [{"role": "assistant", "content": first.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}]}]
    assert "21" in text_of(create(messages=ask, **more))


def vision(upstream):
    for scenario, source in (("vision", {"type": "base64", "media_type": "image/png", "data": PICTURE}),
                             ("vision-url", {"type": "url", "url": PICTURE_URL})):
        reply = create(model=upstream.model(scenario), max_tokens=100, messages=[{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]}])
        assert text_of(reply) == SAID["vision"], reply


class Report(pydantic.BaseModel):
    model_config = {"extra": "forbid"}
    city: str
    degrees: int


def structured(upstream):
    reply = client.messages.parse(model=upstream.model("structured"), max_tokens=100, output_format=Report,
                                  messages=[{"role": "user", "content": "The weather in Paris, as JSON."}])
    assert reply.parsed_output == Report(city="Paris", degrees=21)


def errors(upstream):
    def ask(scenario, **more):
        return lambda: create(model=upstream.model(scenario), messages=ASK, max_tokens=9, **more)
    for more in ({}, {"stream": True}):
        limited = refused(ask("error-429", **more), anthropic.RateLimitError)
        assert limited.response.headers["retry-after"] and limited.body["error"]["type"] == "rate_limit_error"
        bad = refused(ask("error-400", **more), anthropic.BadRequestError)
        assert bad.body["type"] == "error" and SAID["error-400"][upstream.dialect] in bad.body["error"]["message"]
        refused(ask("error-500", **more), anthropic.InternalServerError)
    stranger = client.with_options(api_key=WRONG_KEY)
    problem = refused(lambda: stranger.messages.create(model=upstream.model("text"), messages=ASK, max_tokens=9),
                      anthropic.AuthenticationError)
    assert problem.body["error"]["type"] == "authentication_error"
    assert problem.request_id
    refused(lambda: create(model="nobody/knows", messages=ASK, max_tokens=9), anthropic.NotFoundError)


def cancellation(upstream):
    ask = [{"role": "user", "content": upstream.mark()}]
    answer = create(model=upstream.model("endless"), messages=ask, max_tokens=100, stream=True)
    assert any(event.type == "content_block_delta" for event in answer)
    answer.close()
    assert upstream.was_left(upstream.mark())


run(chat, stream, tools, vision, structured, errors, cancellation)
