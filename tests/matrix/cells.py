"""Plays the cells of the matrix: one hub, one simulator, every front against every back."""
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess

import jsonschema

from harness import hub as hubs, simulator as simulators, wire

from . import conversations as c
from .fronts import FRONTS, Failed

HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = simulators.exchanges() / "schemas"
MODES = ("plain", "stream")
# What an API takes although its SDK's types do not name it (any more); each with its reason.
BESIDES_THE_SDK = {
    # anthropic 2.x types only its newest models, which refuse them; the older ones take them (documented).
    "anthropic.chat": {"temperature", "top_p", "top_k"},
}
# The openai back stands for all who speak that dialect: DeepSeek, vLLM, Groq, ... want their own reasoning back.
BESIDES_THE_SDK_IN_MESSAGES = {"openai.chat": {"reasoning_content", "reasoning_details"}}


def tables():
    """What the binary itself knows: {"dialects": [...], "routes": [...]}."""
    program = pathlib.Path(hubs.binary()).parent / "dialect_tables"
    return json.loads(subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout)


def back_names(known):
    return [dialect["name"] for dialect in known["dialects"] if dialect["upstream"]]


def front_paths(known):
    """front -> path of its chat route; a dialect whose downstream half has no route is a mistake."""
    paths = {}
    for route in known["routes"]:
        if route["task"] == "chat":
            paths.setdefault(route["front"], route["path"])
    return paths


@contextlib.contextmanager
def hub_and_simulator(backs, paths=("openai", "responses"), config=None):
    """Each dialect is a provider of the user's own, `sim-<dialect>`: one surface, nothing to fall back on."""
    with simulators.Simulator() as simulator:
        providers = {f"sim-{back}": {"dialect": back, "api_key": f"sk-fake-{back}",
                                     "base_url": f"{simulator.origin}/{back}" + ("/v1" if back in paths else "")}
                     for back in backs}
        with hubs.Hub({**(config or {}), "providers": providers}, models=()) as hub:
            yield hub, simulator


class Judge:
    """Holds a request against the SDKs' own types."""

    def __init__(self):
        self._validators = {}

    def knows(self, name):
        return (SCHEMAS / f"{name}.json").is_file()

    def fault_of(self, name, body):
        """Where and what, or "" when it fits; `name` is "<dialect>.<kind>"."""
        if name not in self._validators:
            self._validators[name] = jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))
        request = {key: value for key, value in json.loads(body).items() if key not in BESIDES_THE_SDK.get(name, ())}
        for message in request.get("messages", ()):
            for key in BESIDES_THE_SDK_IN_MESSAGES.get(name, ()):
                message.pop(key, None)
        error = jsonschema.exceptions.best_match(self._validators[name].iter_errors(request))
        return f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" if error else ""


def is_listed(entry, front, back, scenario, mode):
    """Whether a line of impossible.json speaks of this cell; what it leaves out it says of all."""
    return all(entry.get(name, value) == value
               for name, value in {"front": front, "back": back, "scenario": scenario, "mode": mode}.items())


@dataclasses.dataclass
class Cell:
    front: str
    back: str
    scenario: str
    mode: str
    problem: str = ""     # "" when it passed
    reason: str = ""      # why it cannot, from impossible.json
    sent: object = None
    answer: object = None

    @property
    def mark(self):
        if self.reason:
            return "-" if self.problem else "?"
        return "X" if self.problem else "ok"


def differences(want, said):
    return "; ".join(f"{name}: expected {value!r}, got {getattr(said, name)!r}" for name, value in want.items()
                     if getattr(said, name) != value)


