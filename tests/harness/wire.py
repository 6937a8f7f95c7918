"""HTTP/1.1 by hand: sends exactly the bytes given, and tells a whole answer from a cut one.

Client libraries forgive, retry and reformat; here nothing is forgiven.
"""
import dataclasses
import json
import select
import socket
import ssl
import urllib.parse

WAIT_S = 30


class Cut(AssertionError):
    """The answer ended before its framing said so."""


@dataclasses.dataclass
class Answer:
    status: int
    headers: list
    body: bytes
    whole: bool             # complete by its framing
    closed: bool            # the peer closed the connection afterwards, or said it would

    def header(self, name, default=None):
        return next((v for n, v in self.headers if n.lower() == name.lower()), default)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The OpenAI error object; fails on any other shape."""
        error = self.json["error"]
        assert isinstance(error["message"], str) and error["message"], self.body
        assert isinstance(error["type"], str) and error["type"], self.body
        assert "param" in error and "code" in error, self.body
        return error


class Connection:
    """One connection; `at` is a URL (http, https) or unix:/path."""

    def __init__(self, at, timeout=WAIT_S, tls=None):
        if at.startswith("unix:"):
            self.host = "localhost"
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(at.removeprefix("unix:"))
        else:
            url = urllib.parse.urlsplit(at)
            self.host = url.netloc
            self.socket = socket.create_connection((url.hostname, url.port), timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme == "https":
                self.socket = (tls or ssl.create_default_context()).wrap_socket(
                    self.socket, server_hostname=url.hostname)
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.reader.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, method, target, headers=(), body=b""):
        names = {name.lower() for name, _ in headers}
        lines = [] if "host" in names else [("host", self.host)]
        lines += headers
        if body and not names & {"content-length", "transfer-encoding"}:
            lines.append(("content-length", str(len(body))))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "\r\n"
        self.send(head.encode("latin-1") + body)

    def read_head(self):
        """(status, headers) of the next answer that is not a 1xx; None if the peer closed without one."""
        while True:
            line = self.reader.readline()
            if not line:
                return None
            version, status, *_ = line.decode("latin-1").split(" ")
            assert version.startswith("HTTP/1."), line
            headers = []
            while (line := self.reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
                headers.append((name, value.strip()))
            if int(status) >= 200:
                return int(status), headers

    def read_pieces(self, headers):
        """Yields the body as it comes; raises Cut if it ends too early."""
        fields = {name.lower(): value for name, value in headers}
        if "chunked" in fields.get("transfer-encoding", ""):
            while True:
                line = self.reader.readline()
                if not line.endswith(b"\r\n"):
                    raise Cut("ended between chunks")
                size = int(line.split(b";")[0], 16)
                piece = self._read(size)
                if self._read(2) != b"\r\n":
                    raise Cut("chunk without its end")
                if size == 0:
                    return
                yield piece
        elif "content-length" in fields:
            left = int(fields["content-length"])
            while left:
                piece = self.reader.read1(min(left, 65536))
                if not piece:
                    raise Cut(f"{left} bytes missing")
                left -= len(piece)
                yield piece
        else:
            while piece := self.reader.read1(65536):
                yield piece

    def _read(self, size):
        data = self.reader.read(size)
        if len(data) != size:
            raise Cut(f"{size - len(data)} bytes missing in a chunk")
        return data

    def read_answer(self, method="POST"):
        head = self.read_head()
        if head is None:
            return None
        status, headers = head
        pieces, whole = [], True
        if method != "HEAD" and status not in (204, 304):
            try:
                for piece in self.read_pieces(headers):
                    pieces.append(piece)
            except (Cut, ConnectionError):
                whole = False
        said = next((v.lower() for n, v in headers if n.lower() == "connection"), "")
        return Answer(status, headers, b"".join(pieces), whole, not whole or said == "close")

    def has_answer(self):
        """Whether bytes of an answer have arrived; reads none of them."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def wait_closed(self):
        """True once the peer has closed; False if it stays open for as long as this connection waits."""
        try:
            return self.reader.read1(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def read_events(self, headers):
        """Yields the data of each SSE event as text; comments are skipped."""
        pending = b""
        for piece in self.read_pieces(headers):
            pending += piece
            while b"\n\n" in pending:
                event, _, pending = pending.partition(b"\n\n")
                data = [line[5:].lstrip() for line in event.decode().split("\n") if line.startswith("data:")]
                if data:
                    yield "\n".join(data)
        if pending.strip():
            raise Cut(f"event without its end: {pending!r}")


def ask(at, method, target, headers=(), body=b"", **options):
    """One request on its own connection."""
    with Connection(at, **options) as connection:
        connection.send_request(method, target, list(headers), body)
        return connection.read_answer(method)
