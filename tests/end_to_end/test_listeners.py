"""Where sluice can be reached: loopback, a Unix socket, TLS; and where it refuses to be."""
import contextlib
import os
import socket
import ssl
import stat
import subprocess

import pytest

from harness import hub as hubs, wire
from harness.reciting_model import RECITED


def test_a_unix_socket_serves_beside_the_port():
    with contextlib.closing(hubs.Home()) as place:
        path = str(place.home / "sluice.sock")
        with hubs.Hub({"unix_socket": path}) as hub:
            for _ in range(2):
                answer = wire.ask(f"unix:{path}", "GET", "/v1/models", [hub.authorization])
                assert answer.status == 200
            assert hub.ask("GET", "/v1/models").status == 200
            assert stat.S_IMODE(os.stat(path).st_mode) & 0o007 == 0, "others on this machine may connect"
        assert not os.path.exists(path), "the socket file outlived the server"


def test_a_unix_socket_left_by_a_killed_server_is_taken_over_but_a_living_one_is_not():
    with contextlib.closing(hubs.Home()) as place:
        path = str(place.home / "sluice.sock")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        with hubs.Hub({"unix_socket": path}, models=()) as hub:
            assert wire.ask(f"unix:{path}", "GET", "/livez").status == 200
            second = hubs.Hub({"unix_socket": path}, models=())
            with pytest.raises(AssertionError, match="ended with 1"), second:
                pass
            assert wire.ask(f"unix:{path}", "GET", "/livez").status == 200
        assert hub.process is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


class TlsHub(hubs.Hub):
    """Readiness is asked over TLS as well."""

    def __init__(self, cert, *arguments, **options):
        super().__init__(*arguments, **options)
        self.trust = ssl.create_default_context(cafile=str(cert))
        self.url = f"https://127.0.0.1:{self.port}"

    def _answers(self, target):
        assert self.process.poll() is None, self.stderr
        with contextlib.suppress(OSError):
            return wire.ask(self.url, "GET", target, tls=self.trust).status == 200
        return False


def test_tls(certificate):
    cert, key = certificate
    with TlsHub(cert, {"tls": {"cert": str(cert), "key": str(key)}}) as hub:
        with wire.Connection(hub.url, tls=hub.trust) as connection:
            for _ in range(2):
                connection.send_request("POST", "/v1/chat/completions",
                                        [hub.authorization, ("content-type", "application/json")],
                                        b'{"model":"reciter:device","stream":true,"messages":[{"role":"user","content":"Hi"}]}')
                status, headers = connection.read_head()
                assert status == 200
                assert hubs.words_of(connection.read_events(headers)) == RECITED
            assert connection.socket.version() in ("TLSv1.2", "TLSv1.3")
        # Plain HTTP on a TLS port gets nothing useful and harms nobody.
        with wire.Connection(f"http://127.0.0.1:{hub.port}", timeout=10) as plain:
            plain.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            with contextlib.suppress(ConnectionError, AssertionError, ValueError):
                assert plain.read_answer("GET") is None
        # Old protocol versions are refused.
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError):
            wire.ask(hub.url, "GET", "/livez", tls=old)
        assert wire.ask(hub.url, "GET", "/livez", tls=hub.trust).status == 200


@pytest.mark.parametrize("broken", ["missing file", "not a certificate", "another key"])
def test_a_broken_certificate_stops_the_start_and_is_named(certificate, tmp_path, broken):
    cert, key = map(str, certificate)
    if broken == "missing file":
        cert = str(tmp_path / "nowhere.pem")
    elif broken == "not a certificate":
        (tmp_path / "text.pem").write_text("hello")
        cert = str(tmp_path / "text.pem")
    else:
        key = str(tmp_path / "other.pem")
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
    named = os.path.basename(key if broken == "another key" else cert)
    with pytest.raises(AssertionError, match=f"ended with 1(.|\n)*{named}"):
        with hubs.Hub({"tls": {"cert": cert, "key": key}}, models=()):
            pass


