"""Real SmolVLM models, where SLUICE_TEST_MODELS names a folder of them: `tools/prove real` also compares them with transformers."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from harness import hub as hubs

SOURCE = pathlib.Path(os.environ["SLUICE_SOURCE"])
GOLDEN = SOURCE / "tests" / "golden" / "smolvlm" / "llama"


def prove(*arguments, **environment):
    run = subprocess.run([sys.executable, "-B", SOURCE / "tools" / "prove_real", "--no-reference", *arguments], capture_output=True, text=True,
                         timeout=280, check=False, env=os.environ | {"SLUICE_BINARY": hubs.binary()} | environment)
    return run, json.loads(run.stdout.splitlines()[-1])["rows"] if run.stdout else []


@pytest.mark.skipif(not os.environ.get("SLUICE_TEST_MODELS"), reason="SLUICE_TEST_MODELS names no folder: real SmolVLM weights are NOT TESTED")
def test_real_models_load_and_answer(capsys):
    run, rows = prove()
    with capsys.disabled():
        print("\n" + run.stdout)
    assert run.returncode == 0 and rows, run.stderr


def test_the_proof_finds_models_hashes_them_and_notices_a_broken_one(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "org" / "whole")
    run, rows = prove(str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    assert [row["model"] for row in rows] == ["whole"] and len(rows[0]["sha256"]) == 64 and rows[0]["of"] == 24
    weights = tmp_path / "org" / "whole" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    run, rows = prove(str(tmp_path))
    assert run.returncode == 1 and not rows[0]["holds"] and "model.safetensors" in rows[0]["why"]


def test_without_models_it_says_so(tmp_path):
    assert prove(str(tmp_path))[0].returncode == 3
    run, _ = prove(SLUICE_TEST_MODELS="")
    assert run.returncode == 3 and "NOT TESTED" in run.stderr
