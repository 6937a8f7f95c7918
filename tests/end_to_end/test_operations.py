"""Running it: keys made and taken away live, reload, drain, metrics, logs, the API description."""
import json
import os
import re
import signal
import stat
import subprocess
import threading

import pytest

from harness import hub as hubs, upstream as up
from harness.reciting_model import RECITED


def test_health_needs_no_key():
    with hubs.Hub() as hub:
        for route in ("/livez", "/readyz", "/healthz"):
            assert hub.ask("GET", route, authorized=False).status == 200, route


def test_keys_are_made_and_taken_away_while_it_runs():
    with hubs.Hub() as hub:
        made = json.loads(hub.command("keys", "create", "ci", "--json").stdout)
        assert re.fullmatch(r"sk-sluice-[\w-]{40,}", made["key"])
        preset, hub.key = hub.key, made["key"]
        hub.wait(lambda: hub.ask("GET", "/v1/models").status == 200, "the new key known", timeout=15)
        listed = hub.command("keys", "list", "--json")
        assert [key["name"] for key in json.loads(listed.stdout)] == ["ci"]
        assert made["key"] not in listed.stdout
        assert hub.command("keys", "revoke", "ci").returncode == 0
        hub.wait(lambda: hub.ask("GET", "/v1/models").status == 401, "the revoked key refused", timeout=15)
        hub.key = preset
        assert hub.ask("GET", "/v1/models").status == 200
        # Nothing on disk gives a key away, and nobody else may read it.
        state = hub.home / "state"
        for file in state.rglob("*"):
            if file.is_file():
                assert made["key"].encode() not in file.read_bytes(), file
                assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_revoking_what_does_not_exist_fails():
    with hubs.Hub(models=()) as hub:
        run = hub.command("keys", "revoke", "nobody")
        assert run.returncode == 1 and "nobody" in run.stderr


def test_the_first_start_makes_one_key_and_the_second_none():
    with hubs.Hub(key=None, models=()) as hub:
        file = hub.home / "state" / "first-key"
        key = file.read_text().strip()
        assert re.fullmatch(r"sk-sluice-[\w-]{40,}", key)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert key not in hub.stderr + hub.stdout, "a log is no place for a key"
        hub.key = key
        assert hub.ask("GET", "/v1/models").status == 200
        hub.stop()
        hub.start()
        assert hub.ask("GET", "/v1/models").status == 200
        assert len(json.loads(hub.command("keys", "list", "--json").stdout)) == 1


def test_a_reload_takes_the_new_configuration_and_keeps_running_requests():
    with up.Upstream() as openai, up.Upstream() as groq:
        release = threading.Event()

        def slowly(exchange):
            exchange.begin_stream()
            *first, last = up.stream_events(exchange.request)
            for event in first:
                exchange.send_chunk(event)
            assert release.wait(up.WAIT_S)
            exchange.send_chunk(last)
            exchange.end_stream()
        openai.script = slowly
        config = {"models": {"either": {"routes": [{"provider": "openai", "model": "a"}]}}}
        with hubs.Hub(config, {"openai": openai, "groq": groq}) as hub:
            with hub.streaming("either") as (connection, status, headers):
                assert status == 200
                events = connection.read_events(headers)
                next(events)
                hub.config["models"]["either"]["routes"] = [{"provider": "groq", "model": "b"}]
                hub.write_config()
                hub.process.send_signal(signal.SIGHUP)
                hub.wait(lambda: hub.chat("either").header("x-inference-provider") == "groq", "reloaded", timeout=15)
                release.set()
                assert list(events)[-1] == "[DONE]"


@pytest.mark.parametrize("broken, said", [
    ("providers: {openai: {api_kee: x}}\n", "api_key"), ("models: [\n", "sluice.yaml"), ("log_level: loud\n", "log_level")])
def test_a_broken_configuration_is_refused_and_the_old_one_stays(broken, said):
    with up.Upstream() as openai, hubs.Hub(providers={"openai": openai}) as hub:
        hub.config_file.write_text(broken)
        before = len(hub.stderr)
        hub.process.send_signal(signal.SIGHUP)
        hub.wait(lambda: said in hub.stderr[before:], f"'{said}' said in the log", timeout=15)
        assert hub.chat("gpt-4o:openai").status == 200
        hub.write_config()
        hub.process.send_signal(signal.SIGHUP)
        assert hub.chat("gpt-4o:openai").status == 200


