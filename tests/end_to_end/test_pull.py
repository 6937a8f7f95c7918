"""sluice pull against a server that speaks the Hub's API and, where a test asks it to, cuts, redirects and lies."""
import contextlib
import json
import os
import pathlib
import pty
import random
import subprocess
import threading

import pytest

from harness import huggingface, hub as hubs, reciting_model
from harness.huggingface import HubServer, asked_range, send_range
from harness.upstream import refused_port

GOLDEN = pathlib.Path(os.environ["SLUICE_SOURCE"]) / "tests" / "golden" / "smolvlm" / "llama"
PART = 8 << 20
CHECKPOINT = {file.name: file.read_bytes() for file in GOLDEN.iterdir() if file.suffix == ".json"} | {
    "model.safetensors": (GOLDEN / "model.safetensors").read_bytes(), "README.md": b"# card",
    "onnx/model.onnx": b"not ours"}
BIG = random.Random(7).randbytes(2 * PART + 12345)


def big_files():
    return {"config.json": b"{}", "model.safetensors": BIG}


@pytest.fixture
def home():
    with contextlib.closing(hubs.Home()) as home:
        yield home


@contextlib.contextmanager
def serving(home, files=None, large=("model.safetensors",), **more):
    with HubServer(files or CHECKPOINT, large, **more) as server:
        home.environment["HF_ENDPOINT"] = server.endpoint
        yield server


def cache(home):
    return home.home / "cache" / "huggingface" / "hub"


def repository(home):
    return cache(home) / "models--org--name"


def pull(home, *arguments, model="org/name"):
    return home.command("pull", model, *arguments)


def pulled(home, *arguments, model="org/name"):
    run = pull(home, "--json", *arguments, model=model)
    assert run.returncode == 0, run
    return json.loads(run.stdout)


def test_the_cache_is_laid_out_as_the_hubs_other_tools_lay_it_out(home):
    with serving(home) as server:
        told = pulled(home)
    folder = repository(home)
    assert (folder / "refs" / "main").read_text() == server.commit
    snapshot = folder / "snapshots" / server.commit
    assert told["folder"] == str(snapshot) and told["licence"] == "apache-2.0"
    wanted = set(CHECKPOINT) - {"README.md", "onnx/model.onnx"}
    assert {file.name for file in snapshot.iterdir()} == wanted
    for name in wanted:
        assert os.readlink(snapshot / name) == f"../../blobs/{server.hash_of(name)}"
        assert (snapshot / name).read_bytes() == CHECKPOINT[name]
    assert not list(folder.glob("blobs/*.incomplete"))
    assert told["bytes"] == told["bytes_moved"] == sum(len(CHECKPOINT[name]) for name in wanted)


def test_the_hubs_own_library_finds_what_was_pulled(home):
    library = pytest.importorskip("huggingface_hub")
    with serving(home) as server:
        pulled(home)
    path = library.snapshot_download("org/name", cache_dir=cache(home), local_files_only=True)
    assert path.endswith(server.commit)


def test_a_second_pull_moves_no_bytes(home):
    with serving(home) as server:
        pulled(home)
        before = len(server.content_requests())
        assert pulled(home)["bytes_moved"] == 0
        assert len(server.content_requests()) == before


def test_what_was_pulled_is_listed_shown_run_and_served(home):
    with serving(home):
        pulled(home)
    assert [model["id"] for model in home.own_models()] == ["org/name"]
    assert home.command("show", "org/name").returncode == 0
    assert home.command("run", "org/name", "Hi", "--max-tokens", "2").returncode == 0
    assert home.command("run", "org/name@main", "Hi", "--max-tokens", "2").returncode == 0


def test_a_large_file_comes_in_parts_and_only_its_first_asks_the_hub(home):
    with serving(home, big_files()) as server:
        pulled(home)
        ranges = sorted((first, last) for host, _, first, last in server.content_requests() if host == "store")
        assert ranges == [(0, PART - 1), (PART, 2 * PART - 1), (2 * PART, len(BIG) - 1)]
        resolved = [path for host, path, *_ in server.content_requests() if host == "hub" and "safetensors" in path]
        assert len(resolved) == 1


def test_the_token_goes_to_the_hub_and_to_nobody_else(home):
    home.environment["HF_TOKEN"] = "hf_secret"
    with serving(home, token="hf_secret") as server:
        server.gated = True
        told = pulled(home)
        assert told["gated"]
        assert all(r.header("authorization") == "Bearer hf_secret" for r in server.hub.requests)
        assert server.store.requests
        assert all(r.header("authorization") is None for r in server.store.requests)


