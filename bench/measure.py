"""What the benches of the hub share: processes, CPU time, wrk, machine facts. Standard library only.

CPU time per request (user and system time of a process, from /proc/<pid>/stat, over the requests it served) can be
trusted on a shared machine; requests per second and latency only as ratios within one run. Every round therefore also
records what share of the machine went to processes that are not part of the bench.
"""
import contextlib
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
KEY = "sk-sluice-" + "b" * 43


def require(condition, sentence):
    if not condition:
        print(sentence, file=sys.stderr)
        sys.exit(3)


def tool(name, package):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    require(path, f"{name} is missing: apt-get install {package}")
    return path


def built(name, build):
    path = pathlib.Path(build) / "bin" / name
    require(os.access(path, os.X_OK),
            f"{path} is missing: cmake --preset release -DSLUICE_BENCH=ON && cmake --build build/release --target {name}")
    return str(path)


def cpu_seconds(pids):
    """User and system time of these processes with all their threads."""
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def machine_busy_seconds():
    user, nice, system, _, _, irq, softirq, steal = map(int, pathlib.Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port, process, what):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        require(process.poll() is None, f"{what} ended with {process.returncode} before it listened on {port}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    require(False, f"{what} does not listen on {port} after 30 s")


@contextlib.contextmanager
def running(command, **options):
    """A child in a process group of its own that is gone when the block is left."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def fixed_upstream(build):
    with running([built("fixed_upstream", build)], stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline().split()[1])
        yield port, process.pid


@contextlib.contextmanager
def sluice(build, config, folder, models_dir=None):
    """A hub with a key to check; yields (port, pid)."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    if models_dir:
        config = config | {"models_dir": str(models_dir)}
    (folder / "sluice.yaml").write_text(json.dumps(config))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "SLUICE_HOME": str(folder / "state"),
                   "XDG_DATA_HOME": str(folder / "data"), "SLUICE_API_KEY": KEY,
                   **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}
    with open(folder / "log", "wb") as log:
        command = [built("sluice", build), "serve", "--config", str(folder / "sluice.yaml"), "--port", str(port)]
        with running(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process:
            wait_port(port, process, f"sluice (log: {folder}/log)")
            yield port, process.pid


# Plain proxying as nginx does it best: kept connections on both sides, no logs, no buffering of streams.
NGINX = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 64m; client_body_buffer_size 2m; keepalive_requests 100000000; tcp_nodelay on;
  upstream fixed {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location / {{
      proxy_pass http://fixed; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(upstream, workers, folder):
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(workers=workers, folder=folder, upstream=upstream, port=port))
    command = [tool("nginx", "nginx-light"), "-p", str(folder), "-c", str(folder / "nginx.conf"),
               "-e", str(folder / "error.log")]
    with running(command) as process:
        wait_port(port, process, "nginx")
        yield port, process.pid


WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {key}"
local file = io.open("{body}", "rb")
wrk.body = file:read("*all")
file:close()
function done(summary, latency, requests)
  io.write(string.format(
    '{{"requests":%d,"seconds":%f,"p50_us":%f,"p99_us":%f,"max_us":%f,"errors":%d}}\\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout))
end
"""


def wrk(url, body_file, connections, seconds, folder):
    script = folder / f"{pathlib.Path(body_file).stem}.lua"
    script.write_text(WRK_SCRIPT.format(key=KEY, body=body_file))
    run = subprocess.run([tool("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s",
                          str(script), url], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def measured(pids, load, bench_pids=()):
    """Runs load() and adds what the processes `pids` used, and what the rest of the machine did meanwhile."""
    own = [*pids, *bench_pids]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, used, known, busy = time.monotonic(), cpu_seconds(pids), cpu_seconds(own), machine_busy_seconds()
    result = load()
    wall, used = time.monotonic() - wall, cpu_seconds(pids) - used
    known, busy = cpu_seconds(own) - known, machine_busy_seconds() - busy
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    known += after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    result["cpu_us"] = 1e6 * used / result["requests"] if result.get("requests") else None
    result["rps"] = result["requests"] / result["seconds"] if result.get("seconds") else None
    result["others_share"] = max(0.0, busy - known) / (wall * os.cpu_count())
    return result


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


def facts():
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.processor())
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False).stdout.strip()
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": commit or "no repository",
            "machine": {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()}}


def save(name, result, path=None):
    file = pathlib.Path(path) if path else ROOT / "bench" / "results" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts() | result, indent=1) + "\n")
    print(f"written: {os.path.relpath(file)}")


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        path = pathlib.Path(folder)
        path.chmod(0o755)  # nginx workers may run as another user
        yield path