def test_a_change_that_needs_a_restart_is_refused_by_name():
    with hubs.Hub(models=()) as hub:
        hub.config["unix_socket"] = str(hub.home / "new.sock")
        hub.write_config()
        before = len(hub.stderr)
        hub.process.send_signal(signal.SIGHUP)
        hub.wait(lambda: "unix_socket" in hub.stderr[before:], "'unix_socket' said in the log", timeout=15)
        assert hub.ask("GET", "/livez").status == 200


def test_a_stop_lets_running_answers_end():
    """SIGTERM mid-stream: readiness goes first, the stream ends whole, then the process ends with 0."""
    release = threading.Event()

    def slowly(exchange):
        exchange.begin_stream()
        role, first, *rest = up.stream_events(exchange.request)
        exchange.send_chunk(role)
        exchange.send_chunk(first)
        assert release.wait(up.WAIT_S)
        for event in rest:
            exchange.send_chunk(event)
        exchange.end_stream()
    with up.Upstream(slowly) as openai, hubs.Hub(providers={"openai": openai}) as hub:
        kept = hub.connect()
        kept.send_request("GET", "/readyz")
        assert kept.read_answer("GET").status == 200
        with hub.streaming("gpt-4o:openai") as (connection, status, headers):
            assert status == 200
            events = connection.read_events(headers)
            next(events)
            hub.process.send_signal(signal.SIGTERM)
            hub.wait(lambda: not accepts(hub), "no longer taking new work", timeout=15)
            release.set()
            assert list(events)[-1] == "[DONE]"
        assert hub.process.wait(20) == 0
        kept.close()


def accepts(hub):
    try:
        answer = hub.ask("GET", "/readyz")
    except OSError:
        return False
    return answer is not None and answer.status == 200


def test_a_stop_does_not_wait_for_ever():
    with up.Upstream(up.stalling_after(2)) as openai:
        config = {"limits": {"drain_timeout": "1s"}}
        with hubs.Hub(config, {"openai": openai}) as hub:
            with hub.streaming("gpt-4o:openai") as (connection, _, headers):
                next(connection.read_events(headers))
                hub.process.send_signal(signal.SIGTERM)
                rest = b""
                try:
                    for piece in connection.read_pieces(headers):
                        rest += piece
                except Exception:  # cut is right, whole with [DONE] is not
                    pass
                assert b"[DONE]" not in rest
                assert hub.process.wait(20) is not None
            hub.expected_status = hub.process.returncode
            assert hub.process.returncode in (0, 1)


def test_a_stop_ends_device_answers_and_idle_connections():
    with hubs.Hub({"limits": {"drain_timeout": "1s"}}, models=("endless",)) as hub:
        idle = hub.connect()
        with hub.streaming("endless:device") as (connection, status, headers):
            assert status == 200 and next(connection.read_events(headers))
            hub.process.send_signal(signal.SIGTERM)
            assert hub.process.wait(20) in (0, 1)
            hub.expected_status = hub.process.returncode
        idle.close()


def test_metrics_are_lawful_and_count():
    with up.Upstream() as openai, hubs.Hub(providers={"openai": openai}) as hub:
        hub.chat("gpt-4o:openai")
        hub.chat("reciter:device")
        hub.chat("reciter:device", stream=True)
        hub.chat("nowhere")
        hub.ask("GET", "/v1/models", headers=[("authorization", "Bearer wrong")])
        text = hub.ask("GET", "/metrics").body
        assert b"sluice_" in text
        check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        assert check.returncode == 0, check.stdout + check.stderr + text
        families = re.findall(rb"^# TYPE (\S+) (\S+)", text, re.M)
        assert len(families) == len(set(families)) >= 3
        labels = {match[1]: match[0] for match in re.findall(r'(\w+)="([^"]*)"', text.decode())}
        assert hubs.KEY not in text.decode() and "wrong" not in labels
        [requests] = {name.decode() for name, kind in families if kind == b"counter" and b"request" in name and b"error" not in name} or {None}
        assert hub.metric(requests, provider="device") == 2
        assert hub.metric(requests, provider="openai") == 1


