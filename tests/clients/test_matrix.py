"""Clients as their makers ship them, against the running hub: client x what it is used for x dialect of the upstream.

Only the base URL and the key are ours. Each program of cells/ and node/cells/ is one client with all its cells; the
upstreams are simulated providers, one a dialect. A cell passes, or it stands in cells.txt with the reason why it cannot;
one that stands there and passes all the same fails the test, so that the list stays true. The table is printed.
For a look at a part: SLUICE_ONLY_CLIENT="js ai", SLUICE_ONLY_CELL=tools, SLUICE_ONLY_DIALECTS="gemini cohere".
"""
import concurrent.futures
import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest

from harness import hub as hubs, node
from harness.simulator import Simulator, exchanges

FOLDER = pathlib.Path(__file__).parent
# Upstream dialect -> the provider that speaks it. The first is one of the user's own: OpenAI's own entry speaks
# Responses as well, and its Responses clients would be passed through instead of translated.
PROVIDERS = {"openai": "mine", "anthropic": "anthropic", "gemini": "google-gemini", "cohere": "cohere-native"}
DIALECTS = tuple(os.environ.get("SLUICE_ONLY_DIALECTS", " ".join(PROVIDERS)).split())
CELLS = ("chat", "stream", "tools", "vision", "structured", "embeddings", "errors", "cancellation")
ONLY_CELL = os.environ.get("SLUICE_ONLY_CELL", "")
PROGRAMS = {  # client -> program
    "py openai": "cells/openai_chat.py", "py openai responses": "cells/openai_responses.py",
    "py anthropic": "cells/anthropic_messages.py", "py huggingface_hub": "cells/hf_inference.py",
    "py langchain-openai": "cells/langchain_openai_chat.py", "py litellm": "cells/litellm_client.py",
    "js openai": "node/cells/openai_chat.mjs", "js openai responses": "node/cells/openai_responses.mjs",
    "js anthropic": "node/cells/anthropic_messages.mjs", "js ai": "node/cells/ai_openai_compatible.mjs",
    "js openrouter": "node/cells/ai_openrouter.mjs", "js huggingface": "node/cells/hf_inference.mjs",
    "js ollama": "node/cells/ollama_client.mjs",
}
if only_client := os.environ.get("SLUICE_ONLY_CLIENT"):
    PROGRAMS = {only_client: PROGRAMS[only_client]}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
AT_ONCE = 3
PROGRAM_S = 240  # seconds on a free machine


def impossible_cells():
    """(client, cell, dialect) -> reason. A line of cells.txt: client | cell | dialect | reason; `*` is any."""
    found = {}
    for line in (FOLDER / "cells.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        clients, cells, dialects, reason = (part.strip() for part in line.split("|", 3))
        for client in PROGRAMS if clients == "*" else [clients]:
            for cell in CELLS if cells == "*" else [cells]:
                for dialect in DIALECTS if dialects == "*" else dialects.split():
                    assert cell in CELLS and dialect in PROVIDERS, line
                    found[client, cell, dialect] = reason
    return found


@contextlib.contextmanager
def control_of(simulator):
    """GET /left/<dialect>/<mark>: whether the request with that mark was given up before its answer was whole."""
    class Control(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            _, _, dialect, mark = self.path.split("/")
            body = json.dumps(simulator.was_left(dialect, mark)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def world_of(hub, control):
    def say(dialect):
        return json.loads((exchanges() / dialect / "dialect.json").read_text())["errors"]["400"]["say"]
    return json.dumps({
        "url": hub.url, "key": hub.key, "control": control, "providers": {name: PROVIDERS[name] for name in DIALECTS},
        "picture": PICTURE, "picture_url": "https://pictures.example.com/red.png",
        "said": {"text": "Far water runs deep.", "vision": "A red square.", "tools": "It is 21 degrees in Paris.",
                 "embedding": [0.25, -0.5, 0.75], "error-400": {name: say(name) for name in DIALECTS}}})


def run_program(hub, world, client):
    """(client, cell, dialect) -> what went wrong, or ""."""
    program = PROGRAMS[client]
    python = program.endswith(".py")
    run = subprocess.run(
        [sys.executable if python else str(node.PROGRAM), str(FOLDER / program)], capture_output=True, text=True,
        cwd=FOLDER / ("cells" if python else "node"), timeout=PROGRAM_S, check=False,
        env=hubs.bare_environment(hub.home, SLUICE_CELLS=world, LITELLM_LOCAL_MODEL_COST_MAP="True",
                                  PYTHONDONTWRITEBYTECODE="1", LANGSMITH_TRACING="false",
                                  SLUICE_ONLY_CELL=ONLY_CELL))
    results = {}
    for line in run.stdout.splitlines():
        if line.startswith("["):
            dialect, cell, problem = json.loads(line)
            results[client, cell, dialect] = problem
    assert run.returncode == 0, f"{client}: {run.stderr[-3000:]}"
    return results


def print_table(results, impossible):
    reasons = list(dict.fromkeys(impossible.values()))
    width = max(map(len, PROGRAMS))
    print(f"\n{'':{width}}  " + "  ".join(f"{cell:{len(DIALECTS) * 3}}" for cell in CELLS))
    for client in PROGRAMS:
        groups = []
        for cell in CELLS:
            marks = []
            for dialect in DIALECTS:
                at = client, cell, dialect
                passed = results.get(at) == ""
                marks.append("ok" if passed else f"{reasons.index(impossible[at]) + 1:2}" if at in impossible else "NO")
            groups.append(f"{' '.join(marks):{len(DIALECTS) * 3}}")
        print(f"{client:{width}}  " + "  ".join(groups))
    print(f"in each column: {', '.join(DIALECTS)}")
    for number, reason in enumerate(reasons, 1):
        print(f"{number:2}  {reason}")


@pytest.fixture(scope="module")
def results():
    with Simulator() as simulator, control_of(simulator) as control:
        providers = {PROVIDERS[name]: {"api_key": f"sk-fake-{name}", "base_url": f"{simulator.origin}/{name}"}
                     for name in DIALECTS}
        if own := providers.get("mine"):
            own |= {"dialect": "openai", "base_url": f"{own['base_url']}/v1"}
        with hubs.Hub({"providers": providers}, models=()) as hub:
            world, found = world_of(hub, control), {}
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
                for part in threads.map(lambda client: run_program(hub, world, client), PROGRAMS):
                    found.update(part)
            yield found


def test_every_cell_passes_or_says_why_it_cannot(results, capfd):
    impossible = impossible_cells()
    with capfd.disabled():
        print_table(results, impossible)
    every = [(client, cell, dialect) for client in PROGRAMS for cell in CELLS for dialect in DIALECTS
             if cell == ONLY_CELL or not ONLY_CELL]
    failed = [f"{' x '.join(at)}: {results.get(at, 'did not run')}"
              for at in every if results.get(at) != "" and at not in impossible]
    stale = [f"{' x '.join(at)} passes: take it out of cells.txt" for at in every if results.get(at) == "" and at in impossible]
    assert not failed + stale, "\n".join(failed + stale)
