"""The simulator against the clients of fronts.py with no hub between: what the matrix compares with is itself right.

Each scenario is asked of the simulated server of a dialect by a client of that dialect, whole and streamed.
"""
import json

import pytest

from harness import simulator as simulators, wire

from . import cells as m, conversations as c
from .fronts import FRONTS

DIRECT = {"openai": ("/openai/v1/chat/completions", ("authorization", "Bearer sk-fake-openai")),
          "responses": ("/responses/v1/responses", ("authorization", "Bearer sk-fake-responses")),
          "anthropic": ("/anthropic/v1/messages", ("x-api-key", "sk-fake-anthropic"))}
# What only the dialect in the middle can say.
UNSAID = {("responses", "stop sequence")}


class Direct:
    """Looks like a hub to a Player."""

    def __init__(self, simulator, dialect):
        self.simulator, self.dialect = simulator, dialect

    def ask(self, method, path, body):
        headers = [DIRECT[self.dialect][1], ("content-type", "application/json"), ("anthropic-version", "2023-06-01")]
        return wire.ask(self.simulator.origin, method, path, headers, json.dumps(body).encode())


@pytest.fixture(scope="module")
def simulator():
    with simulators.Simulator() as simulator:
        yield simulator


@pytest.mark.parametrize("mode", m.MODES)
@pytest.mark.parametrize("dialect", sorted(DIRECT))
def test_scenarios(simulator, dialect, mode):
    player = m.Player(Direct(simulator, dialect), dialect, DIRECT[dialect][0], "")
    player.client = FRONTS[dialect]
    scenarios = c.SCENARIOS + (c.PLAIN_SCENARIOS if mode == "plain" else [])
    cells = [player.play(one.name, mode, lambda cell, one=one: player.converse(cell, one)) for one in scenarios
             if (dialect, one.name) not in UNSAID]
    cells.append(player.play("error", mode, lambda cell: player.fail(cell, "error-429", {429})))
    wrong = [f"{cell.scenario}: {cell.problem}\n  {cell.answer and cell.answer.body[:400]}" for cell in cells if cell.problem]
    assert not wrong, "\n".join(wrong)


def test_what_these_clients_write_fits_the_sdks_types(simulator):
    judge, seen = m.Judge(), 0
    for one in simulator.received():
        name = f"{one['server']}.{one['kind']}"
        if judge.knows(name) and one["status"] == 200:
            fault = judge.fault_of(name, one["body"])
            assert not fault, (one["scenario"], fault)
            seen += 1
    assert seen