def test_the_log_tells_who_and_when_but_never_what():
    secret = "the-cat-sat-on-the-secret-mat"
    with up.Upstream() as openai, hubs.Hub(providers={"openai": openai}) as hub:
        for model in ("gpt-4o:openai", "reciter:device", "nowhere"):
            answer = hub.chat(model, secret, user=secret)
            request_id = answer.header("x-request-id")
            hub.wait(lambda: any(request_id in line.values() for line in hub.log), "logged", timeout=10)  # noqa: B023
            [line] = [line for line in hub.log if request_id in line.values()]
            assert line["status"] == answer.status
            assert model == "nowhere" or line["provider"] == answer.header("x-inference-provider")
        own = hub.ask("GET", "/v1/models", headers=[("x-request-id", "mine-1")])
        assert own.header("x-request-id")
        text = hub.stderr + hub.stdout
    for hidden in (secret, hubs.KEY, "sk-fake-openai", RECITED, up.ANSWER):
        assert hidden not in text, f"{hidden} stands in the log"


def test_a_request_id_of_the_client_cannot_break_the_log():
    with hubs.Hub(models=()) as hub:
        for given in ("a" * 5000, 'x","status":999,"y":"', "caf\xe9"):
            answer = hub.ask("GET", "/v1/models", headers=[("x-request-id", given)])
            assert answer.status in (200, 400)
        hub.wait(lambda: len(hub.log) >= 3, "logged", timeout=10)
        assert not any(line.get("status") == 999 for line in hub.log)
        lines = [line for line in hub.stderr.splitlines() if line.startswith("{")]
        assert all(json.loads(line) for line in lines)


def test_the_api_description_is_valid_and_true():
    validator = pytest.importorskip("openapi_spec_validator")
    with hubs.Hub() as hub:
        answer = hub.ask("GET", "/openapi.json", authorized=False)
        assert answer.status == 200 and answer.header("content-type").startswith("application/json")
        description = answer.json
        validator.validate(description)
        for path, methods in description["paths"].items():
            for method in methods:
                if method in ("get", "post", "delete", "put"):
                    found = hub.ask(method.upper(), path.replace("{id}", "reciter"), b"{}" if method == "post" else None)
                    assert found.status not in (405, 500), (method, path, found)
                    assert found.status != 404 or path.endswith("generations/{id}"), (method, path, found)  # a route, but no such answer


def test_start_prints_where_who_and_how():
    """One line for each provider switched on and by which variable; the address; the default route. No secrets."""
    with hubs.Hub(environment={"OPENAI_API_KEY": "sk-from-environment"}, providers={}) as hub:
        said = hub.stderr + hub.stdout
        assert f"http://127.0.0.1:{hub.port}" in said
        assert "OPENAI_API_KEY" in said and "sk-from-environment" not in said
        assert "preferred" in said


def test_a_token_for_downloads_pays_for_nothing():
    """HF_TOKEN is set on many machines; it switches no provider on."""
    with hubs.Hub(environment={"HF_TOKEN": "hf_secret", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, models=()) as hub:
        answer = hub.chat("meta-llama/Llama-3.1-8B-Instruct")
        assert answer.status == 404, answer
        answer = hub.chat("meta-llama/Llama-3.1-8B-Instruct:huggingface")
        assert answer.status == 404, answer


def test_sigint_ends_it_as_well():
    with hubs.Hub(models=()) as hub:
        hub.process.send_signal(signal.SIGINT)
        assert hub.process.wait(20) == 0


def test_it_survives_a_burst_of_signals():
    with hubs.Hub(models=()) as hub:
        for _ in range(20):
            hub.process.send_signal(signal.SIGHUP)
            hub.process.send_signal(signal.SIGPIPE)
        assert hub.ask("GET", "/livez").status == 200


def test_memory_and_descriptors_do_not_grow_with_failed_requests():
    """Not a soak, only its direction: after a warm-up, a few hundred errors and cuts leave no descriptor behind."""
    with up.Upstream(up.cutting_after(2)) as openai, hubs.Hub(providers={"openai": openai}) as hub:
        def descriptors():
            return len(os.listdir(f"/proc/{hub.process.pid}/fd"))

        def burst():
            for number in range(60):
                hub.chat("gpt-4o:openai", stream=True)
                hub.chat("nowhere")
                with hub.connect() as connection:
                    connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{"[:number + 20])
        burst()
        after_one = descriptors()
        burst()
        hub.wait(lambda: descriptors() <= after_one + 3, "back to as many descriptors", timeout=15)
