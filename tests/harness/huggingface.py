"""A server that speaks as much of the Hugging Face Hub's API as a download needs, and lies where a test asks it to.

Small files have git hashes and come from the Hub's own host; large ones have SHA-256 and are reached by a redirect to a
second host, as the real Hub does. Both listen on loopback; every request is remembered by harness.upstream.
"""
import hashlib
import json
import urllib.parse

from . import upstream

COMMIT = "a" * 39 + "1"


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class HubServer:
    """files: path -> bytes of the repository `org/name`; those in `large` are kept on the second host."""

    def __init__(self, files, large=(), name="org/name", token=None, licence="apache-2.0"):
        self.files, self.large, self.name, self.token, self.licence = dict(files), set(large), name, token, licence
        self.gated = False
        self.commit = COMMIT
        self.revisions = {"main"}
        self.edit_listing = lambda listing: listing
        self.serve = self.serve_bytes        # (exchange, path, data): how content is sent; tests exchange it
        self.store = upstream.Upstream(self._store)
        self.hub = upstream.Upstream(self._hub)
        self.location = lambda path: f"{self.store.origin}/blob/{urllib.parse.quote(path)}?signed=1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hub.close()
        self.store.close()

    @property
    def endpoint(self):
        return self.hub.origin

    def hash_of(self, path):
        return sha256(self.files[path]) if path in self.large else git_hash(self.files[path])

    def listing(self):
        siblings = []
        for path, data in self.files.items():
            entry = {"rfilename": path, "size": len(data), "blobId": git_hash(data)}
            if path in self.large:
                entry["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 130}
            siblings.append(entry)
        return {"id": self.name, "sha": self.commit, "gated": "auto" if self.gated else False, "private": False,
                "cardData": {"license": self.licence}, "tags": [f"license:{self.licence}"], "siblings": siblings}

    def content_requests(self):
        """(host, path, first byte, last byte) of every request for content."""
        seen = []
        for host, server in (("hub", self.hub), ("store", self.store)):
            for request in list(server.requests):
                if "/resolve/" in request.target or request.target.startswith("/blob/"):
                    first, _, last = (request.header("range") or "bytes=0-").removeprefix("bytes=").partition("-")
                    seen.append((host, request.target, int(first), int(last or -1)))
        return seen

    def _refuse(self, exchange, status, code, message):
        exchange.answer({"error": message}, status, headers=[("x-error-code", code), ("x-error-message", message)]
                        if code else [])

    def _is_let_in(self, exchange):
        given = exchange.request.header("authorization")
        if self.token and given not in (None, f"Bearer {self.token}"):
            self._refuse(exchange, 401, None, "Invalid credentials in Authorization header")
            return False
        return True

    def _hub(self, exchange):
        path = urllib.parse.unquote(exchange.request.target.partition("?")[0])
        if not self._is_let_in(exchange):
            return
        authorized = self.token and exchange.request.header("authorization")
        listing, content = f"/api/models/{self.name}/revision/", f"/{self.name}/resolve/{self.commit}/"
        if path.startswith(listing):
            if path.removeprefix(listing) not in {*self.revisions, self.commit}:
                return self._refuse(exchange, 404, "RevisionNotFound", "Invalid rev id")
            body = self.edit_listing(self.listing())
            return exchange.answer(body if isinstance(body, bytes) else json.dumps(body).encode())
        if path.startswith(content):
            file = path.removeprefix(content)
            if self.gated and not authorized:
                return self._refuse(exchange, 401, "GatedRepo", f"Access to model {self.name} is restricted.")
            if file not in self.files:
                return self._refuse(exchange, 404, "EntryNotFound", "Entry not found")
            if file in self.large:
                return exchange.answer(b"Found", 302, "text/plain", [("location", self.location(file))])
            return self.serve(exchange, file, self.files[file])
        return self._refuse(exchange, 401 if not authorized else 404, "RepoNotFound", "Repository not found")

    def _store(self, exchange):
        file = urllib.parse.unquote(exchange.request.target.partition("?")[0]).removeprefix("/blob/")
        self.serve(exchange, file, self.files[file])

    def serve_bytes(self, exchange, _, data):
        """As a well-behaved server: 206 for a range, and the whole otherwise."""
        first, last = asked_range(exchange.request, len(data))
        send_range(exchange, data[first:last + 1], first, last, len(data))


def asked_range(request, size):
    text = request.header("range")
    if not text:
        return 0, size - 1
    first, _, last = text.removeprefix("bytes=").partition("-")
    return int(first), min(int(last), size - 1)


def send_range(exchange, part, first, last, size, length=None):
    """`part` as the bytes first..last; `length` is claimed instead of its own."""
    headers = [("content-range", f"bytes {first}-{last}/{size}"), ("etag", '"x"')]
    if length is None:
        return exchange.answer(part, 206, "application/octet-stream", headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in [*headers, ("content-length", str(length))])
    exchange.send(f"HTTP/1.1 206 Partial\r\n{lines}\r\n".encode() + part)
    return None
