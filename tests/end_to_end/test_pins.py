"""A pin is a promise: `:device` never opens a connection to anybody, `:<provider>` never asks anybody else.

Every provider that sluice knows has a key here and an address that counts. The 500 requests walk through every way in
which the device can fail, several of them at the same time as others; a single connection to a provider is a failure.
"""
import collections
import concurrent.futures
import json
import os
import pathlib

import pytest

from harness import hub as hubs, reciting_model, upstream as up

DEVICE_REQUESTS = 500


def known_providers():
    folder = pathlib.Path(os.environ["SLUICE_SOURCE"]) / "data" / "providers"
    providers = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    assert len(providers) >= 5, folder
    return [provider for provider in providers if "not_built" not in provider]  # those are never switched on


@pytest.fixture(scope="module")
def counting():
    with up.Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def hub(counting):
    providers = known_providers()
    # The usual variables as well: a key found there must not tempt anybody either.
    keys = {name: "sk-fake" for provider in providers for name in provider.get("auth", {}).get("env", [])}
    config = {
        "device": {"queue_max": 2, "sessions_max": 1},
        # The same names lead to providers too, so that a failover would have somewhere to go.
        "models": {name: {"routes": [{"provider": "device"}, {"provider": "openai", "model": "gpt-4o"},
                                     {"provider": "groq", "model": "llama"}]}
                   for name in ("reciter", "endless", "broken", "vanished", "missing")},
        "providers": {provider["id"]: {"api_key": "sk-fake", "base_url": counting.origin,
                                       "variables": dict.fromkeys(provider["variables"], "x1")}
                      for provider in providers if "variables" in provider},
    }
    with hubs.Hub(config, {provider["id"]: counting for provider in providers}, environment=keys,
                  models=("reciter", "endless", "vanished")) as hub:
        (hub.models / "broken.gguf").write_bytes(b"GGUF" + bytes(64))
        (hub.models / "vanished.gguf").unlink()
        yield hub


def chat(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}


