"""Every file of examples/ runs as it stands, against a hub whose model recites."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from harness import hub as hubs, node, upstream as up
from harness.reciting_model import RECITED

EXAMPLES = pathlib.Path(os.environ["SLUICE_SOURCE"]) / "examples"
RUNNABLE = sorted(file.name for file in EXAMPLES.iterdir() if file.suffix in (".sh", ".py", ".mjs"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    path = tmp_path_factory.mktemp("socket") / "sluice.sock"
    with hubs.Hub({"unix_socket": str(path)}) as hub:
        hub.environment |= {"OPENAI_BASE_URL": hub.url + "/v1", "OPENAI_API_KEY": hub.key, "MODEL": "reciter:device",
                            "SLUICE_SOCKET": str(path)}
        yield hub


@pytest.mark.parametrize("name", RUNNABLE)
def test_example(hub, name, tmp_path):
    shutil.copy(EXAMPLES / name, tmp_path)
    command = {".sh": ["sh"], ".py": [sys.executable], ".mjs": [str(node.PROGRAM)]}[pathlib.Path(name).suffix]
    if name.endswith(".mjs"):  # as after `npm install openai` beside it
        (tmp_path / "node_modules").symlink_to(node.FOLDER / "node_modules")
    run = subprocess.run([*command, name], cwd=tmp_path, env=hub.environment, capture_output=True, text=True,
                         timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    said = run.stdout if not name == "stream.sh" else hubs.words_of(
        line.removeprefix("data: ") for line in run.stdout.splitlines() if line.startswith("data:"))
    assert RECITED in said, run.stdout
    if name.startswith("stream"):
        assert "device" in run.stdout + run.stderr
    if name == "chat.sh":
        bad = subprocess.run([*command, name], cwd=tmp_path, env=hub.environment | {"MODEL": "nowhere"},
                             capture_output=True, text=True, timeout=60, check=False)
        assert bad.returncode != 0 and "model_not_found" in bad.stdout


def test_the_example_configuration_is_accepted():
    with up.Upstream() as groq:
        hub = hubs.Hub(models=(), environment={"GROQ_API_KEY": "sk-example"})
        text = (EXAMPLES / "sluice.yaml").read_text()
        hub.config_file.write_text(text.replace("env:GROQ_API_KEY", f"env:GROQ_API_KEY\n    base_url: {groq.origin}"))
        with hub:
            assert hub.chat("assistant").json["choices"][0]["message"]["content"] == up.ANSWER
            assert groq.requests[0].header("authorization") == "Bearer sk-example"


def test_the_table_names_every_example():
    table = (EXAMPLES / "README.md").read_text()
    for file in EXAMPLES.iterdir():
        assert file.name == "README.md" or f"({file.name})" in table or f"({file.name}/README.md)" in table, file.name