def test_the_token_file_is_read(home):
    (home.home / "cache" / "huggingface").mkdir(parents=True)
    (home.home / "cache" / "huggingface" / "token").write_text("hf_filed\n")
    with serving(home, token="hf_filed") as server:
        pulled(home)
        assert server.hub.requests[0].header("authorization") == "Bearer hf_filed"


def test_a_gated_model_says_what_to_do(home):
    with serving(home, token="hf_right") as server:
        server.gated = True
        run = pull(home)
        assert run.returncode == 3 and "terms" in run.stderr and f"{server.endpoint}/org/name" in run.stderr
        assert "HF_TOKEN" in run.stderr
        home.environment["HF_TOKEN"] = "hf_wrong"
        run = pull(home)
        assert run.returncode == 3 and "does not accept HF_TOKEN" in run.stderr and "hf_wrong" not in run.stderr


@pytest.mark.parametrize("model, words", [("org/none", "no repository org/none"),
                                          ("org/name@v9", "no branch, tag or commit v9")])
def test_what_is_not_there_is_named(home, model, words):
    with serving(home):
        run = pull(home, model=model)
        assert run.returncode == 1 and words in run.stderr


def test_a_revision_is_pulled_beside_main(home):
    with serving(home) as server:
        pulled(home)
        server.revisions = {"refs/pr/1"}
        server.commit = "b" * 40
        pulled(home, model="org/name@refs/pr/1")
    assert (repository(home) / "refs" / "refs" / "pr" / "1").read_text() == "b" * 40
    assert (repository(home) / "refs" / "main").read_text() == huggingface.COMMIT


def test_a_download_goes_on_where_a_killed_one_stopped(home):
    begun = threading.Event()
    with serving(home, big_files()) as server:
        def stall(exchange, _, data):
            first, last = asked_range(exchange.request, len(data))
            if first > 0 or len(data) < PART:
                return server.serve_bytes(exchange, _, data)
            send_range(exchange, data[:3 << 20], first, last, len(data), length=PART)
            begun.set()
            return exchange.hang()

        server.serve = stall
        process = subprocess.Popen([hubs.binary(), "pull", "org/name"], env=home.environment, stderr=subprocess.PIPE)
        assert begun.wait(60)
        incomplete = repository(home) / "blobs" / f"{server.hash_of('model.safetensors')}.incomplete"
        while not incomplete.exists() or incomplete.stat().st_size < 3 << 20:
            assert process.poll() is None
        process.kill()
        process.communicate()
        assert incomplete.read_bytes() == BIG[:incomplete.stat().st_size]
        server.serve = server.serve_bytes
        server.store.forget()
        assert pulled(home)["bytes_moved"] == len(BIG) - (3 << 20)
        assert min(first for host, _, first, _ in server.content_requests() if host == "store") == 3 << 20
    assert (repository(home) / "snapshots" / server.commit / "model.safetensors").read_bytes() == BIG


def test_cuts_are_mended(home):
    cuts = [0]
    with serving(home, big_files()) as server:
        def cut(exchange, _, data):
            first, last = asked_range(exchange.request, len(data))
            cuts[0] += 1
            if cuts[0] % 2 == 0 or len(data) < PART:
                return server.serve_bytes(exchange, _, data)
            middle = (first + last) // 2
            send_range(exchange, data[first:middle], first, last, len(data), length=last + 1 - first)
            return exchange.reset() if cuts[0] % 4 == 1 else exchange.close()

        server.serve = cut
        pulled(home)
    assert (repository(home) / "snapshots" / server.commit / "model.safetensors").read_bytes() == BIG


def test_an_expired_address_is_asked_for_anew(home):
    with serving(home, big_files()) as server:
        seen = []

        def expire(exchange, _, data):
            seen.append(exchange.request.target)
            if len(seen) == 2:
                return exchange.answer(b"expired", 403)
            return server.serve_bytes(exchange, _, data)

        server.serve = expire
        pulled(home)
        assert len([r for r in server.hub.requests if "safetensors" in r.target]) >= 2


