"""The blocks of docs/guides/from-transformers.md that are ours run as they stand: the model comes from a local Hub, the
answers are those of a tiny checkpoint, and the command line and the SDK give the same one."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

from harness import hub as hubs
from harness.huggingface import HubServer

SOURCE = pathlib.Path(os.environ["SLUICE_SOURCE"])
GUIDE = (SOURCE / "docs" / "guides" / "from-transformers.md").read_text()
GOLDEN = SOURCE / "tests" / "golden" / "smolvlm" / "llama"
MODEL = "HuggingFaceTB/SmolVLM-256M-Instruct"


def block(kind, holding):
    found = [text for text in re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.M | re.S) if holding in text]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """The command line's answer and the SDK's."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "bin").mkdir()
    (folder / "bin" / "sluice").symlink_to(hubs.binary())
    (folder / "page.png").write_bytes((GOLDEN / "picture.png").read_bytes())
    files = {file.name: file.read_bytes() for file in GOLDEN.iterdir() if file.suffix in (".json", ".safetensors")}
    hub = hubs.Hub(models=())
    environment = hub.environment | {"PATH": f"{folder / 'bin'}:{hub.environment['PATH']}"}
    with HubServer(files, ("model.safetensors",), name=MODEL) as server:
        line = subprocess.run(["sh", "-e", "-c", block("sh", "sluice pull")], cwd=folder, capture_output=True,
                              text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                              env=environment | {"HF_ENDPOINT": server.endpoint})
    assert line.returncode == 0, line.stderr
    with hub:
        text = block("python", "OpenAI(").replace("http://127.0.0.1:8484", hub.url).replace("sk-sluice-...", hub.key)
        sdk = subprocess.run([sys.executable, "-B", "-c", text], cwd=folder, capture_output=True, text=True,
                             timeout=60, check=False, env=environment)
    assert sdk.returncode == 0, sdk.stderr
    return line.stdout, sdk.stdout


def test_the_command_line_pulls_and_answers(answered):
    folder, _, text = answered[0].partition("\n")
    assert "/models--HuggingFaceTB--SmolVLM-256M-Instruct/snapshots/" in folder
    assert text.strip()


def test_the_sdk_gives_the_same_answer(answered):
    assert answered[1].strip() == answered[0].partition("\n")[2].strip()
