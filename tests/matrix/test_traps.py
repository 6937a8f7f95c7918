"""Every trap that was found in recorded streams, by its name, through the real binary.

Asked by a client of another dialect, so that the answer is read and written anew; the words, the usage and the end must
be what they are without the trap. For the openai front the same bytes are relayed: they must arrive as they left.
"""
import json

import pytest

from . import cells as m, conversations as c
from .fronts import Failed, frames

KNOWN = m.tables()
TEXT = {"text": c.ANSWER, "finish": "stop", "input": 11, "output": 5}
THOUGHT = {"text": c.ANSWER, "reasoning": "Think of rivers.", "finish": "stop", "input": 11, "output": 9}
CALL = {"calls": c.ONE_CALL, "finish": "tool_calls"}
FAILS = "fails"
# (dialect, scenario): what a stream of it comes to
STREAMS = {
    ("openai", "trap-no-done"): TEXT,
    ("openai", "trap-comments"): TEXT,
    ("openai", "trap-crlf"): TEXT,
    ("openai", "trap-no-space"): TEXT,
    ("openai", "trap-event-after-data"): TEXT,
    ("openai", "trap-event-error"): FAILS,
    ("openai", "trap-error-only-frame"): FAILS,
    ("openai", "trap-empty-first-choices"): TEXT,
    ("openai", "trap-no-role"): TEXT,
    ("openai", "trap-usage-own-chunk"): TEXT,
    ("openai", "trap-usage-finish-chunk"): TEXT,
    ("openai", "trap-usage-groq"): TEXT,
    ("openai", "trap-usage-many"): TEXT,
    ("openai", "trap-content-parts"): THOUGHT,
    ("openai", "trap-reasoning-content"): THOUGHT,
    ("openai", "trap-reasoning"): THOUGHT,
    ("openai", "trap-reasoning-text"): THOUGHT,
    ("openai", "trap-reasoning-details"): THOUGHT,
    ("openai", "trap-finish-eos"): TEXT,
    ("openai", "trap-finish-eos-token"): {"text": c.ANSWER, "finish": "stop"},
    ("openai", "trap-empty-tool-id"): CALL,
    ("openai", "trap-tool-id-9"): CALL,
    ("openai", "trap-retry-after-on-200"): TEXT,
    ("responses", "trap-done"): TEXT,
    ("responses", "trap-event-after-data"): TEXT,
    ("responses", "trap-comments"): TEXT,
    ("responses", "trap-reasoning-text"): {"text": c.ANSWER, "reasoning": "Think of rivers."},
    ("anthropic", "trap-padding"): TEXT,
    ("anthropic", "trap-no-done"): TEXT,
    ("gemini", "trap-crlf"): TEXT,
    ("cohere", "trap-done"): TEXT,
}
# (dialect, scenario): the words that must reach the client: the provider's own, except where it refuses the hub's key
# (such words may quote it)
ERRORS = {
    ("openai", "trap-error-bare-string"): "Model too busy",
    ("openai", "trap-error-flat"): "property 'store' is unsupported",
    ("openai", "trap-error-detail"): "refuses this hub's credentials",
    ("openai", "trap-error-detail-list"): "Field required",
    ("openai", "trap-error-code-int"): "Provider returned error",
    ("openai", "trap-error-xai"): "refused our credential",
    ("openai", "trap-wrong-key-400"): "refused our credential",
    ("openai", "rate-limits-go"): "Rate limit reached",
    ("openai", "rate-limits-seconds"): "Requests per minute limit exceeded",
    ("openai", "rate-limits-integer"): "exceeded the call rate limit",
    ("anthropic", "rate-limits-rfc3339"): "Slow down",
    ("gemini", "trap-error-array"): "Resource has been exhausted",
    ("gemini", "trap-wrong-key-400"): "refused our credential",
    ("gemini", "rate-limits-retry-delay"): "Quota exceeded",
    ("responses", "trap-xai-error"): "refused our credential",
}


