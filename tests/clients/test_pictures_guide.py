"""The commands of docs/guides/pictures.md run as they stand, on a tiny checkpoint."""
import contextlib
import json
import os
import pathlib
import re
import subprocess

from harness import hub as hubs

SOURCE = pathlib.Path(os.environ["SLUICE_SOURCE"])
GUIDE = (SOURCE / "docs" / "guides" / "pictures.md").read_text()
GOLDEN = SOURCE / "tests" / "golden" / "smolvlm" / "llama"


def test_the_commands_run_and_say_what_the_guide_says(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "scans").mkdir()
    (tmp_path / "bin" / "sluice").symlink_to(hubs.binary())
    for name in ("page.png", "scans/one.png", "scans/two.png", "scans/three.png"):
        (tmp_path / name).write_bytes((GOLDEN / "picture.png").read_bytes())
    commands = re.search(r"^```sh\n(.*?)^```$", GUIDE, re.M | re.S)[1]
    with contextlib.closing(hubs.Home()) as home:
        (home.models / "hub").mkdir()
        (home.models / "hub" / "model").symlink_to(GOLDEN)
        run = subprocess.run(["sh", "-e", "-c", commands], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
                             stdin=subprocess.DEVNULL, env=home.environment | {"PATH": f"{tmp_path / 'bin'}:{home.environment['PATH']}"})
    assert run.returncode == 0, run.stderr
    assert "of 24 right" in run.stdout
    told = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert len(told) == 3 and all((row["model"], row["tiles"], row["repair"]) == ("hub/model", "full", "none") for row in told)
    for name in re.findall(r"`(\w+_ms)`", GUIDE):
        assert name in told[0]["timings"], name
    assert json.loads((tmp_path / "tiles.json").read_text())
