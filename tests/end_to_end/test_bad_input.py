"""cases/bad_input.txt against the real binary, and the raw forms that no HTTP library would send."""
import dataclasses
import pathlib
import re

import pytest

from harness import hub as hubs, upstream as up, wire

CASES = pathlib.Path(__file__).parent / "cases" / "bad_input.txt"


@dataclasses.dataclass
class Case:
    name: str
    request: str = ""
    headers: list = dataclasses.field(default_factory=list)
    body: list = dataclasses.field(default_factory=list)
    expected: list = dataclasses.field(default_factory=list)


def read_cases(text):
    cases = []
    for number, line in enumerate(text.splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if mark == "===":
            cases.append(Case(rest))
        elif mark == ">" and not cases[-1].request:
            cases[-1].request = rest
        elif mark in (">", "|", "<"):
            {">": cases[-1].headers, "|": cases[-1].body, "<": cases[-1].expected}[mark].append(rest)
        else:
            assert not line or mark == "#", f"{CASES.name}:{number}: {line}"
    return cases


def fill(text):
    text = text.replace("{{key}}", hubs.KEY)
    return re.sub(r"\{\{(\D)(\d+)\}\}", lambda m: m[1] * int(m[2]), text)


def headers_of(case):
    headers = {"authorization": f"Bearer {hubs.KEY}", "content-type": "application/json"}
    for line in case.headers:
        if line.startswith("-"):
            headers.pop(line[1:])
        else:
            name, value = fill(line).split(": ", 1)
            headers[name] = value
    return list(headers.items())


def check(expected, answer):
    what, _, rest = expected.partition(" ")
    if what.isdigit():
        assert answer.status == int(what), answer
        return
    if what == "header":
        what, _, rest = rest.partition(" ")
        found = answer.header(what)
    else:
        found = answer.error[what]
    if rest.startswith("~ "):
        assert found is not None and re.search(rest[2:], found), f"{what}: {found!r} does not match {rest[2:]!r}"
    else:
        assert str(found) == rest, f"{what}: {found!r} is not {rest!r}"


@pytest.fixture(scope="module")
def world():
    with up.Upstream() as openai, hubs.Hub(providers={"openai": openai}) as hub:
        yield hub, openai
        assert hub.ask("GET", "/livez").status == 200


@pytest.mark.parametrize("case", read_cases(CASES.read_text()), ids=lambda case: case.name)
def test_case(world, case):
    hub, openai = world
    method, target = case.request.split(" ")
    answer = wire.ask(hub.url, method, target, headers_of(case), fill("\n".join(case.body)).encode())
    assert answer.whole
    assert case.expected[0].isdigit()
    for expected in case.expected:
        check(expected, answer)
    if answer.status >= 400:
        assert answer.error
        # What net refuses before there is a request has no id; the connection closes.
        assert answer.header("x-request-id") or answer.closed
    assert (openai.connections, openai.requests) == (0, [])


CHAT = b'{"model":"reciter:device","messages":[{"role":"user","content":"Hi"}]}'
HIDDEN = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n"


def head(*lines, version=b"HTTP/1.1"):
    standard = [b"POST /v1/chat/completions " + version, b"Host: 127.0.0.1",
                b"Authorization: Bearer " + hubs.KEY.encode(), b"Content-Type: application/json"]
    return b"\r\n".join([*standard, *lines]) + b"\r\n\r\n"


LENGTH = b"Content-Length: %d" % len(CHAT)
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CHAT), CHAT)

