"""The answer's shape does not tell who served: the same forty requests to every dialect give the same keys, the same
types, the same order of events and the same error bodies.

Where front and back speak the same dialect the provider's own bytes are relayed, extras and all: that pair is left out.
"""
import json

import pytest

from . import cells as m, conversations as c
from .fronts import FRONTS, Failed, frames

KNOWN = m.tables()
MORE = [c.Scenario("citations", c.Ask("citations", c.user()), {})]
STATUSES = (400, 401, 403, 404, 429, 500, 503, 504)
# Members that a provider tells or does not: not the hub's to make up.
TOLD_BY_PROVIDER = {
    "reasoning_details", "extra_content", "signature", "encrypted_content", "caller", "annotations", "citations",
    "cached_tokens", "cache_write_tokens", "reasoning_tokens", "thinking_tokens", "output_tokens_details",
    "prompt_tokens_details", "completion_tokens_details", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation",
    "service_tier", "image_tokens", "audio_tokens", "text_tokens", "quote"}


def is_signature(item):
    """Anthropic's front keeps other dialects' signatures in a block of their own."""
    return isinstance(item, dict) and item.get("type") == "redacted_thinking"


def shape_of(value):
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in sorted(value.items()) if key not in TOLD_BY_PROVIDER}
    if isinstance(value, list):
        shapes = [shape_of(item) for item in value if not is_signature(item)]
        return [shape for n, shape in enumerate(shapes) if shape not in shapes[:n]]
    return {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}[type(value)]


def differences(a, b, where=""):
    """The places where two shapes part, in words."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            if key not in b or key not in a:
                yield f"{where}.{key}: only {'first' if key in a else 'second'}"
            else:
                yield from differences(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for n, (one, other) in enumerate(zip(a, b)):
            yield from differences(one, other, f"{where}.{n}")
    elif a != b:
        yield f"{where}: {json.dumps(a)[:300]} / {json.dumps(b)[:300]}"


def shape_of_answer(answer, mode, front):
    if mode == "plain" or answer.status != 200:
        body = answer.json
        told = shape_of(body)
        if answer.status != 200 and isinstance(body.get("error"), dict):
            # Which parameter was at fault a provider tells or not.
            told["error"] = {**told["error"], "param": "any", "type": body["error"].get("type"), "code": body["error"].get("code")}
        return [answer.status, told]
    text = answer.body.decode().replace("\r\n", "\n")
    if front.startswith("ollama"):
        events = [("", line) for line in text.splitlines() if line.strip()]
    else:
        events = list(frames(text))
    shapes, skipped = [], None
    for name, data in events:
        if data != "[DONE]":
            event = json.loads(data)
            if is_signature(event.get("content_block")):
                skipped = event["index"]
            if skipped is not None and event.get("index") == skipped:
                continue
        event = [name, data if data == "[DONE]" else shape_of(json.loads(data))]
        if shapes[-1:] != [event] and name != "ping" and not is_fragment(event[1]):
            shapes.append(event)
    return [answer.status, shapes]


# A call's arguments come in as many pieces as the provider cut them into, the first with the call's name or not.
FRAGMENT = {"tool_calls": [{"function": {"arguments": "string"}, "index": "number"}]}


def is_fragment(shape):
    """Also a chunk of which nothing is left but what the provider tells."""
    choices = shape.get("choices", []) if isinstance(shape, dict) else []
    return [choice["delta"] for choice in choices] == [FRAGMENT] or (
        [choice["delta"] for choice in choices] == [{}] and choices[0]["finish_reason"] == "null")


def requests(player):
    """Yields (name, mode, answer) of the forty."""
    for mode in m.MODES:
        for scenario in [*c.SCENARIOS, *MORE]:
            _, answer = player.ask(scenario.ask, mode)
            yield scenario.name, mode, answer
            if scenario.second and scenario.name.endswith("tools") and answer.status == 200:
                try:
                    said = player.read(answer, mode)
                except (Failed, AssertionError, KeyError, ValueError):
                    continue  # the matrix tells
                yield f"{scenario.name}, then results", mode, player.ask(scenario.ask, mode, history=said)[1]
    known = json.loads((m.SCHEMAS.parent / player.back / "dialect.json").read_text())["errors"]
    for status in (status for status in STATUSES if str(status) in known):
        yield f"error {status}", "plain", player.ask(c.Ask(f"error-{status}", c.user()), "plain")[1]
    for scenario in c.PLAIN_SCENARIOS:
        yield scenario.name, "plain", player.ask(scenario.ask, "plain")[1]


@pytest.fixture(scope="module")
def hub():
    with m.hub_and_simulator(m.back_names(KNOWN)) as (hub, _):
        yield hub


def is_impossible(front, back, scenario, mode):
    listed = json.loads((m.HERE / "impossible.json").read_text())
    return any(m.is_listed(entry, front, back, scenario.split(",")[0], mode) for entry in listed)


@pytest.mark.parametrize("front", sorted(FRONTS))
def test_the_shape_does_not_tell_who_served(hub, front):
    paths = m.front_paths(KNOWN)
    if front not in paths:
        pytest.skip(f"no front {front} in this binary")
    told = {}
    count = 0
    for back in m.back_names(KNOWN):
        if back == front:
            continue
        for name, mode, answer in requests(m.Player(hub, front, paths[front], back)):
            count += 1
            if not is_impossible(front, back, name, mode):
                told.setdefault((name, mode), {})[back] = shape_of_answer(answer, mode, front)
    problems = []
    for (name, mode), shapes in told.items():
        first, *others = shapes
        for other in others:
            if shapes[other] != shapes[first]:
                problems.append(f"{name}, {mode}, {first} / {other}: " + "; ".join(differences(shapes[first], shapes[other])))
    assert count == 0 or len(told) >= 20
    assert not problems, f"{len(problems)} differences\n" + "\n".join(problems)[:20000]
