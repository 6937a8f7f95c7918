"""README's tour where there is no network: run inside a namespace of its own by test_no_network.py."""
import fcntl
import json
import socket
import struct

from harness import hub as hubs
from harness.reciting_model import RECITED


def raise_loopback():
    """A new namespace has `lo`, down. SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP."""
    with socket.socket() as any_socket:
        request = fcntl.ioctl(any_socket, 0x8913, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", request)[1]
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", flags | 1))


def main():
    interfaces = [name for _, name in socket.if_nameindex()]
    assert interfaces == ["lo"], interfaces
    raise_loopback()
    config = {"providers": {"openai": {"api_key": "sk-fake"}, "groq": {"api_key": "sk-fake"}}}
    with hubs.Hub(config, arguments=("--local-only",)) as hub:
        assert hub.ask("GET", "/", authorized=False).status == 200
        assert "reciter" in [model["id"] for model in hub.ask("GET", "/v1/models").json["data"]]
        assert hub.chat("reciter:device").json["choices"][0]["message"]["content"] == RECITED
        with hub.streaming("reciter:device") as (connection, status, headers):
            assert status == 200 and hubs.words_of(connection.read_events(headers)) == RECITED
        for model in ("gpt-4o:openai", "llama-3.3-70b-versatile:groq"):
            answer = hub.chat(model)
            assert answer.status == 403 and "local" in json.dumps(answer.error).lower(), answer
    print("tour finished")


if __name__ == "__main__":
    main()
