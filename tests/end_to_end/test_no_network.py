"""README's tour in a network namespace without an interface: what is not there cannot be used by mistake."""
import contextlib
import os
import pathlib
import subprocess
import sys

import pytest

from harness import hub as hubs
from harness.reciting_model import RECITED


def namespace_command():
    """A fresh network namespace: one loopback device, no other. None where this user may not make one."""
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    probe = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if probe.returncode == 0 else None


def test_the_tour_in_a_namespace_without_an_interface():
    command = namespace_command()
    if command is None:
        pytest.skip("no network namespace may be made here: run as root, or allow user namespaces")
    # The tour starts the hub itself: in there loopback is down until somebody raises it.
    run = subprocess.run([*command, sys.executable, "-B", "-m", "end_to_end.no_network_tour"], capture_output=True,
                         text=True, timeout=120, cwd=pathlib.Path(__file__).parent.parent, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "tour finished" in run.stdout


def test_the_command_line_needs_no_network_at_all():
    command = namespace_command()
    if command is None:
        pytest.skip("no network namespace may be made here: run as root, or allow user namespaces")
    with contextlib.closing(hubs.Home()) as home:
        home.add_model("reciter")
        for arguments in (["list", "--json"], ["show", "reciter"], ["run", "reciter", "Hello"]):
            run = subprocess.run([*command, hubs.binary(), *arguments], env=home.environment, capture_output=True,
                                 text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
            assert run.returncode == 0, (arguments, run.stderr)
        assert RECITED in run.stdout
