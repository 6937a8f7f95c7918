"""A scripted HTTP/1.1 upstream on loopback that counts and remembers everything that reaches it.

It is deliberately not built on an HTTP library: a test must be able to answer with rubbish, half a head or nothing,
and must see the bytes that came exactly as they came. One thread a connection; a script runs once a request.
"""
import contextlib
import dataclasses
import json
import select
import socket
import struct
import threading
import time

WAIT_S = 20  # how long a test waits for something that should happen at once


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: list          # (name, value) as they came
    body: bytes
    head: bytes            # the raw head

    def header(self, name, default=None):
        return next((v for n, v in self.headers if n.lower() == name.lower()), default)

    @property
    def json(self):
        return json.loads(self.body)


class Exchange:
    """One request and the means to answer it, rightly or wrongly."""

    def __init__(self, upstream, connection, request):
        self.upstream, self.connection, self.request = upstream, connection, request
        self.closing = False

    def send(self, data):
        self.connection.sendall(data)

    def answer(self, body, status=200, content_type="application/json", headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send(_head(status, [("content-type", content_type), ("content-length", str(len(body))), *headers]) + body)

    def begin_stream(self, headers=()):
        self.send(_head(200, [("content-type", "text/event-stream"), ("transfer-encoding", "chunked"), *headers]))

    def send_chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end_stream(self):
        self.send(b"0\r\n\r\n")

    def close(self):
        self.closing = True

    def reset(self):
        """The hard way to leave: RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closing = True

    def wait_left(self, timeout=WAIT_S):
        """True as soon as the peer has closed; whatever it still sends is not expected and ends the wait as well."""
        ready, _, _ = select.select([self.connection], [], [], timeout)
        if not ready:
            return False
        try:
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except ConnectionError:
            return True

    def hang(self):
        """Says nothing until the peer leaves; remembers that and when it did."""
        if self.wait_left():
            self.upstream._note_left()
        self.closing = True


class Upstream:
    """Listens from construction on; `script` may be exchanged at any time and is read once a request."""

    def __init__(self, script=None):
        self.script = script or complete
        self.requests, self.connections, self.left, self.left_at, self.problems = [], 0, 0, None, []
        self._changed = threading.Condition()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self):
        """Closes every connection that is open, as providers do with idle ones."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def forget(self):
        with self._changed:
            self.requests, self.connections, self.left, self.left_at = [], 0, 0, None

    def wait(self, condition, timeout=WAIT_S):
        """Waits until condition(self); fails with what was seen instead."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                raise AssertionError(f"upstream: not within {timeout} s; {self.connections} connections, "
                                     f"{len(self.requests)} requests, {self.left} left, problems {self.problems}")

    def wait_requests(self, count, timeout=WAIT_S):
        self.wait(lambda u: len(u.requests) >= count, timeout)
        return self.requests[count - 1]

    def wait_left(self, count=1, timeout=WAIT_S):
        self.wait(lambda u: u.left >= count, timeout)

    def _note_left(self):
        with self._changed:
            self.left += 1
            self.left_at = time.monotonic()
            self._changed.notify_all()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections += 1
                self._open.add(connection)
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        reader = connection.makefile("rb")
        try:
            while request := _read_request(reader):
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                exchange = Exchange(self, connection, request)
                self.script(exchange)
                if exchange.closing:
                    return
        except ConnectionError:
            self._note_left()
        except Exception as problem:  # a test reads these; a thread cannot fail a test by itself
            self.problems.append(repr(problem))
        finally:
            with self._changed:
                self._open.discard(connection)
            reader.close()
            connection.close()


def _read_request(reader):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline(65536)
        if not line:
            return None
        head += line
    start, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = start.split(" ")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    request = Request(method, target, headers, b"", head)
    if "chunked" in (request.header("transfer-encoding") or ""):
        while size := int(reader.readline().split(b";")[0], 16):
            request.body += reader.read(size)
            reader.read(2)
        reader.readline()
    else:
        request.body = reader.read(int(request.header("content-length", "0")))
    return request


def _head(status, headers):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode()


# Scripts. Each is a function of an Exchange; those with parameters return one.

WORDS = ["Far", " water", " runs", " deep", "."]
ANSWER = "".join(WORDS)
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


def completion(request, text=ANSWER):
    return {"id": "chatcmpl-fake", "object": "chat.completion", "created": 1700000000,
            "model": request.json.get("model"),
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": None},
                         "logprobs": None, "finish_reason": "stop"}],
            "usage": USAGE, "system_fingerprint": "fp_fake"}


def stream_events(request, words=WORDS):
    """The events of a stream as bytes, usage only when asked for, closing mark included."""
    def event(choices, **more):
        return b"data: " + json.dumps({"id": "chatcmpl-fake", "object": "chat.completion.chunk",
                                       "created": 1700000000, "model": request.json.get("model"),
                                       "choices": choices, **more}).encode() + b"\n\n"

    def choice(delta, reason=None):
        return [{"index": 0, "delta": delta, "finish_reason": reason}]

    wants_usage = (request.json.get("stream_options") or {}).get("include_usage")
    more = {"usage": None} if wants_usage else {}
    events = [event(choice({"role": "assistant", "content": ""}), **more)]
    events += [event(choice({"content": word}), **more) for word in words]
    events.append(event(choice({}, "stop"), **more))
    if wants_usage:
        events.append(event([], usage=USAGE))
    return [*events, b"data: [DONE]\n\n"]


def text_completion(request):
    return {"id": "cmpl-fake", "object": "text_completion", "created": 1700000000, "model": request.json.get("model"),
            "choices": [{"index": 0, "text": ANSWER, "logprobs": None, "finish_reason": "stop"}], "usage": USAGE}


def complete(exchange):
    """Answers as an OpenAI-compatible provider does."""
    request = exchange.request
    if request.target.endswith("/chat/completions"):
        if request.json.get("stream"):
            exchange.begin_stream()
            for event in stream_events(request):
                exchange.send_chunk(event)
            exchange.end_stream()
        else:
            exchange.answer(completion(request))
    elif request.target.endswith("/completions"):
        exchange.answer(text_completion(request))
    elif request.target.endswith("/models"):
        exchange.answer({"object": "list", "data": []})
    else:
        exchange.answer({"error": {"message": "no such route", "type": "invalid_request_error"}}, status=404)


def answering(body, status=200, content_type="application/json", headers=()):
    return lambda exchange: exchange.answer(body, status, content_type, headers)


def sending(data):
    """Raw bytes, then the connection is closed."""
    def script(exchange):
        exchange.send(data)
        exchange.close()
    return script


def hanging(exchange):
    exchange.hang()


def resetting(exchange):
    exchange.reset()


def cutting_after(events, hard=False):
    """Streams that many events and then leaves without the closing chunk."""
    def script(exchange):
        exchange.begin_stream()
        for event in stream_events(exchange.request)[:events]:
            exchange.send_chunk(event)
        exchange.reset() if hard else exchange.close()
    return script


def stalling_after(events):
    """Streams that many events and then says nothing more until the peer leaves."""
    def script(exchange):
        exchange.begin_stream()
        for event in stream_events(exchange.request)[:events]:
            exchange.send_chunk(event)
        exchange.hang()
    return script


def refused_port():
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
