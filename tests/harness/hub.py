"""The real `sluice serve` as a child process: its own home, its own models folder, an environment without surprises.

Leaving the `with` block sends SIGTERM and fails the test if the process did not end by itself with status 0 or if a
sanitizer said anything: every test of the suite is therefore also a leak and undefined-behaviour test.
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from . import reciting_model, wire

KEY = "sk-sluice-" + "e2e0" * 10
START_S = 60  # generous: sanitized, and the machine may be busy
_FAULT = re.compile(r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer|CHECK failed")


def binary():
    path = os.environ.get("SLUICE_BINARY")
    if not path or not os.access(path, os.X_OK):
        sys.exit("SLUICE_BINARY must name the built sluice; ctest sets it")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bare_environment(home, **more):
    """What every child gets: nothing of the caller's HOME, proxies or provider keys."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return {**kept, **sanitizers, "HOME": str(home), "SLUICE_HOME": str(home / "state"),
            "XDG_DATA_HOME": str(home / "data"), "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"), **more}


class Home:
    """A folder of its own for one sluice: state, models, environment."""

    def __init__(self, environment=None):
        self._folder = tempfile.TemporaryDirectory(prefix="sluice-e2e-")
        self.home = pathlib.Path(self._folder.name)
        self.models = self.home / "data" / "sluice" / "models"
        self.models.mkdir(parents=True)
        self.environment = bare_environment(self.home, **(environment or {}))

    def close(self):
        self._folder.cleanup()

    def add_model(self, name):
        """smollm is the real one, named by SLUICE_TEST_GGUF; the others recite."""
        if name == "smollm":
            (self.models / "smollm.gguf").symlink_to(os.environ["SLUICE_TEST_GGUF"])
        else:
            reciting_model.write_model(self.models / f"{name}.gguf", endless=name.startswith("endless"),
                                       context=65536 if name.startswith("endless") else 2048)

    def command(self, *arguments, **options):
        """Another `sluice` command on the same home."""
        return subprocess.run([binary(), *arguments], env=self.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, cwd=self.home, timeout=START_S, check=False, **options)

    def own_models(self):
        """What `sluice list` tells of this home, less what came with the program."""
        return [model for model in json.loads(self.command("list", "--json").stdout) if model["place"] != "with sluice"]


class Hub(Home):
    """config: a dict written as YAML (JSON is YAML); providers: name -> Upstream, reached with a key of ours."""

    def __init__(self, config=None, providers=None, environment=None, models=("reciter",), arguments=(), key=KEY,
                 command=()):
        super().__init__(environment)
        for model in models:
            self.add_model(model)
        self.config = dict(config or {})
        self.providers = dict(providers or {})
        self.config_file = self.home / "sluice.yaml"
        self.write_config()
        self.key = key
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        if key:
            self.environment["SLUICE_API_KEY"] = key
        self._command = [*command, binary(), "serve", "--config", str(self.config_file), "--port", str(self.port),
                         *arguments]
        self.process = None
        self.expected_status = 0

    def write_config(self):
        config = dict(self.config)
        if self.providers:
            config["providers"] = {
                **{name: {"api_key": f"sk-fake-{name}", "base_url": upstream.origin}
                   for name, upstream in self.providers.items()}, **config.get("providers", {})}
        self.config_file.write_text(json.dumps(config, indent=2) + "\n" if config else "")

    @property
    def stderr(self):
        return (self.home / "stderr").read_text(errors="replace")

    @property
    def stdout(self):
        return (self.home / "stdout").read_text(errors="replace")

    @property
    def log(self):
        """The JSON lines of the log; other lines are for people."""
        lines = []
        for line in self.stderr.splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return [line for line in lines if isinstance(line, dict)]

    def start(self):
        with open(self.home / "stdout", "ab") as out, open(self.home / "stderr", "ab") as err:
            self.process = subprocess.Popen(self._command, env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=err, cwd=self.home)
        self.wait(lambda: self._answers("/readyz"), "ready")
        return self

    def _answers(self, target):
        if self.process.poll() is not None:
            raise AssertionError(f"sluice serve ended with {self.process.returncode}:\n{self.stderr}\n{self.stdout}")
        with contextlib.suppress(OSError):
            answer = wire.ask(self.url, "GET", target)
            return answer is not None and answer.status == 200
        return False

    def wait(self, condition, what, timeout=START_S):
        """For states that only polling shows; everything else is awaited where it happens."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not {what} within {timeout} s:\n{self.stderr}")
            time.sleep(0.02)

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(START_S)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGABRT)
                self.process.wait()
                raise AssertionError(f"sluice serve did not end on SIGTERM:\n{self.stderr}") from None
        status, self.process = self.process.returncode, None
        assert not _FAULT.search(self.stderr), self.stderr
        assert status == self.expected_status, f"sluice serve ended with {status}:\n{self.stderr}"

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._abandon()
            raise

    def __exit__(self, kind, *_):
        try:
            self.stop()
            if kind is not None:
                print(f"--- log of sluice\n{self.stderr[-8000:]}", file=sys.stderr)
        finally:
            self._abandon()

    def _abandon(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close()

    # Talking to it.

    @property
    def authorization(self):
        return ("authorization", f"Bearer {self.key}")

    def connect(self, **options):
        return wire.Connection(self.url, **options)

    def ask(self, method, target, body=None, headers=(), authorized=True, **options):
        """body: bytes as they are, or an object to be written as JSON."""
        given = list(headers)
        names = {name.lower() for name, _ in given}
        if authorized and "authorization" not in names:
            given.append(self.authorization)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and "content-type" not in names:
            given.append(("content-type", "application/json"))
        return wire.ask(self.url, method, target, given, body or b"", **options)

    def chat(self, model, text="Hello", **more):
        return self.ask("POST", "/v1/chat/completions",
                        {"model": model, "messages": [{"role": "user", "content": text}], **more})

    @contextlib.contextmanager
    def streaming(self, model, text="Hello", **more):
        """An open streamed chat: yields (connection, status, headers)."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}], "stream": True, **more})
        with self.connect() as connection:
            connection.send_request("POST", "/v1/chat/completions",
                                    [self.authorization, ("content-type", "application/json")], body.encode())
            yield connection, *connection.read_head()

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def metric(self, name, **labels):
        """Sum of the samples of that name whose labels include these."""
        total, found = 0.0, False
        for line in self.ask("GET", "/metrics").body.decode().splitlines():
            match = re.match(r"([\w:]+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                if all(have.get(k) == v for k, v in labels.items()):
                    total, found = total + float(match[3]), True
        assert found, f"no metric {name} with {labels}"
        return total


def words_of(events):
    """The text of a streamed chat."""
    chunks = [json.loads(event) for event in events if event != "[DONE]"]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", []))
