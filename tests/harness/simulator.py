"""The simulated providers as a child process: one server for each dialect of data/simulator, below /<dialect>."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from . import hub as hubs

WAIT_S = 20


def binary():
    path = pathlib.Path(os.environ.get("SLUICE_SIMULATOR") or pathlib.Path(hubs.binary()).parent / "simulated_providers")
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing: build the target simulated_providers")
    return path


def exchanges():
    """The folder of what they answer."""
    return pathlib.Path(os.environ.get("SLUICE_SIMULATOR_DATA") or
                        pathlib.Path(os.environ["SLUICE_SOURCE"]) / "data" / "simulator")


class Simulator:
    def __init__(self, seed=None):
        self._command = [str(binary()), str(exchanges()), *(["--seed", str(seed)] if seed is not None else [])]

    def __enter__(self):
        self._log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self._log, text=True)
        said = {}
        while not {"port", "seed"} <= said.keys():
            line = self.process.stdout.readline()
            assert line, f"{self._command[0]} ended:\n{self._stderr()}"
            name, _, value = line.partition(" ")
            said[name] = int(value)
        self.port, self.seed = said["port"], said["seed"]
        self.origin = f"http://127.0.0.1:{self.port}"
        return self

    def _stderr(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def __exit__(self, kind, *_):
        if kind is not None:
            print(f"simulated providers: seed {self.seed}", file=sys.stderr)
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(WAIT_S)
        finally:
            self.process.kill()
            self.process.stdout.close()
        said = self._stderr()
        self._log.close()
        assert status == 0 and not re.search(r"Sanitizer|runtime error:", said), f"status {status}:\n{said}"

    def received(self, after=0):
        """What came, oldest first; `after` leaves out as many."""
        with urllib.request.urlopen(f"{self.origin}/__received?after={after}", timeout=WAIT_S) as answer:
            return json.load(answer)

    def forget(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.origin}/__received", method="DELETE"), timeout=WAIT_S).close()

    def was_left(self, server, mark):
        """Whether, within a while, the hub gives up the request to `server` that holds `mark`."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if any(one["server"] == server and one.get("left") and mark in json.dumps(one.get("body"))
                   for one in self.received()):
                return True
            time.sleep(0.05)
        return False
