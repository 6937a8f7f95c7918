"""The measuring stick itself: scripted upstream and raw HTTP against each other."""
import pytest

from harness import upstream as up, wire


def ask(upstream, **body):
    import json
    return wire.ask(upstream.origin, "POST", "/v1/chat/completions", [], json.dumps({"model": "m", **body}).encode())


def test_answers_and_counts():
    with up.Upstream() as upstream:
        answer = ask(upstream)
        assert (answer.status, answer.whole) == (200, True)
        assert answer.json["choices"][0]["message"]["content"] == up.ANSWER
        assert (upstream.connections, len(upstream.requests)) == (1, 1)


def test_tells_a_cut_stream_from_a_whole_one():
    with up.Upstream() as upstream:
        assert ask(upstream, stream=True).whole
        upstream.script = up.cutting_after(3)
        assert not ask(upstream, stream=True).whole
        upstream.script = up.cutting_after(3, hard=True)
        assert not ask(upstream, stream=True).whole


def test_sees_who_left():
    with up.Upstream(up.hanging) as upstream:
        with wire.Connection(upstream.origin) as connection:
            connection.send_request("POST", "/v1/chat/completions", [], b"{}")
            upstream.wait_requests(1)
        upstream.wait_left()
        with pytest.raises(AssertionError):
            upstream.wait_left(2, timeout=0.05)
