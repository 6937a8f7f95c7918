"""Same dialect on both sides: bytes go through as they came, except for the few edits that are allowed.

Allowed in a request: the value of `model`, and `stream_options.include_usage` where it is absent from a stream. In an
answer: only the usage event that the hub itself asked for is taken out. The unit test of the splicer walks ten thousand
bodies; here a few hundred take the whole way through sockets.
"""
import json
import random
import re
import zlib

import pytest

from harness import hub as hubs, upstream as up

ROUNDS = 300


@pytest.fixture(scope="module")
def openai():
    with up.Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def hub(openai):
    with hubs.Hub(providers={"openai": openai}, models=()) as hub:
        yield hub


def blank(dice):
    return "".join(dice.choice([" ", "\n", "\t", "\r\n", ""]) for _ in range(dice.randrange(4)))


def text(dice):
    pieces = ['a', 'é', '🌊', '\\n', '\\u00e9', '\\ud83c\\udf0a', '\\"', '\\\\', '\\/', ' ', '{', ']', ':', ',', '"model"'.replace('"', '\\"')]
    return '"' + "".join(dice.choice(pieces) for _ in range(dice.randrange(30))) + '"'


def value(dice, depth=0):
    kind = dice.randrange(9 if depth < 4 else 6)
    if kind < 2:
        return text(dice)
    if kind < 4:
        return dice.choice(["0", "-0", "1e400", "-1.5E-300", "12345678901234567890123", "0.1000", "1E+2"])
    if kind < 6:
        return dice.choice(["true", "false", "null"])
    inside = [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    if kind == 6:
        return "[" + blank(dice) + ("," + blank(dice)).join(inside) + blank(dice) + "]"
    members = [text(dice) + blank(dice) + ":" + blank(dice) + v for v in inside]
    return "{" + blank(dice) + ("," + blank(dice)).join(members) + blank(dice) + "}"


def request_body(dice, stream):
    """A valid body with everything odd that JSON permits; unknown keys come twice, `model` anywhere."""
    members = [('"model"', '"some/model:openai"'),
               ('"messages"', "[" + blank(dice) + '{"role":"user","content":' + text(dice) + "}" + blank(dice) + "]")]
    members += [(f'"x_{dice.randrange(3)}"', value(dice)) for _ in range(dice.randrange(5))]
    if stream:
        members.append(('"stream"', "true"))
        if dice.random() < 0.5:
            members.append(('"stream_options"', '{' + blank(dice) + '"include_usage"' + blank(dice) + ": true}"))
    dice.shuffle(members)
    inside = ("," + blank(dice)).join(blank(dice) + k + blank(dice) + ":" + blank(dice) + v + blank(dice) for k, v in members)
    return (blank(dice) + "{" + inside + "}" + blank(dice)).encode()


def undo_edits(sent, client):
    """What the provider saw, with the two allowed edits taken back."""
    seen = sent.replace(b'"some/model"', b'"some/model:openai"', 1)
    if b'"stream_options"' not in client and b'"stream_options"' in seen:
        seen = re.sub(rb'"stream_options":\{"include_usage":true\},|,"stream_options":\{"include_usage":true\}', b"", seen, count=1)
    return seen


def test_request_bodies_arrive_as_they_were_sent(hub, openai):
    openai.forget()
    dice = random.Random(20261)
    with hub.connect() as connection:
        for number in range(ROUNDS):
            body = request_body(dice, stream=number % 3 == 0)
            connection.send_request("POST", "/v1/chat/completions",
                                    [hub.authorization, ("content-type", "application/json")], body)
            answer = connection.read_answer()
            assert answer.status == 200, (answer, body)
            sent = openai.requests[-1].body
            assert undo_edits(sent, body) == body, f"round {number}"
            if b'"stream"' in body and b'"stream_options"' not in body:
                assert json.loads(sent)["stream_options"] == {"include_usage": True}
    assert len(openai.requests) == ROUNDS


def test_answer_bodies_arrive_as_they_were_sent(hub, openai):
    """The provider's own white space, numbers, keys and escapes, around what makes it a completion."""
    dice = random.Random(20262)
    for number in range(ROUNDS):
        choice = '{"message":{"role":"assistant","content":' + text(dice) + blank(dice) + '},"finish_reason":"stop","odd":' + value(dice, 3) + "}"
        reply = ("{" + blank(dice) + '"choices"' + blank(dice) + ":[" + blank(dice) + choice + '],"extra":' + value(dice) +
                 blank(dice) + "}" + blank(dice)).encode()
        openai.script = up.answering(reply)
        answer = hub.chat("some/model:openai")
        assert answer.status == 200 and answer.body == reply, f"round {number}: {answer.body!r} is not {reply!r}"
    openai.script = up.complete


def odd_stream(dice, usage):
    """Events in every lawful spelling: comments, several line ends, data without a blank, named events."""
    end = dice.choice([b"\n", b"\r\n"])
    events = [b": keep-alive" + end + end]
    for number in range(dice.randrange(1, 8)):
        data = b'{"id":"x","choices":[{"index":0,"delta":{"content":' + text(dice).encode() + b'}}],"n":%d}' % number
        events.append(dice.choice([b"data: ", b"data:"]) + data + end + end)
        if dice.random() < 0.2:
            events.append(b": comment" + end + end)
    events.append(b'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}' + end + end)
    tail = b"data: [DONE]" + end + end
    return events, (b'data: {"id":"x","choices":[],"usage":' + json.dumps(up.USAGE).encode() + b"}" + end + end if usage else b""), tail


@pytest.mark.parametrize("asked", [True, False], ids=["client asked for usage", "hub asked for usage"])
def test_streams_arrive_as_they_were_sent(hub, openai, asked):
    dice = random.Random(20263)
    more = {"stream_options": {"include_usage": True}} if asked else {}
    for number in range(ROUNDS // 2):
        events, usage, tail = odd_stream(dice, usage=True)
        whole = b"".join(events) + usage + tail
        cuts = sorted(dice.randrange(len(whole)) for _ in range(dice.randrange(6)))

        def script(exchange):
            exchange.begin_stream()
            for begin, end in zip([0, *cuts], [*cuts, len(whole)]):
                if end > begin:
                    exchange.send_chunk(whole[begin:end])
            exchange.end_stream()
        openai.script = script
        answer = hub.chat("some/model:openai", stream=True, **more)
        expected = whole if asked else b"".join(events) + tail
        assert answer.status == 200 and answer.whole
        assert answer.body == expected, f"round {number}:\n{answer.body!r}\n{expected!r}"
    openai.script = up.complete


@pytest.mark.parametrize("where", ["model first", "model last"])
def test_twenty_megabytes_both_ways(hub, openai, where):
    image = ("A" * 1021 + "\\/+") * (20 * 1024)  # base64 with an escape in it, as some encoders write
    members = ['"model":"some/model:openai"',
               '"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,' + image + '"}}]}]']
    body = ("{" + ",".join(members if where == "model first" else members[::-1]) + "}").encode()
    reply = b'{"choices":[{"message":{"content":"' + b"B" * (20 << 20) + b'"},"finish_reason":"stop"}]}'
    openai.forget()
    openai.script = up.answering(reply)
    answer = hub.ask("POST", "/v1/chat/completions", body)
    openai.script = up.complete
    assert answer.status == 200
    assert undo_edits(openai.requests[0].body, body) == body
    assert len(answer.body) == len(reply) and zlib.crc32(answer.body) == zlib.crc32(reply)


def test_headers_that_belong_to_us_or_to_the_hop_do_not_travel(hub, openai):
    openai.forget()
    openai.script = up.answering(b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}', headers=[
        ("x-ratelimit-remaining-requests", "7"), ("openai-processing-ms", "12"), ("set-cookie", "a=b"),
        ("server", "secret/1.0"), ("strict-transport-security", "max-age=1"), ("keep-alive", "timeout=5")])
    answer = hub.ask("POST", "/v1/chat/completions",
                     {"model": "some/model:openai", "messages": [{"role": "user", "content": "Hi"}]},
                     headers=[("cookie", "session=1"), ("x-forwarded-for", "203.0.113.9"), ("connection", "keep-alive, x-hop"),
                              ("x-hop", "1"), ("te", "trailers"), ("x-api-key", hubs.KEY)])
    openai.script = up.complete
    sent = openai.requests[0]
    names = {name.lower() for name, _ in sent.headers}
    assert not names & {"cookie", "x-forwarded-for", "x-hop", "te", "x-api-key", "expect"}, names
    assert hubs.KEY.encode() not in sent.head
    assert sent.header("host") == f"127.0.0.1:{openai.port}"
    got = {name.lower() for name, _ in answer.headers}
    assert not got & {"set-cookie", "strict-transport-security", "keep-alive"}, got
    assert answer.header("server") != "secret/1.0"
