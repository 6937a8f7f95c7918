"""Too much, too deep, wrong and hostile, at every door: each front, to a provider of its own dialect and to another.

What must hold is the same everywhere: nothing ends in a fault of ours, what is wrong is refused in the front's own
shape, what is large but right arrives whole, and the hub never fetches a picture by itself.
"""
import base64
import dataclasses
import json
import os
import socket
import threading
import typing

import pytest

from harness import hub as hubs
from harness.simulator import Simulator

PICTURE_BYTES = 20_000_000
MESSAGES = 10_000
# Provider -> the simulated server of its dialect.
SERVERS = {"mine": "openai", "anthropic": "anthropic", "google-gemini": "gemini", "cohere-native": "cohere"}
UPSTREAMS = tuple(os.environ.get("SLUICE_ONLY_UPSTREAMS", " ".join(SERVERS)).split())


def openai_parts(text, url):
    return [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}] if url else text


def responses_parts(text, url):
    return [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url, "detail": "auto"}] if url else text


def messages_parts(text, url):
    if not url:
        return text
    head, _, data = url.partition(";base64,")
    source = {"type": "base64", "media_type": head.removeprefix("data:"), "data": data} if data else {"type": "url", "url": url}
    return [{"type": "text", "text": text}, {"type": "image", "source": source}]


def ollama_message(turn):
    role, text, url = turn
    return {"role": role, "content": text} | ({"images": [url.partition(";base64,")[2]]} if url else {})


@dataclasses.dataclass
class Front:
    path: str
    body: typing.Callable      # of turns [(role, text, url or None)], the request without its model
    message: typing.Callable   # of an error body, its text
    urls: bool = True          # takes addresses of pictures


def openai_error(body):
    assert isinstance(body["error"]["type"], str) and {"param", "code"} <= body["error"].keys(), body
    return body["error"]["message"]


def messages_error(body):
    assert body["type"] == "error" and isinstance(body["error"]["type"], str), body
    return body["error"]["message"]


FRONTS = {
    "chat": Front("/v1/chat/completions", lambda turns: {"messages": [
        {"role": role, "content": openai_parts(text, url)} for role, text, url in turns]}, openai_error),
    "responses": Front("/v1/responses", lambda turns: {"store": False, "input": [
        {"role": role, "content": responses_parts(text, url)} for role, text, url in turns]}, openai_error),
    "messages": Front("/v1/messages", lambda turns: {"max_tokens": 50, "messages": [
        {"role": role, "content": messages_parts(text, url)} for role, text, url in turns]}, messages_error),
    "ollama": Front("/api/chat", lambda turns: {"stream": False, "messages": [ollama_message(turn) for turn in turns]},
                    lambda body: body["error"], urls=False),
}
OTHER_PATHS = ("/v1/completions", "/v1/embeddings", "/v1/messages/count_tokens", "/api/generate", "/api/embed", "/api/embeddings")
each_front = pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
each_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)
# Where each costs a second or two: every front once, and one front to every provider.
some_pairs = pytest.mark.parametrize("front, upstream", [
    pytest.param(front, upstream, id=f"{name}-{upstream}") for name, front in FRONTS.items() for upstream in UPSTREAMS
    if upstream == "anthropic" or name == "chat"])


@pytest.fixture(scope="module")
def simulator():
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def hub(simulator):
    providers = {name: {"api_key": f"sk-fake-{SERVERS[name]}", "base_url": f"{simulator.origin}/{SERVERS[name]}"}
                 for name in UPSTREAMS}
    providers["mine"] |= {"dialect": "openai", "base_url": f"{simulator.origin}/openai/v1"}
    with hubs.Hub({"providers": providers}) as hub:
        yield hub
        assert hub.ask("GET", "/livez").status == 200


@pytest.fixture(autouse=True)
def forgotten(simulator):
    simulator.forget()


def ask(hub, front, turns, upstream="mine", scenario="text", **more):
    return hub.ask("POST", front.path, {"model": f"sim/{scenario}:{upstream}"} | front.body(turns) | more, timeout=60)


def refusal(front, answer, *statuses):
    assert answer.status in statuses, answer
    assert answer.header("content-type").startswith("application/json")
    text = front.message(answer.json)
    assert isinstance(text, str) and text
    return text