# Each could make a proxy in front of us and us disagree about where the request ends.
SMUGGLED = {
    "length and chunked": head(LENGTH, b"Transfer-Encoding: chunked") + CHUNKED + HIDDEN,
    "two lengths": head(LENGTH, b"Content-Length: 5") + CHAT,
    "two lengths in one line": head(b"Content-Length: 5, %d" % len(CHAT)) + CHAT,
    "length with a sign": head(b"Content-Length: +%d" % len(CHAT)) + CHAT,
    "length in hex": head(b"Content-Length: 0x%x" % len(CHAT)) + CHAT,
    "negative length": head(b"Content-Length: -1") + CHAT,
    "length beyond 64 bits": head(b"Content-Length: 99999999999999999999999") + CHAT,
    "length with a blank inside": head(b"Content-Length: 1 0") + CHAT,
    "xchunked": head(b"Transfer-Encoding: xchunked") + CHUNKED,
    "chunked twice": head(b"Transfer-Encoding: chunked, chunked") + CHUNKED,
    "two transfer encodings": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity") + CHUNKED,
    "gzip, chunked": head(b"Transfer-Encoding: gzip, chunked") + CHUNKED,
    "chunked with a vertical tab": head(b"Transfer-Encoding: \x0bchunked") + CHUNKED,
    "blank before the colon": head(b"Transfer-Encoding : chunked") + CHUNKED,
    "folded header": head(b"X-Folded: one", b" two", LENGTH) + CHAT,
    "folded transfer encoding": head(b"Transfer-Encoding:", b" chunked") + CHUNKED,
    "bare line feeds": head(LENGTH).replace(b"\r\n", b"\n") + CHAT,
    "bare carriage return in a header": head(b"X-A: b\rTransfer-Encoding: chunked", LENGTH) + CHAT,
    "NUL in a header": head(b"X-A: b\0c", LENGTH) + CHAT,
    "NUL in a name": head(b"X\0A: b", LENGTH) + CHAT,
    "no colon": head(b"nonsense", LENGTH) + CHAT,
    "empty name": head(b": nothing", LENGTH) + CHAT,
    "two hosts": head(b"Host: other", LENGTH) + CHAT,
    "chunk size with a sign": head(b"Transfer-Encoding: chunked") + b"+" + CHUNKED,
    "chunk size in 0x": head(b"Transfer-Encoding: chunked") + b"0x" + CHUNKED,
    "chunk size beyond 64 bits": head(b"Transfer-Encoding: chunked") + b"fffffffffffffffff\r\n" + CHAT,
    "chunk longer than its size": head(b"Transfer-Encoding: chunked") + b"3\r\n" + CHAT + b"\r\n0\r\n\r\n",
    "chunk ended by a bare line feed": head(b"Transfer-Encoding: chunked") + CHUNKED.replace(b"\r\n", b"\n"),
    "no version": b"POST /v1/chat/completions\r\n\r\n",
    "version 3": head(LENGTH, version=b"HTTP/3.0") + CHAT,
    "blank in the target": head(LENGTH).replace(b"/v1/chat", b"/v1 /chat") + CHAT,
    "not HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
}


@pytest.mark.parametrize("form", SMUGGLED)
def test_smuggling_forms_are_refused_and_the_connection_closed(world, form):
    hub, openai = world
    with hub.connect(timeout=10) as connection:
        connection.send(SMUGGLED[form])
        answer = connection.read_answer()
        assert answer is not None and 400 <= answer.status < 500 or answer.status in (501, 505), answer
        assert connection.wait_closed(), "the connection stayed open: what follows could be read as a request"
    assert openai.connections == 0


def test_host_is_required_since_1_1(world):
    hub, _ = world
    with hub.connect(timeout=10) as connection:
        connection.send(head(LENGTH).replace(b"Host: 127.0.0.1\r\n", b"") + CHAT)
        assert connection.read_answer().status == 400


def test_a_body_over_the_limit_is_refused_before_it_is_read(world):
    hub, _ = world
    with hub.connect() as connection:
        connection.send(head(b"Content-Length: %d" % (33 << 20)))
        answer = connection.read_answer()
        assert answer.status == 413 and answer.error["message"]
        assert str(32 << 20) in answer.error["message"] or "32 MiB" in answer.error["message"]


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(world):
    hub, _ = world
    megabyte = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    with hub.connect() as connection:
        connection.send(head(b"Transfer-Encoding: chunked"))
        try:
            for _ in range(40):
                connection.send(megabyte)
        except ConnectionError:
            pass
        assert connection.read_answer().status == 413


def test_bytes_in_single_steps_are_still_one_request(world):
    hub, _ = world
    with hub.connect() as connection:
        for byte in head(LENGTH) + CHAT:
            connection.send(bytes([byte]))
        assert connection.read_answer().status == 200


def test_requests_in_one_packet_are_answered_in_order(world):
    hub, _ = world
    with hub.connect() as connection:
        bad = head(b"Content-Length: 2") + b"{}"
        connection.send(head(LENGTH) + CHAT + bad + head(LENGTH) + CHAT)
        assert [connection.read_answer().status for _ in range(3)] == [200, 400, 200]