def test_a_server_without_ranges_is_read_in_one_go(home):
    with serving(home, big_files()) as server:
        server.serve = lambda exchange, _, data: exchange.answer(data, 200, "application/octet-stream")
        blobs = repository(home) / "blobs"
        blobs.mkdir(parents=True)
        (blobs / f"{server.hash_of('model.safetensors')}.incomplete").write_bytes(BIG[:1000])
        assert pulled(home)["bytes_moved"] == len(BIG) - 1000 + 2
    assert (repository(home) / "snapshots" / server.commit / "model.safetensors").read_bytes() == BIG


def test_a_prefix_that_was_wrong_is_thrown_away(home):
    with serving(home, big_files()) as server:
        blobs = repository(home) / "blobs"
        blobs.mkdir(parents=True)
        (blobs / f"{server.hash_of('model.safetensors')}.incomplete").write_bytes(b"x" * 1000)
        pulled(home)
    assert (repository(home) / "snapshots" / server.commit / "model.safetensors").read_bytes() == BIG


def lying_content(server, how):
    def lie(exchange, _, data):
        first, last = asked_range(exchange.request, len(data))
        if how == "other bytes":
            return send_range(exchange, b"\0" * (last + 1 - first), first, last, len(data))
        if how == "another range":
            return send_range(exchange, data[first:last + 1], first + 1, last + 1, len(data))
        if how == "another size":
            return send_range(exchange, data[first:last + 1], first, last, len(data) + 1)
        if how == "more bytes":
            return send_range(exchange, data[first:last + 1] + b"more", first, last, len(data))
        exchange.send(f"HTTP/1.1 206 P\r\ncontent-range: bytes {first}-{last}/{len(data)}\r\n"
                      "transfer-encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            while True:  # a body without an end
                exchange.send_chunk(b"z" * 65536)
        return exchange.close()
    server.serve = lie


@pytest.mark.parametrize("how", ["other bytes", "another range", "another size", "more bytes", "no end"])
def test_lies_about_content_leave_nothing_behind_that_looks_whole(home, how):
    with serving(home) as server:
        lying_content(server, how)
        run = pull(home)
        assert run.returncode == 1, run
    assert not list(repository(home).glob("blobs/" + "?" * 40)) and not list(repository(home).glob("blobs/" + "?" * 64))
    assert not (repository(home) / "snapshots").exists()
    assert home.own_models() == []


def change(path, **fields):
    def edit(listing):
        next(entry for entry in listing["siblings"] if entry["rfilename"] == path).update(fields)
        return listing
    return edit


@pytest.mark.parametrize("edit, words", [
    (change("config.json", rfilename="../../../escaped"), "leave its folder"),
    (change("config.json", rfilename="/escaped"), "leave its folder"),
    (change("config.json", rfilename="a\\..\\b"), "leave its folder"),
    (change("config.json", blobId="../../escaped"), "hash"),
    (change("config.json", size=-1), "size"),
    (change("config.json", size=1 << 50), "at most"),
    (change("model.safetensors", lfs={"sha256": "ab" * 31 + "/.", "size": 5}), "hash"),
    (lambda listing: {**listing, "sha": "../../../x"}, "commit"),
    (lambda listing: {**listing, "siblings": listing["siblings"] + listing["siblings"][:1]}, "twice"),
    (lambda listing: b"<html>a portal asks you to log in</html>", "no Hub answers here"),
    (lambda listing: {**listing, "siblings": []}, "no model that sluice reads"),
])
def test_lies_in_the_listing_are_refused(home, edit, words):
    with serving(home) as server:
        server.edit_listing = edit
        run = pull(home)
        assert run.returncode == 1 and words in run.stderr, run
    assert not list(home.home.rglob("*escaped*"))


def test_a_disk_too_small_is_told_before_anything_moves(home):
    with serving(home) as server:
        server.edit_listing = change("model.safetensors", size=1 << 41)
        run = pull(home)
        assert run.returncode == 1 and "2.0 TiB" in run.stderr and "free" in run.stderr, run
        assert server.content_requests() == []


def test_redirects_without_end_and_to_nowhere_are_errors(home):
    with serving(home) as server:
        server.location = lambda path: f"{server.endpoint}/org/name/resolve/{server.commit}/{path}"
        run = pull(home)
        assert run.returncode == 1 and "redirects" in run.stderr
        server.location = lambda path: "file:///etc/passwd"
        run = pull(home)
        assert run.returncode == 1 and "redirect" in run.stderr


def test_gguf_files_are_chosen_by_number_format_with_their_vision_half(home):
    reciting_model.write_model(home.home / "x.gguf")
    text = (home.home / "x.gguf").read_bytes()
    files = {"m-Q4_K_M.gguf": text, "m-Q8_0.gguf": text + b"\0", "mmproj-m-f16.gguf": b"half", "README.md": b""}
    with serving(home, files, large=("m-Q4_K_M.gguf", "m-Q8_0.gguf")):
        told = pulled(home, model="org/name:q8_0")
        assert [file["path"] for file in told["files"]] == ["mmproj-m-f16.gguf", "m-Q8_0.gguf"]
        run = pull(home, model="org/name:Q2_K")
        assert run.returncode == 1 and "m-Q4_K_M.gguf, m-Q8_0.gguf" in run.stderr
        told = pulled(home)
        assert [file["path"] for file in told["files"]] == ["mmproj-m-f16.gguf", "m-Q4_K_M.gguf"]
    assert [model["id"] for model in home.own_models()] == ["org/name:Q4_K_M", "org/name:Q8_0"]


def test_offline_local_only_and_no_network_are_one_clear_line_and_status_3(home):
    with serving(home) as server:
        home.environment["HF_HUB_OFFLINE"] = "1"
        run = pull(home)
        assert run.returncode == 3 and "HF_HUB_OFFLINE" in run.stderr
        del home.environment["HF_HUB_OFFLINE"]
        run = pull(home, "--local-only")
        assert run.returncode == 3 and "local-only" in run.stderr
        assert server.hub.connections == 0
    home.environment["HF_ENDPOINT"] = f"http://127.0.0.1:{refused_port()}"
    run = pull(home)
    assert run.returncode == 3 and "cannot be reached" in run.stderr and len(run.stderr.splitlines()) == 1
    home.environment["HF_ENDPOINT"] = "ftp://x"
    assert "HF_ENDPOINT" in pull(home).stderr


@pytest.mark.parametrize("name", ["name", "org/name/more", "../name", "org/..", "org/name:", "org/name@../x"])
def test_what_is_no_name_is_wrong_usage(home, name):
    assert pull(home, model=name).returncode == 2


def test_a_dry_run_shows_sizes_and_licence_and_moves_nothing(home):
    with serving(home) as server:
        run = pull(home, "--dry-run")
        assert run.returncode == 0 and "apache-2.0" in run.stderr and "model.safetensors" in run.stderr
        assert server.content_requests() == []


def test_two_pulls_at_once_fetch_once(home):
    with serving(home, big_files()) as server:
        runs = [subprocess.Popen([hubs.binary(), "pull", "org/name"], env=home.environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE) for _ in range(2)]
        assert [(run.communicate(timeout=60), run.returncode)[1] for run in runs] == [0, 0]
        ranges = [first for host, _, first, _ in server.content_requests() if host == "store"]
        assert sorted(ranges) == [0, PART, 2 * PART]


def test_run_fetches_a_missing_model_when_told_to(home):
    with serving(home) as server:
        run = home.command("run", "org/name", "Hi", "--max-tokens", "2")
        assert run.returncode == 3 and "sluice pull org/name" in run.stderr
        assert server.hub.connections == 0
        run = home.command("run", "org/name", "Hi", "--max-tokens", "2", "-y")
        assert run.returncode == 0 and "apache-2.0" in run.stderr, run
        requests = len(server.hub.requests)
        assert home.command("run", "org/name", "Hi", "--max-tokens", "2", "-y").returncode == 0
        assert len(server.hub.requests) == requests


def on_terminal(home, answer, *arguments):
    """Runs with a terminal as standard input and error; gives (status, what was shown)."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([hubs.binary(), *arguments], env=home.environment, stdin=theirs, stderr=theirs,
                          stdout=subprocess.PIPE) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while block := os.read(ours, 4096):
                shown += block
                if b"download it?" in shown and answer:
                    os.write(ours, answer)
                    answer = b""
        process.stdout.read()
    os.close(ours)
    return process.returncode, shown.decode()


def test_on_a_terminal_ask_is_asked_first(home):
    with serving(home):
        arguments = ("ask", "-m", "org/name", str(GOLDEN / "picture.png"), "What?", "--max-tokens", "2", "--tiles", "1")
        status, shown = on_terminal(home, b"n\n", *arguments)
        assert status == 3 and "apache-2.0" in shown and "download it?" in shown
        assert not repository(home).exists()
        status, shown = on_terminal(home, b"\n", *arguments)
        assert status == 0, shown