@pytest.fixture(scope="module")
def hub():
    with m.hub_and_simulator(m.back_names(KNOWN)) as (hub, _):
        yield hub


def players(hub, back):
    """Clients of every front, the back's own included: relayed or translated, the answer is the same."""
    for front, path in m.front_paths(KNOWN).items():
        yield m.Player(hub, front, path, back)


def takes_part(dialect):
    if dialect not in m.back_names(KNOWN):
        pytest.skip(f"no upstream dialect {dialect} in this binary")


def test_every_trap_of_the_files_is_here():
    """A new trap in data/simulator needs a line above."""
    named = set(STREAMS) | set(ERRORS)
    for file in m.SCHEMAS.parent.glob("*/*.json"):
        if file.name == "dialect.json" or file.parent.name == "schemas":
            continue
        for scenario in json.loads(file.read_text()).get("chat", {}):
            if scenario.startswith(("trap-", "rate-limits-")):
                assert (file.parent.name, scenario) in named, (file, scenario)


@pytest.mark.parametrize("dialect, scenario", sorted(STREAMS))
def test_stream(hub, dialect, scenario):
    takes_part(dialect)
    want, problems = STREAMS[dialect, scenario], []
    for player in players(hub, dialect):
        if player.front == dialect or (want == CALL and player.front == "ollama-generate"):
            continue
        tools = c.TOOLS if want == CALL else []
        _, answer = player.ask(c.Ask(scenario, c.user(), tools=tools), "stream")
        try:
            said = player.read(answer, "stream")
            problem = "passed for whole" if want is FAILS else m.differences(want, said)
        except Failed as failed:
            problem = "" if want is FAILS else f"refused: {failed}"
        except (AssertionError, KeyError, ValueError, TypeError) as error:
            problem = f"{type(error).__name__}: {error}"
        if problem:
            problems.append(f"{player.front}: {problem}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("scenario", sorted(name for dialect, name in STREAMS if dialect == "openai"))
def test_relayed_stream_arrives_as_it_left(hub, scenario):
    """Same dialect on both sides: the bytes of the provider, an end mark, and nothing that claims more than came."""
    player = next(player for player in players(hub, "openai") if player.front == "openai")
    _, answer = player.ask(c.Ask(scenario, c.user()), "stream")
    if answer.status != 200:
        assert STREAMS["openai", scenario] is FAILS, answer.body
        return
    assert answer.whole or STREAMS["openai", scenario] is FAILS
    said = b"".join(json.loads(data)["choices"][0]["delta"].get("content").encode()
                    for _, data in _json_frames(answer) if _has_text(json.loads(data)))
    if STREAMS["openai", scenario] is FAILS:
        assert b'"error"' in answer.body and b"[DONE]" not in answer.body, answer.body
    elif STREAMS["openai", scenario] is TEXT:
        assert said.decode() == c.ANSWER, answer.body


def _json_frames(answer):
    text = answer.body.decode().replace("\r\n", "\n")
    return [(name, data) for name, data in frames(text) if data != "[DONE]"]


def _has_text(event):
    return bool(event.get("choices")) and isinstance(event["choices"][0]["delta"].get("content"), str)


@pytest.mark.parametrize("dialect, scenario", sorted(ERRORS))
@pytest.mark.parametrize("mode", m.MODES)
def test_error(hub, dialect, scenario, mode):
    takes_part(dialect)
    problems = []
    for player in players(hub, dialect):
        _, answer = player.ask(c.Ask(scenario, c.user()), mode)
        try:
            problems.append(f"{player.front}: no error but {player.read(answer, mode)}")
        except Failed as failed:
            if failed.status < 400:
                problems.append(f"{player.front}: status {failed.status}")
            elif ERRORS[dialect, scenario] not in failed.message:
                problems.append(f"{player.front}: {failed.message!r} hides {ERRORS[dialect, scenario]!r}")
        except (AssertionError, KeyError, ValueError, TypeError) as error:
            problems.append(f"{player.front}: {type(error).__name__}: {error}")
    assert not problems, "\n".join(problems)
