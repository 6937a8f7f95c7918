"""Every front door x every upstream dialect x plain and stream x what a client does with a chat.

The real binary between two strangers: the requests are what clients of a front write, the providers are the simulator.
Rows and columns come from the binary's own tables. A cell passes, or impossible.json says why it cannot; a line there
whose cell passes is a mistake as well. What the hub sent is then held against the SDKs' own request types.
"""
import json
import re

import pytest

from . import cells as m
from .fronts import FRONTS

KNOWN = m.tables()


@pytest.fixture(scope="module")
def played():
    backs = m.back_names(KNOWN)
    with m.hub_and_simulator(backs) as (hub, simulator):
        cells = m.play_matrix(hub, KNOWN)
        yield cells, simulator.received()


def test_every_front_and_back_of_the_binary_takes_part():
    fronts = {dialect["name"] for dialect in KNOWN["dialects"] if dialect["downstream"]}
    assert fronts == set(m.front_paths(KNOWN)), "a dialect with a downstream half has no chat route, or the other way"
    assert fronts <= set(FRONTS), "a new front needs its client in fronts.py"


def test_matrix(played, capsys):
    cells, _ = played
    backs = m.back_names(KNOWN)
    unmet = sorted({backs_schema(back) for back in backs} - {""})
    wrong = [cell for cell in cells if cell.mark in ("X", "?")]
    with capsys.disabled():
        print("\n" + m.table_of(cells, backs))
        print(f"{len(cells)} cells: {sum(cell.mark == 'ok' for cell in cells)} pass, "
              f"{sum(cell.mark == '-' for cell in cells)} impossible (impossible.json), {len(wrong)} wrong")
        for name in unmet:
            print(name)
    told = []
    for cell in wrong:
        if cell.mark == "?":
            told.append(f"{cell.front} x {cell.back} x {cell.scenario} x {cell.mode} passes but is listed: {cell.reason}")
        else:
            told.append(f"{cell.front} x {cell.back} x {cell.scenario} x {cell.mode}: {cell.problem[:600]}")
    assert not told, "\n".join(told)


def backs_schema(back):
    """A line for the table when no SDK tells what this dialect's requests may hold."""
    return "" if (m.SCHEMAS / f"{back}.chat.json").is_file() else f"{back}: requests checked from our notes only (no SDK)"


def test_what_was_sent_fits_the_sdks_own_types(played):
    _, received = played
    judge, seen, wrong = m.Judge(), set(), []
    for one in received:
        name = f"{one['server']}.{one['kind']}"
        relayed = f'{one["server"]}-sim/' in one["body"] + one["target"]  # the client's own bytes
        if relayed or not judge.knows(name) or (name, one["body"]) in seen:
            continue
        seen.add((name, one["body"]))
        if fault := judge.fault_of(name, one["body"]):
            wrong.append(f"{name} {one['scenario']}: {fault}\n    {one['body'][:1000]}")
    assert len(seen) >= 10 or len(m.back_names(KNOWN)) == 1, "too few requests to say anything"
    assert not wrong, f"{len(wrong)} of {len(seen)} requests:\n" + "\n".join(wrong[:20])


def test_signatures_of_tool_calls_come_back(played):
    """Gemini also takes a mark in place of a lost signature: only fronts that have no place for one may send it."""
    _, received = played
    for one in received:
        if one["server"] == "gemini" and "skip_thought_signature_validator" in one["body"]:
            assert "ollama" in one["target"], (one["target"], one["body"][:500])


def test_impossible_cells_have_a_reason_and_a_cell(played):
    cells, _ = played
    for entry in json.loads((m.HERE / "impossible.json").read_text()):
        assert len(entry["reason"]) > 20, entry
        assert not re.search(r"\b(bug|later|todo)\b", entry["reason"], re.I), entry
        known = entry.get("front", "openai") in m.front_paths(KNOWN) and entry.get("back", "openai") in m.back_names(KNOWN)
        assert not known or any(m.is_listed(entry, cell.front, cell.back, cell.scenario, cell.mode) for cell in cells), entry