def test_a_taken_port_is_said_and_not_shared():
    """SO_REUSEPORT spreads over our own loops; a second process must not slip in beside the first."""
    with hubs.Hub(models=()) as first:
        second = hubs.Hub(models=())
        second._command[second._command.index("--port") + 1] = str(first.port)
        with pytest.raises(AssertionError, match=f"ended with 1(.|\n)*{first.port}"), second:
            pass
        assert first.ask("GET", "/livez").status == 200


def test_a_port_taken_by_another_program_is_said():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        hub = hubs.Hub(models=())
        hub._command[hub._command.index("--port") + 1] = str(port)
        with pytest.raises(AssertionError, match=f"ended with 1(.|\n)*{port}"), hub:
            pass


def test_an_open_address_without_keys_is_refused():
    hub = hubs.Hub({"host": "0.0.0.0", "auth": False}, models=())
    with pytest.raises(AssertionError, match="ended with [12](.|\n)*auth"), hub:
        pass


def test_loopback_without_keys_is_allowed_on_request():
    with hubs.Hub({"auth": False}) as hub:
        assert hub.ask("POST", "/v1/chat/completions",
                       {"model": "reciter:device", "messages": [{"role": "user", "content": "Hi"}]},
                       authorized=False).status == 200
        # Without keys the Host check is all that stands between a web page and the models.
        assert hub.ask("GET", "/v1/models", authorized=False, headers=[("host", "evil.example")]).status == 403


HOSTS = {"127.0.0.1": 200, "127.0.0.1:1": 200, "localhost": 200, "LOCALHOST:8484": 200, "[::1]": 200, "[::1]:80": 200,
         "app.test": 200, "app.test:99": 200, "evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.nip.io": 403,
         "127.0.0.1@evil.example": (400, 403), "app.test.": (200, 403), "xapp.test": 403, "169.254.169.254": 403}


def test_host_header_allow_list():
    with hubs.Hub({"allowed_hosts": ["app.test"]}, models=()) as hub:
        for host, expected in HOSTS.items():
            status = hub.ask("GET", "/v1/models", headers=[("host", host)]).status
            assert status == expected or isinstance(expected, tuple) and status in expected, (host, status)


def test_cors_is_off_unless_configured():
    origin = ("origin", "https://app.example")
    asks = ("access-control-request-method", "POST")
    with hubs.Hub(models=()) as hub:
        for answer in (hub.ask("GET", "/v1/models", headers=[origin]),
                       hub.ask("OPTIONS", "/v1/chat/completions", headers=[origin, asks], authorized=False)):
            assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
    with hubs.Hub({"cors_origins": ["https://app.example"]}, models=()) as hub:
        allowed = hub.ask("OPTIONS", "/v1/chat/completions", headers=[origin, asks], authorized=False)
        assert allowed.status in (200, 204)
        assert allowed.header("access-control-allow-origin") == "https://app.example"
        assert hub.ask("GET", "/v1/models", headers=[origin]).header("access-control-allow-origin") == "https://app.example"
        other = hub.ask("GET", "/v1/models", headers=[("origin", "https://evil.example")])
        assert other.header("access-control-allow-origin") is None


def test_older_and_rarer_forms_of_http():
    body = b'{"model":"reciter:device","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    with hubs.Hub({"auth": False}) as hub:
        with hub.connect() as old:  # HTTP/1.0 knows no chunks: the stream ends with the connection
            old.send(b"POST /v1/chat/completions HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            status, headers = old.read_head()
            assert status == 200 and "transfer-encoding" not in {name.lower() for name, _ in headers}
            assert hubs.words_of(old.read_events(headers)) == RECITED
        with hub.connect() as patient:
            patient.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                         b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body))
            assert patient.reader.readline().startswith(b"HTTP/1.1 100")
            assert patient.reader.readline() == b"\r\n"
            patient.send(body)
            status, headers = patient.read_head()
            assert status == 200 and hubs.words_of(patient.read_events(headers)) == RECITED
        with hub.connect() as curious:
            for _ in range(2):  # the second answer is misread if the first had a body
                curious.send_request("HEAD", "/")
                answer = curious.read_answer("HEAD")
                assert answer.status == 200 and int(answer.header("content-length")) > 1000
