"""ChatOpenAI and OpenAIEmbeddings of langchain-openai."""
import openai
import pydantic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from cells import KEY, PICTURE, PICTURE_URL, QUESTION, SAID, SYSTEM, URL, WRONG_KEY, refused, run

ASK = [SystemMessage(SYSTEM), HumanMessage(QUESTION)]


def model(upstream, scenario, **more):
    given = {"base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30} | more
    return ChatOpenAI(model=upstream.model(scenario), **given)


def chat(upstream):
    reply = model(upstream, "text", temperature=0.2, max_tokens=100).invoke(ASK)
    assert reply.content == SAID["text"], reply
    assert reply.response_metadata["finish_reason"] == "stop"
    assert reply.usage_metadata["total_tokens"] > 0


def stream(upstream):
    whole = None
    for chunk in model(upstream, "text", stream_usage=True).stream(ASK):
        whole = chunk if whole is None else whole + chunk
    assert whole.content == SAID["text"]
    assert whole.usage_metadata["output_tokens"] > 0


@tool
def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"21 degrees in {city}"


@tool
def get_time(zone: str) -> str:
    """Time in a zone."""
    return f"noon in {zone}"


def tools(upstream):
    bound = model(upstream, "tools").bind_tools([get_weather, get_time])
    ask = [HumanMessage("How warm is it in Paris?")]
    first = bound.invoke(ask)
    [call] = first.tool_calls
    assert call["id"] and (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    whole = None
    for chunk in bound.stream(ask):
        whole = chunk if whole is None else whole + chunk
    assert [(c["name"], c["args"]) for c in whole.tool_calls] == [("get_weather", {"city": "Paris"})]
    ask += [first, ToolMessage("21 degrees", tool_call_id=call["id"])]
    assert "21" in bound.invoke(ask).content


def vision(upstream):
    for scenario, picture in (("vision", {"base64": PICTURE, "mime_type": "image/png"}), ("vision-url", {"url": PICTURE_URL})):
        reply = model(upstream, scenario).invoke([HumanMessage(
            [{"type": "text", "text": "What is this?"}, {"type": "image", **picture}])])
        assert reply.content == SAID["vision"], reply


class Report(pydantic.BaseModel):
    """The weather"""
    city: str
    degrees: int


def structured(upstream):
    asked = model(upstream, "structured").with_structured_output(Report)
    assert asked.invoke("The weather in Paris, as JSON.") == Report(city="Paris", degrees=21)


def embeddings(upstream):
    # Without check_embedding_ctx_length=False this client sends the ids of OpenAI's tokens instead of texts.
    client = OpenAIEmbeddings(model=upstream.model("text"), base_url=f"{URL}/v1", api_key=KEY, max_retries=0,
                              check_embedding_ctx_length=False)
    assert client.embed_documents(["a lighthouse", "a sluice"]) == [SAID["embedding"]] * 2


def errors(upstream):
    def ask(scenario, **more):
        return lambda: model(upstream, scenario, **more).invoke(ASK)
    assert refused(ask("error-429"), openai.RateLimitError).response.headers["retry-after"]
    assert SAID["error-400"][upstream.dialect] in refused(ask("error-400"), openai.BadRequestError).message
    refused(ask("error-500"), openai.InternalServerError)
    refused(ask("text", api_key=WRONG_KEY), openai.AuthenticationError)
    refused(lambda: list(model(upstream, "error-429").stream(ASK)), openai.RateLimitError)


def cancellation(upstream):
    answer = model(upstream, "endless").stream([HumanMessage(upstream.mark())])
    assert any(chunk.content for chunk in answer)
    answer.close()
    assert upstream.was_left(upstream.mark())


run(chat, stream, tools, vision, structured, embeddings, errors, cancellation)
