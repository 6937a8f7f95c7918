"""Requests drawn from our own OpenAPI document, and broken ones, within a bounded time: nothing of it is a 5xx, and
every answer is one that the document knows. The seed is printed; SLUICE_SCHEMATHESIS_SEED repeats a run."""
import os
import subprocess
import sys

from openapi_spec_validator import validate

from harness import hub as hubs
from harness.simulator import Simulator

TIME_S = 20
ENOUGH = 600  # requests; a busy machine sends fewer in that time
# Texts drawn for "model" would rarely get past the look-up of its name, nor drawn messages past the reading of them:
# of three bodies one stays as it was drawn, one gets these members and keeps the rest, one keeps nothing else.
HOOKS = '''
import json, zlib
import schemathesis

MODELS = ["reciter:device", "sim/text:openai", "sim/text:anthropic", "nobody/knows"]
RIGHT = {"messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi", "input": "Hi", "max_tokens": 5}

@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    chosen = zlib.crc32(json.dumps(body, sort_keys=True, default=str).encode())
    right = {name: value for name, value in RIGHT.items() if name in body}
    kept = body | right if chosen % 3 == 1 else right if chosen % 3 == 2 else body
    return kept | {"model": MODELS[chosen // 3 % len(MODELS)]} if isinstance(body.get("model"), str) else body
'''


def answered(hub, route):
    try:
        return hub.metric("sluice_requests_total", route=route, status="200") > 0
    except AssertionError:  # no such sample
        return False


def test_the_document_is_openapi_and_nothing_drawn_from_it_is_a_fault_of_ours(tmp_path):
    seed = os.environ.get("SLUICE_SCHEMATHESIS_SEED") or "1"  # others by hand: ./check must not depend on luck
    (tmp_path / "hooks.py").write_text(HOOKS)
    with Simulator() as simulator:
        providers = {name: {"api_key": f"sk-fake-{name}", "base_url": f"{simulator.origin}/{name}"}
                     for name in ("openai", "anthropic")}
        with hubs.Hub({"providers": providers}) as hub:
            validate(hub.ask("GET", "/openapi.json").json)
            run = subprocess.run(
                [sys.executable, "-m", "schemathesis.cli", "run", f"{hub.url}/openapi.json", "--suppress-health-check=filter_too_much", "--seed", seed,
                 "--max-time", str(TIME_S), "--max-examples", "40", "--phases", "examples,coverage,fuzzing",
                 "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
                 "--continue-on-failure", "--no-shrink", "--generation-database", "none", "--no-color",
                 "-H", f"authorization: Bearer {hub.key}"],
                cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
                env=hubs.bare_environment(tmp_path, SCHEMATHESIS_HOOKS="hooks", PYTHONPATH=str(tmp_path),
                                          PYTHONDONTWRITEBYTECODE="1"))
            print(f"seed {seed}\n{run.stdout[-12000:]}\n{run.stderr[-2000:]}")
            assert run.returncode == 0
            if hub.metric("sluice_requests_total") > ENOUGH:  # then some came as far as an answer, somewhere
                assert any(answered(hub, route) for route in ("/v1/chat/completions", "/v1/messages", "/api/chat"))
