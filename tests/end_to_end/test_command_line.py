"""`sluice` as a command: what it prints, what it returns, and that it needs neither server nor key to answer."""
import contextlib
import json
import subprocess

import pytest

from harness import hub as hubs
from harness.reciting_model import RECITED


@pytest.fixture
def home():
    with contextlib.closing(hubs.Home()) as home:
        home.add_model("reciter")
        yield home


def test_run_answers_without_server_or_key(home):
    run = home.command("run", "reciter", "Hello")
    assert (run.returncode, run.stdout.strip()) == (0, RECITED), run


def test_run_reads_a_pipe(home):
    run = subprocess.run([hubs.binary(), "run", "reciter"], env=home.environment, input="Hello", capture_output=True,
                         text=True, timeout=60, check=False)
    assert run.returncode == 0 and RECITED in run.stdout, run


def test_run_as_json_is_one_object(home):
    run = home.command("run", "reciter", "Hello", "--json")
    assert run.returncode == 0, run
    assert RECITED in json.dumps(json.loads(run.stdout), ensure_ascii=False)


def test_list_and_show(home):
    models = home.own_models()
    assert [model["id"] for model in models] == ["reciter"]
    assert "reciter" in home.command("list").stdout
    shown = home.command("show", "reciter", "--json")
    assert shown.returncode == 0
    assert "llama" in json.dumps(json.loads(shown.stdout))


def test_list_of_nothing(home):
    (home.models / "reciter.gguf").unlink()
    assert home.own_models() == []
    assert home.command("list").returncode == 0


EXITS = {
    "no command": ([], 2), "unknown command": (["swerve"], 2), "unknown option": (["list", "--nonsense"], 2),
    "missing argument": (["show"], 2), "unknown model": (["run", "recitor", "Hi"], 1), "help": (["--help"], 0),
    "help of a command": (["serve", "--help"], 0), "version": (["version"], 0), "version option": (["--version"], 0),
    "port that is no number": (["serve", "--port", "many"], 2), "port out of range": (["serve", "--port", "70000"], 2),
    "configuration that is not there": (["serve", "--config", "/nowhere/sluice.yaml"], 1),
}


@pytest.mark.parametrize("case", EXITS)
def test_exit_codes(home, case):
    arguments, expected = EXITS[case]
    run = home.command(*arguments)
    assert run.returncode == expected or case.startswith("port") and run.returncode in (1, 2), run
    if expected == 0:
        assert run.stdout and not run.stderr
    else:
        assert run.stderr, "a failure says why, on standard error"
    if case == "unknown model":
        assert "reciter" in run.stderr, "near names"


def test_config_check_names_line_and_near_name(home):
    file = home.home / "wrong.yaml"
    file.write_text("host: 127.0.0.1\nlimits:\n  body_byte_max: 3MiB\n")
    run = home.command("config", "check", str(file))
    assert run.returncode == 1
    assert "wrong.yaml:3" in run.stderr and "body_bytes_max" in run.stderr


def test_config_init_makes_what_check_accepts(home):
    made = home.command("config", "init")
    text = made.stdout or (home.home / "sluice.yaml").read_text()
    file = home.home / "made.yaml"
    file.write_text(text)
    assert home.command("config", "check", str(file)).returncode == 0


def test_config_show_tells_where_each_value_came_from(home):
    file = home.home / "some.yaml"
    file.write_text("log_level: debug\nport: 9000\nproviders:\n  openai:\n    api_key: sk-very-secret\n")
    home.environment["SLUICE_PORT"] = "9001"
    run = home.command("config", "show", "--origin", "--config", str(file))
    assert run.returncode == 0, run
    port = next(line for line in run.stdout.splitlines() if line.startswith("port"))
    assert "9001" in port and "SLUICE_PORT" in port
    level = next(line for line in run.stdout.splitlines() if line.startswith("log_level"))
    assert "some.yaml:1" in level
    assert "sk-very-secret" not in run.stdout + run.stderr


def test_output_to_a_closed_pipe_is_no_crash(home):
    run = subprocess.run(f"{hubs.binary()} --help | true; echo ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                         env=home.environment, capture_output=True, text=True, timeout=60, check=False)
    assert "Sanitizer" not in run.stderr


def test_providers_are_listed_without_secrets(home):
    home.environment["GROQ_API_KEY"] = "gsk-very-secret"
    run = home.command("providers", "--json")
    assert run.returncode == 0, run
    groq = next(provider for provider in json.loads(run.stdout) if provider["id"] == "groq")
    assert "GROQ_API_KEY" in json.dumps(groq)
    assert "gsk-very-secret" not in run.stdout + run.stderr