class Player:
    def __init__(self, hub, front, path, back):
        self.hub, self.front, self.path, self.back = hub, front, path, back
        self.client = FRONTS[front]

    def ask(self, ask, mode, history=None):
        pin = f":sim-{self.back}" if self.back else ""
        # The front's name travels with the model, so that what arrives tells who asked.
        family = "gemini-3-" if self.back == "gemini" else ""  # the first that insists on its signatures
        body = self.client.write(ask, f"{family}{self.front}-sim/{ask.scenario}{pin}", mode == "stream", history)
        answer = self.hub.ask("POST", self.path, body)
        assert answer is not None, "the hub closed without an answer"
        return body, answer

    def read(self, answer, mode):
        said = self._read(answer, mode)
        assert answer.whole, f"the hub cut its own answer: {answer.body[-300:]!r}"
        return said

    def _read(self, answer, mode):
        return self.client.read_stream(answer) if mode == "stream" else self.client.read(answer)

    def converse(self, cell, scenario):
        cell.sent, cell.answer = self.ask(scenario.ask, cell.mode)
        said = self.read(cell.answer, cell.mode)
        problem = differences(scenario.want, said)
        if scenario.second and not problem:
            cell.sent, cell.answer = self.ask(scenario.ask, cell.mode, history=said)
            problem = differences(scenario.second, self.read(cell.answer, cell.mode))
        dropped = cell.answer.header("x-sluice-dropped")
        if not problem and dropped and scenario.name != "reasoning returned":
            problem = f"dropped {dropped}"
        return problem

    def fail(self, cell, scenario, statuses):
        """An error must come in the front's own shape, with a status that the front's clients understand."""
        cell.sent, cell.answer = self.ask(c.Ask(scenario, c.user()), cell.mode)
        try:
            said = self.read(cell.answer, cell.mode)
        except Failed as failed:
            return "" if failed.status in statuses else f"status {failed.status}, expected one of {sorted(statuses)}"
        return f"passed for whole: {said}"

    def play(self, name, mode, run):
        cell = Cell(self.front, self.back, name, mode)
        try:
            cell.problem = run(cell)
        except Failed as failed:
            cell.problem = f"refused: {failed}"
        except (AssertionError, KeyError, TypeError, ValueError, IndexError, AttributeError, wire.Cut) as problem:
            cell.problem = f"{type(problem).__name__}: {problem}"
        return cell

    def play_all(self):
        cells = []
        for mode in MODES:
            for scenario in c.SCENARIOS:
                cells.append(self.play(scenario.name, mode, lambda cell, s=scenario: self.converse(cell, s)))
            cells.append(self.play("error", mode, lambda cell: self.fail(cell, "error-429", {429})))
            cells.append(self.play("error in 200", mode, lambda cell: self.fail(cell, "error-in-200", {200, 502, 503, 500, 529, 422})))
            # Bytes were sent when a stream is cut: the error is an event of it.
            cut = {200} if mode == "stream" else {502, 500}
            cells.append(self.play("cut stream", mode, lambda cell, s=cut: self.fail(cell, "cut-after", s)))
            cells.append(self.play("cut early", mode, lambda cell: self.fail(cell, "cut-before", {200, 502, 500})))
            cells.append(self.play("unterminated", mode, lambda cell, s=cut: self.fail(cell, "cut-unterminated", s)))
        for scenario in c.PLAIN_SCENARIOS:
            cells.append(self.play(scenario.name, "plain", lambda cell, s=scenario: self.converse(cell, s)))
        return cells


def play_matrix(hub, known):
    paths = front_paths(known)
    players = [Player(hub, front, path, back) for front, path in paths.items() for back in back_names(known)]
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("SLUICE_MATRIX_THREADS", "4"))) as pool:
        cells = [cell for played in pool.map(Player.play_all, players) for cell in played]
    listed = json.loads((HERE / "impossible.json").read_text())
    for cell in cells:
        cell.reason = next((entry["reason"] for entry in listed
                            if is_listed(entry, cell.front, cell.back, cell.scenario, cell.mode)), "")
    return cells


def table_of(cells, backs):
    """Front by scenario, one column a back; two marks in a field are plain and stream."""
    rows = [["front", "scenario", *backs]]
    for front in dict.fromkeys(cell.front for cell in cells):
        for scenario in dict.fromkeys(cell.scenario for cell in cells):
            marks = [" ".join(cell.mark for cell in cells
                              if (cell.front, cell.back, cell.scenario) == (front, back, scenario)) for back in backs]
            rows.append([front, scenario, *marks])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows)
