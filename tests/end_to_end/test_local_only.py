"""--local-only: the device works, everything else is refused, and not one connection reaches a counting provider."""
import json

import pytest

from harness import hub as hubs
from harness.reciting_model import RECITED


def refuses_providers(hub):
    for model in ("gpt-4o:openai", "cloudy"):
        for stream in (False, True):
            answer = hub.chat(model, stream=stream)
            assert answer.status == 403, answer
            assert "local" in answer.error["message"].lower()
    answer = hub.chat("reciter:device")
    assert answer.status == 200 and answer.json["choices"][0]["message"]["content"] == RECITED


MODELS = {"models": {"cloudy": {"routes": [{"provider": "openai", "model": "gpt-4o"}]}}}
WAYS = {
    "flag": {"arguments": ("--local-only",), "config": MODELS},
    "environment": {"environment": {"SLUICE_LOCAL_ONLY": "true"}, "config": MODELS},
    "configuration": {"config": MODELS | {"local_only": True}},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_whole_process(openai, way):
    with hubs.Hub(providers={"openai": openai}, **WAYS[way]) as hub:
        refuses_providers(hub)
    assert openai.connections == 0


def test_a_key(openai):
    with hubs.Hub(MODELS, {"openai": openai}) as hub:
        made = hub.command("keys", "create", "guest", "--local-only", "--json")
        assert made.returncode == 0, made.stderr
        free, hub.key = hub.key, json.loads(made.stdout)["key"]
        hub.wait(lambda: hub.ask("GET", "/v1/models").status == 200, "the new key known")
        refuses_providers(hub)
        assert openai.connections == 0
        hub.key = free
        assert hub.chat("gpt-4o:openai").status == 200


def test_a_request(openai):
    with hubs.Hub(MODELS, {"openai": openai}) as hub:
        for model in ("gpt-4o:openai", "cloudy"):
            assert hub.chat(model, provider={"local_only": True}).status == 403
        assert openai.connections == 0
        assert hub.chat("reciter:device", provider={"local_only": True}).status == 200
        assert hub.chat("gpt-4o:openai", provider={"local_only": False}).status == 200
        assert "provider" not in openai.requests[0].json, "our routing object is nobody else's business"


def test_a_request_cannot_undo_what_the_process_forbids(openai):
    with hubs.Hub(MODELS, {"openai": openai}, arguments=("--local-only",)) as hub:
        assert hub.chat("gpt-4o:openai", provider={"local_only": False}).status == 403
        assert openai.connections == 0