# name -> (request, status that may come back). 503 is always honest while the one session is taken.
KINDS = {
    "answered": (chat("reciter:device"), {200}),
    "answered as a stream": (chat("reciter:device", stream=True), {200}),
    "unknown model": (chat("no/such-model:device"), {404}),
    "routed by name to a model that is not there": (chat("missing:device"), {400, 404}),
    "model file gone": (chat("vanished:device"), {404, 500, 503}),
    "model file broken": (chat("broken:device"), {404, 500, 503}),
    "context overflow": (chat("reciter:device", messages=[{"role": "user", "content": "x" * 5000}]), {400}),
    "answer over the context": (chat("reciter:device", max_tokens=10**6), {200, 400}),
    "bad temperature": (chat("reciter:device", temperature=-3), {400}),
    "tools": (chat("reciter:device", tools=[{"type": "function", "function": {"name": "f"}}]), {400}),
    "images": (chat("reciter:device", messages=[{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.invalid/cat.png"}}]}]), {400}),
    "response_format": (chat("reciter:device", response_format={"type": "json_object"}), {400}),
    "several choices": (chat("reciter:device", n=3), {400}),
    "no messages": ({"model": "reciter:device"}, {400}),
    "local only as well": (chat("reciter:device", provider={"local_only": True}), {200}),
    "another provider wished for in the body": (chat("reciter:device", provider={"order": ["openai"]}), {200, 400}),
    "fallbacks wished for in the body": (chat("no/such:device", models=["gpt-4o", "reciter"]), {400, 404}),
}


def test_no_device_request_ever_reaches_a_provider(hub, counting):
    counting.forget()
    seen = collections.Counter()

    def ask(number):
        name = list(KINDS)[number % len(KINDS)]
        body, statuses = KINDS[name]
        answer = hub.ask("POST", "/v1/chat/completions", body)
        assert answer.status in statuses | {503}, f"{name}: {answer.status} {answer.body[:300]!r}"
        if answer.status != 200:
            assert answer.error
        else:
            assert answer.header("x-inference-provider") == "device", name
        seen[name, answer.status] += 1

    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        list(threads.map(ask, range(DEVICE_REQUESTS)))

    assert sum(seen.values()) == DEVICE_REQUESTS
    assert any(status == 503 for _, status in seen), f"the queue was never full: {seen}"
    for number, (_, statuses) in enumerate(KINDS.values()):
        seen.clear()
        ask(number)  # alone: now the failure itself must show
        assert any(status in statuses for _, status in seen), seen
    assert (counting.connections, counting.requests) == (0, [])


def test_a_full_queue_is_503_with_retry_after_and_no_way_out(hub, counting):
    """One session runs, two wait: the next is refused, whatever else could have answered it."""
    counting.forget()
    with hub.streaming("endless:device") as (first, status, headers):
        assert status == 200
        assert next(first.read_events(headers))
        waiting = [hub.connect() for _ in range(8)]
        for connection in waiting:
            connection.send_request("POST", "/v1/chat/completions",
                                    [hub.authorization, ("content-type", "application/json")],
                                    json.dumps(chat("endless:device", max_tokens=3)).encode())
        # Which of the eight get the two places is the scheduler's affair, but only two do. All eight must have
        # been judged before the running session may go: six answers are there while it still runs.
        hub.wait(lambda: sum(connection.has_answer() for connection in waiting) == 6, "six refusals")
        refused = hub.ask("POST", "/v1/chat/completions", chat("reciter:device"))
        assert refused.status == 503, refused
        assert int(refused.header("retry-after")) >= 1
        assert refused.error["type"]
    # The running session is gone with its client; whoever was queued is served now.
    answers = [connection.read_answer() for connection in waiting]
    for connection in waiting:
        connection.close()
    statuses = collections.Counter(answer.status for answer in answers)
    assert statuses == {200: 2, 503: 6}, statuses
    assert counting.connections == 0


def test_clients_that_leave_the_device_do_not_wake_a_provider(hub, counting):
    counting.forget()
    for stream in (True, False):
        for _ in range(5):
            with hub.connect() as connection:
                connection.send_request("POST", "/v1/chat/completions",
                                        [hub.authorization, ("content-type", "application/json")],
                                        json.dumps(chat("endless:device", stream=stream)).encode())
                if stream:
                    assert connection.read_head()[0] in (200, 503)
    hub.wait(lambda: hub.chat("reciter:device").status == 200, "the engine free again")
    assert counting.connections == 0


def test_a_client_cannot_name_files_of_this_machine(hub, counting):
    """Paths are for the command line; over HTTP only what is offered may be asked for."""
    outside = hub.home / "outside.gguf"
    reciting_model.write_model(outside)
    for name in (outside, "../../../outside.gguf", f"file://{outside}", "reciter.gguf", "./reciter", "../models/reciter"):
        answer = hub.chat(f"{name}:device")
        assert answer.status in (400, 404), (name, answer)
        assert str(hub.home) not in answer.error["message"].replace(str(name), ""), "a path of this machine is told to a client"


FAILING = {
    "refuses with 500": up.answering({"error": {"message": "broken", "type": "server_error"}}, 500),
    "refuses with 429": up.answering({"error": {"message": "slow down", "type": "rate_limit"}}, 429),
    "refuses with 401": up.answering({"error": {"message": "who?", "type": "auth"}}, 401),
    "sends rubbish": up.sending(b"\x00\x01\x02 rubbish\r\n\r\n"),
    "resets": up.resetting,
    "cuts its stream": up.cutting_after(3),
}


@pytest.mark.parametrize("failure", FAILING)
@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_pin_never_fails_over(failure, stream):
    """Two providers and the device could serve the name; the pin names the one that fails."""
    with up.Upstream(FAILING[failure]) as pinned, up.Upstream() as other:
        config = {"models": {"reciter": {"routes": [{"provider": "openai"}, {"provider": "groq"},
                                                    {"provider": "device"}]}}}
        with hubs.Hub(config, {"openai": pinned, "groq": other}) as hub:
            answer = hub.chat("reciter:openai", stream=stream)
            if answer.status == 200:
                assert not answer.whole or b'"error"' in answer.body
                assert b"[DONE]" not in answer.body
            else:
                assert answer.status in (401, 429, 500, 502, 503), answer
                assert "openai" in answer.error["message"].lower()
            assert len(pinned.requests) >= 1
            assert (other.connections, other.requests) == (0, [])
            # The same name without a pin does go on: the other routes were really there.
            if answer.status != 200:
                unpinned = hub.chat("reciter", stream=stream)
                assert unpinned.status == 200, unpinned
                assert unpinned.header("x-inference-provider") == "groq"


def test_an_unreachable_pin_is_told_with_the_providers_name():
    with up.Upstream() as other:
        config = {"providers": {"openai": {"api_key": "sk-x", "base_url": f"http://127.0.0.1:{up.refused_port()}"}}}
        with hubs.Hub(config, {"groq": other}) as hub:
            answer = hub.chat("gpt-4o:openai")
            assert answer.status == 502
            assert "openai" in answer.error["message"].lower()
            assert other.connections == 0
