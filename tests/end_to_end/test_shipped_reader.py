"""A reader that came with the program answers about pictures when no model is named; the network is not there."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from end_to_end.test_no_network import namespace_command
from harness import hub as hubs

GOLDEN = pathlib.Path(os.environ["SLUICE_SOURCE"]) / "tests" / "golden" / "smolvlm" / "llama"
PICTURE, QUESTION = GOLDEN / "picture.png", "What is the total of 42?"


@pytest.fixture
def installed(tmp_path):
    """run(*arguments) of a program installed below tmp_path, with a reader beside it and no other model."""
    (tmp_path / "bin").mkdir()
    program = shutil.copy(hubs.binary(), tmp_path / "bin" / "sluice")
    shutil.copytree(GOLDEN, tmp_path / "share" / "sluice" / "models" / "reader")
    with contextlib.closing(hubs.Home()) as home:
        yield lambda *arguments: subprocess.run([*(namespace_command() or []), program, *arguments], env=home.environment,
                                                capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("command", [["ask", str(PICTURE), QUESTION], ["run", str(PICTURE), QUESTION, "--temperature", "0"],
                                     ["caption", str(PICTURE)]])
def test_a_picture_is_answered_without_naming_a_model(installed, command):
    run = installed(*command, "--max-tokens", "4", "--json")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["usage"]["completion_tokens"] >= 1 and told["model"] == "sluice/reader"


def test_it_says_which_model_answers(installed):
    assert "sluice: sluice/reader answers" in installed("ask", str(PICTURE), QUESTION, "--max-tokens", "1").stderr
    assert "answers" not in installed("ask", "-m", "sluice/reader", str(PICTURE), QUESTION, "--max-tokens", "1").stderr
    assert installed("run", "", QUESTION).returncode != 0  # an empty name is no picture


def test_the_shipped_reader_is_listed_and_tests_itself(installed):
    listed = json.loads(installed("list", "--json").stdout)
    assert [(model["id"], model["place"]) for model in listed] == [("sluice/reader", "with sluice")]
    told = json.loads(installed("selftest", "--json", "--seed", "7", "--tiles", "1", "--max-tokens", "2").stdout)
    assert told["questions"] == 24 and "right_expected" not in told  # nobody said what to expect of random weights


def test_without_one_it_says_what_to_do(installed, tmp_path):
    shutil.rmtree(tmp_path / "share")
    run = installed("ask", str(PICTURE), QUESTION)
    assert run.returncode != 0 and "sluice pull" in run.stderr
    assert installed("run", "not-here.png", "Hello").returncode != 0
