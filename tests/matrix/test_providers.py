"""Every provider file against a strict fake of that provider: one plain and one stream request by the real binary.

The fake (data/simulator/providers.json, written from the wire notes and not from data/providers) knows the provider's
path, credential header and what it refuses; its streams have the shape that was recorded of it. What is asked for uses
the parameters that the quirks are about.
"""
import json
import os
import pathlib

import pytest

from harness import hub as hubs, simulator as simulators

from . import conversations as c
from .fronts import frames

FOLDER = pathlib.Path(os.environ["SLUICE_SOURCE"]) / "data" / "providers"
FILES = {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}
FAKES = json.loads((simulators.exchanges() / "providers.json").read_text())
# Asked for in the tasks of a later version only.
WITHOUT_CHAT = {name for name, file in FILES.items() if "chat" not in file.get("paths", {})}
VARIABLES = {"GOOGLE_CLOUD_PROJECT": "sim-project", "GOOGLE_CLOUD_LOCATION": "europe-west1", "AZURE_OPENAI_RESOURCE": "sim",
             "AWS_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def played():
    with simulators.Simulator() as simulator:
        providers = {}
        for name, file in FILES.items():
            if name in WITHOUT_CHAT:
                continue
            base = f"{simulator.origin}/providers/{name}"
            providers[name] = {"base_url": base, "api_key": f"sk-fake-{name}", "enabled": True}
        with hubs.Hub({"providers": providers}, environment=VARIABLES, models=()) as hub:
            yield hub, simulator


def asked(name):
    """A request that touches what providers deviate in."""
    return {"model": f"some-model:{name}", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
            "max_completion_tokens": 40, "temperature": 0.5,
            "response_format": {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": c.SCHEMA}}}


def text_of(answer, mode):
    """As forgiving as clients are: these answers are relayed as the provider wrote them."""
    if mode == "plain":
        events = [answer.json]
    else:
        text = answer.body.decode().replace("\r\n", "\n")
        events = [json.loads(data) for _, data in frames(text) if data != "[DONE]"]
    said = ""
    for event in events:
        assert not event.get("error"), event
        for choice in event["choices"]:
            content = choice["message" if mode == "plain" else "delta"].get("content") or ""
            said += content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return said


def test_every_provider_with_a_chat_path_has_a_fake():
    assert set(FILES) - WITHOUT_CHAT - set(FAKES) == set()


@pytest.mark.parametrize("mode", ("plain", "stream"))
@pytest.mark.parametrize("name", sorted(set(FILES) - WITHOUT_CHAT))
def test_provider(played, name, mode):
    hub, simulator = played
    before = max((one["number"] for one in simulator.received()), default=0)
    body = asked(name)
    if mode == "stream":
        body.update(stream=True, stream_options={"include_usage": True})
    answer = hub.ask("POST", "/v1/chat/completions", body)
    assert answer.status == 200 and answer.whole, answer.body
    assert text_of(answer, mode) == c.ANSWER, answer.body
    seen = [one for one in simulator.received() if one["number"] > before]
    assert [(one["server"], one["status"]) for one in seen] == [(f"providers/{name}", 200)], seen