@some_pairs
def test_a_picture_of_20_megabytes_arrives_whole(hub, simulator, front, upstream):
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + os.urandom(1024) * (PICTURE_BYTES // 1024)).decode()
    answer = ask(hub, front, [("user", "What is this?", f"data:image/png;base64,{data}")], upstream)
    assert answer.status == 200, answer.body[:600]
    [request] = simulator.received()
    assert data in request["body"]


@some_pairs
def test_ten_thousand_messages_arrive_in_order(hub, simulator, front, upstream):
    turns = [("user" if i % 2 == 0 else "assistant", f"turn {i}.", None) for i in range(MESSAGES - 1)]
    assert ask(hub, front, turns, upstream).status == 200
    [request] = simulator.received()
    at = 0
    for i in range(MESSAGES - 1):
        at = request["body"].find(f"turn {i}.", at)
        assert at > 0, i


@each_front
@pytest.mark.parametrize("where", ["unknown", "metadata", "tools"])
@pytest.mark.parametrize("form", ["[", '{"a":'])
def test_deep_json_is_refused(hub, simulator, front, where, form):
    deep = form * 100_000 + "1" + ("]" if form == "[" else "}") * 100_000
    body = json.dumps({"model": "sim/text:anthropic"} | front.body([("user", "Hi", None)]))
    answer = hub.ask("POST", front.path, f'{body[:-1]}, "{where}": {deep}}}'.encode())
    refusal(front, answer, 400, 413)
    assert not simulator.received()


@each_front
@each_upstream
@pytest.mark.parametrize("data", ["@@@@", "iVBORw0KGgo", "a\nb=", "", "=" * 50, "\u00e9" * 8])
def test_invalid_base64_is_no_fault_of_ours(hub, front, upstream, data):
    answer = ask(hub, front, [("user", "What is this?", f"data:image/png;base64,{data}")], upstream)
    assert answer.status in (200, 400), answer


@each_front
@each_upstream
@pytest.mark.parametrize("url", [
    "data:text/html;base64,PGI+", "data:;base64,AAAA", "data:image/png,raw", "data:", "ftp://pictures.example.com/a.png",
    "file:///etc/passwd", "javascript:alert(1)", "not a url", "http://[", "x" * 100_000])
def test_odd_addresses_of_pictures(hub, front, upstream, url):
    if not front.urls:
        return
    answer = ask(hub, front, [("user", "What is this?", url)], upstream)
    assert answer.status in (200, 400), answer


@each_front
@each_upstream
def test_pictures_are_never_fetched(hub, simulator, front, upstream):
    """The address is passed on, or refused where the provider takes none; nobody visits it."""
    if not front.urls:
        return
    visits = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def count():
            while True:
                try:
                    visits.append(listener.accept())
                except OSError:
                    return
        threading.Thread(target=count, daemon=True).start()
        for url in (f"http://127.0.0.1:{listener.getsockname()[1]}/a.png", "http://169.254.169.254/latest/meta-data",
                    f"http://localhost:{listener.getsockname()[1]}/b.png"):
            simulator.forget()
            answer = ask(hub, front, [("user", "What is this?", url)], upstream)
            assert answer.status in (200, 400), answer
            if answer.status == 200:
                assert any(url in request["body"] for request in simulator.received())
        listener.shutdown(socket.SHUT_RDWR)
    assert not visits


@each_front
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None])
def test_another_media_type_is_refused(hub, simulator, front, kind):
    body = json.dumps({"model": "sim/text:mine"} | front.body([("user", "Hi", None)])).encode()
    with hub.connect() as connection:
        connection.send_request("POST", front.path, [hub.authorization, *([("content-type", kind)] if kind else [])], body)
        form = (kind or "").startswith("multipart") and front.path == "/v1/chat/completions"  # which takes forms, but not this body
        refusal(front, connection.read_answer(), 400 if form else 415)
    assert not simulator.received()


@each_front
@each_upstream
def test_unknown_fields_are_kept_or_named(hub, simulator, front, upstream):
    """Passed on where the dialect is the same, else named in a header, else refused by name when that was asked for."""
    turns = [("user", "Hi", None)]
    answer = ask(hub, front, turns, upstream, made_up={"a": 1})
    if answer.status == 200:
        assert "made_up" in (answer.header("x-sluice-dropped") or ""), answer.headers
        simulator.forget()
        strict = ask(hub, front, turns, upstream, made_up={"a": 1}, provider={"require_parameters": True})
        assert "made_up" in refusal(front, strict, 400)
        assert not simulator.received()
    else:
        assert "made_up" in refusal(front, answer, 400)
        assert any("made_up" in request["body"] for request in simulator.received())


@each_front
@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"\xff\xfe{}", b'{"model": 7}', b'{"model": ""}', b'{"model": "sim/text:mine"}',
    b'{"model": "sim/text:anthropic", "messages": 1, "input": 1}', b'{"model": "sim/text:google-gemini", "messages": [1], "input": [1]}',
    b'{"model": "sim/text:cohere-native", "messages": [{"role": "wizard", "content": "Hi"}], "input": [{"role": "wizard", "content": "Hi"}]}',
    b'{"model": "sim/text:google-gemini", "messages": [{"role": "user", "content": [{"type": "hologram"}]}], '
    b'"input": [{"role": "user", "content": [{"type": "hologram"}]}], "max_tokens": 5}',
    b'{"model": "sim/text:mine", "model": "sim/text:anthropic"}'])
def test_malformed_requests_are_refused_in_the_fronts_own_shape(hub, front, body):
    answer = hub.ask("POST", front.path, body)
    if answer.status == 200:  # a kind of part that only the front's own providers may know
        assert "hologram" in answer.header("x-sluice-dropped"), answer
    else:
        refusal(front, answer, 400)


@pytest.mark.parametrize("path", OTHER_PATHS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": 7}', b'{"model": "sim/text:mine", "input": 7, "prompt": 7, "messages": 7}'])
def test_the_other_paths_refuse_too(hub, path, body):
    answer = hub.ask("POST", path, body)
    assert 400 <= answer.status < 500, answer


@each_front
def test_who_may_ask_is_told_in_the_fronts_own_shape(hub, front):
    for headers in ([], [("authorization", "Bearer sk-sluice-wrong")], [("x-api-key", "sk-sluice-wrong")]):
        answer = hub.ask("POST", front.path, front.body([("user", "Hi", None)]) | {"model": "sim/text:mine"},
                         headers=headers, authorized=False)
        refusal(front, answer, 401)
    for headers in ([hub.authorization], [("x-api-key", hub.key)]):
        assert hub.ask("POST", front.path, front.body([("user", "Hi", None)]) | {"model": "sim/text:mine"},
                       headers=headers, authorized=False).status == 200
    assert refusal(front, ask(hub, front, [("user", "Hi", None)], "nowhere"), 404)
    assert refusal(front, hub.ask("GET", front.path), 405)
