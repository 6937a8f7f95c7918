"""What the programs of this folder share: one program is one client, with a function for each of its cells.

`run` calls every cell against every dialect of upstream and writes one JSON line for each: [dialect, cell, "" or what
went wrong]. Where the hub is, its key and what the simulated providers say comes in SLUICE_CELLS (../test_matrix.py).
"""
import json
import os
import sys
import traceback
import urllib.request

WORLD = json.loads(os.environ["SLUICE_CELLS"])
URL, KEY, SAID = WORLD["url"], WORLD["key"], WORLD["said"]
PICTURE = WORLD["picture"]          # a PNG, base64
PICTURE_URL = WORLD["picture_url"]
SYSTEM, QUESTION = "Answer in one sentence.", "What is a lighthouse for?"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
ZONE = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"], "additionalProperties": False}
FUNCTIONS = [("get_weather", "Weather of a city.", CITY), ("get_time", "Time in a zone.", ZONE)]
REPORT = {"type": "object", "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
          "required": ["city", "degrees"], "additionalProperties": False}
WRONG_KEY = "sk-sluice-" + "0" * 40


class Upstream:
    """One dialect's simulated provider, seen through the hub."""

    def __init__(self, dialect):
        self.dialect = dialect

    def model(self, scenario):
        return f"sim/{scenario}:{WORLD['providers'][self.dialect]}"

    def was_left(self, mark):
        """Waits until the provider's answer to the request that holds `mark` has been given up by the hub."""
        with urllib.request.urlopen(f"{WORLD['control']}/left/{self.dialect}/{mark}", timeout=30) as answer:
            return json.load(answer)

    def mark(self):
        """A text to ask with that no other request has."""
        return f"{os.path.basename(sys.argv[0]).partition('.')[0]}-{self.dialect}"


def refused(call, *kinds):
    """The client's own exception of `call`, which must be one of `kinds`."""
    try:
        call()
    except kinds as problem:
        return problem
    raise AssertionError(f"no {' or '.join(kind.__name__ for kind in kinds)} was raised")


def run(*cells):
    only = os.environ.get("SLUICE_ONLY_CELL")
    for dialect in WORLD["providers"]:
        for cell in cells:
            name = cell.__name__
            if only and only != name:
                continue
            try:
                cell(Upstream(dialect))
                problem = ""
            except Exception as caught:  # a cell may fail in any way its client can
                at = traceback.extract_tb(caught.__traceback__)
                line = next((step.lineno for step in reversed(at) if step.filename == sys.argv[0]), 0)
                problem = f"line {line}: {type(caught).__name__}: {' '.join(str(caught).split())[:600]}"
            print(json.dumps([dialect, name, problem]), flush=True)
