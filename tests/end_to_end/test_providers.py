"""Providers from the command line: what is listed, what a check says, what setup keeps, what an import carries, and how
several keys and minted tokens pay."""
import base64
import contextlib
import json
import os
import pty
import re
import stat
import subprocess
import urllib.parse

import pytest

from harness import hub as hubs, upstream as up

SECRET = "gsk-very-secret-1"
REPLY = {"id": "c1", "object": "chat.completion", "created": 7, "model": "served-model",
         "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
         "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}


def answering(good=lambda request: True, status=401, error="Invalid API Key"):
    def script(exchange):
        if good(exchange.request):
            exchange.answer(REPLY)
        else:
            exchange.answer({"error": {"message": error, "type": "invalid_request_error"}}, status)
    return script


@pytest.fixture
def home():
    with contextlib.closing(hubs.Home()) as home:
        yield home


@pytest.fixture
def upstream():
    with up.Upstream(answering(lambda request: request.header("authorization") == f"Bearer {SECRET}")) as upstream:
        yield upstream


def configure(home, providers, **more):
    (home.home / "sluice.yaml").write_text(json.dumps({"providers": providers, **more}))


def piped(home, *arguments, text):
    return subprocess.run([hubs.binary(), *arguments], env=home.environment, input=text, capture_output=True, text=True,
                          cwd=home.home, timeout=60, check=False)


# --- sluice providers

def listed(home):
    run = home.command("providers", "--json")
    assert run.returncode == 0, run
    return {one["id"]: one for one in json.loads(run.stdout)}


def test_list_says_what_is_on_by_what_and_what_is_missing(home):
    home.environment |= {"GROQ_API_KEY": SECRET, "HF_TOKEN": "hf_x", "FAL_KEY": "k"}
    rows = listed(home)
    assert len(rows) == 41
    assert (rows["groq"]["status"], rows["groq"]["key_present"], rows["groq"]["key_from"]) == ("on", True, "GROQ_API_KEY")
    assert {"chat", "speech", "transcription"} == set(rows["groq"]["kinds"]) and rows["groq"]["dialects"] == ["openai", "responses"]
    assert (rows["hf-router"]["status"], rows["hf-router"]["key_present"]) == ("off", True)
    assert (rows["openai"]["status"], rows["openai"]["key_present"]) == ("off", False)
    assert rows["fal-ai"]["status"] == "not built" and rows["fal-ai"]["not_built"]
    assert rows["aws-bedrock"]["status"] == "incomplete" and rows["aws-bedrock"]["unresolved"] == ["region"]
    assert all(row["data_policy"]["trains"] or row["local"] for row in rows.values()), "unknown counts as the worst"
    table = home.command("providers").stdout
    assert re.search(r"^groq +on .*GROQ_API_KEY$", table, re.M) and SECRET not in table


# --- sluice providers check

def test_check_says_what_came_back(home, upstream):
    home.environment["GROQ_API_KEY"] = SECRET
    configure(home, {"groq": {"base_url": upstream.origin}})
    run = home.command("providers", "check", "groq", "--json")
    assert run.returncode == 0, run
    said = json.loads(run.stdout)
    assert said["good"] and (said["status"], said["model"], said["answer"]) == (200, "served-model", "OK")
    assert said["input_tokens"] == 9 and said["latency_ms"] >= 0 and said["key_from"] == "GROQ_API_KEY"
    [request] = upstream.requests
    assert request.target == "/openai/v1/chat/completions" and request.json["model"] == "llama-3.1-8b-instant"
    assert home.command("providers", "check", "groq", "--model", "mine").returncode == 0
    assert upstream.requests[1].json["model"] == "mine"


def test_check_shows_the_providers_words_and_never_the_key(home, upstream):
    home.environment["GROQ_API_KEY"] = "gsk-wrong-2"
    configure(home, {"groq": {"base_url": upstream.origin}})
    run = home.command("providers", "check", "groq")
    assert run.returncode == 1 and "status 401" in run.stdout, run
    assert "gsk-wrong-2" not in run.stdout + run.stderr
    home.environment["GROQ_API_KEY"] = SECRET
    upstream.script = answering(lambda _: False, 429, "slow down, please")
    run = home.command("providers", "check", "groq")
    assert run.returncode == 1 and "status 429" in run.stdout and "slow down, please" in run.stdout, run


@pytest.mark.parametrize("name,status,says", [
    ("grok", 1, "did you mean 'groq'?"), ("openai", 3, "OPENAI_API_KEY"), ("fal-ai", 3, "not built"),
    ("aws-bedrock", 3, "AWS_REGION"), ("ollama", 3, "providers.ollama.enabled: true")])
def test_check_of_what_is_not_on_says_what_would_switch_it_on(home, name, status, says):
    run = home.command("providers", "check", name)
    assert run.returncode == status and says in run.stderr, run


def test_check_of_a_port_where_nobody_listens(home):
    configure(home, {"groq": {"base_url": f"http://127.0.0.1:{hubs.free_port()}", "api_key": SECRET}})
    run = home.command("providers", "check", "groq", "--json")
    assert run.returncode == 1 and not json.loads(run.stdout)["good"] and SECRET not in run.stdout, run


# --- sluice setup

def stored(home):
    return home.home / "state" / "provider-keys" / "groq.key"


def test_setup_from_a_pipe_keeps_the_key_and_ends_with_a_line_that_works(home, upstream):
    port = hubs.free_port()
    configure(home, {"groq": {"base_url": upstream.origin}}, port=port)
    run = piped(home, "setup", text=f"groq\n{SECRET}\ny\n")
    assert run.returncode == 0, run
    assert "price: at most about $0.00000" in run.stderr and "it works: status 200" in run.stderr
    assert SECRET not in run.stdout + run.stderr
    assert stat.S_IMODE(stored(home).stat().st_mode) == 0o600 and stored(home).read_text() == SECRET + "\n"
    [line] = run.stdout.splitlines()
    match = re.fullmatch(r"curl http://127\.0\.0\.1:(\d+)/v1/chat/completions -H 'content-type: application/json' "
                         r"-H \"authorization: Bearer (sk-sluice-\S+)\" -d '(\{.*\})'", line)
    assert match and int(match[1]) == port, line
    with served(home, port) as url:
        answer = hubs.wire.ask(url, "POST", "/v1/chat/completions",
                               [("authorization", f"Bearer {match[2]}"), ("content-type", "application/json")], match[3].encode())
        assert answer.status == 200 and answer.json["choices"][0]["message"]["content"] == "OK", answer
    assert listed(home)["groq"]["key_from"] == str(stored(home))


@contextlib.contextmanager
def served(home, port):
    process = subprocess.Popen([hubs.binary(), "serve"], env=home.environment, cwd=home.home, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout:
            if "listening on" in line:
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_setup_keeps_no_key_that_fails(home, upstream):
    configure(home, {"groq": {"base_url": upstream.origin}})
    run = piped(home, "setup", "groq", text="gsk-wrong\n\n")
    assert run.returncode == 1 and "it failed: status 401" in run.stderr and not stored(home).exists(), run
    assert piped(home, "setup", "groq", text="gsk-wrong\ny\ny\n").returncode == 0, "kept when its owner says so"
    assert stored(home).read_text() == "gsk-wrong\n"


@pytest.mark.parametrize("arguments,text,says", [
    (["groq"], "", "no key was given"), (["grok"], "k\n", "did you mean 'groq'?"), (["fal-ai"], "k\n", "not built"),
    (["ollama"], "k\n", "needs no key"), (["groq"], "a b\n", "spaces"), (["aws-bedrock"], "k\n", "AWS_REGION")])
def test_setup_refuses(home, arguments, text, says):
    run = piped(home, "setup", *arguments, text=text)
    assert run.returncode == 1 and says in run.stderr and not run.stdout, run


def test_setup_shows_no_key_on_a_terminal(home, upstream):
    configure(home, {"groq": {"base_url": upstream.origin}})
    leader, follower = pty.openpty()
    process = subprocess.Popen([hubs.binary(), "setup", "groq", "--no-test"], env=home.environment, cwd=home.home,
                               stdin=follower, stdout=follower, stderr=follower)
    shown = b""
    while b"not shown" not in shown:
        shown += os.read(leader, 1000)
    os.write(leader, SECRET.encode() + b"\n")
    assert process.wait(60) == 0
    os.close(follower)
    with contextlib.suppress(OSError):
        while piece := os.read(leader, 65536):
            shown += piece
    assert SECRET.encode() not in shown and b"curl " in shown
    assert stored(home).exists() and not upstream.requests


# --- credentials at work

def test_a_refused_key_gives_way_to_the_next(upstream):
    keys = {"groq": {"base_url": upstream.origin, "api_keys": [{"key": "gsk-dead", "weight": 1000}, {"key": SECRET}]}}
    with hubs.Hub({"providers": keys, "loops": 1}, models=()) as hub:
        for _ in range(5):
            assert hub.chat("llama:groq").status == 200
        assert "provider groq: on (providers.groq.api_keys: 2)" in hub.stderr + hub.stdout
        assert SECRET not in hub.stderr + hub.stdout
    used = [request.header("authorization") for request in upstream.requests]
    assert used.count("Bearer gsk-dead") <= 1 and used.count(f"Bearer {SECRET}") == 5


def test_vertex_mints_its_token_once(home):
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True).stdout
    minted = []

    def script(exchange):
        request = exchange.request
        if request.target == "/token":
            form = urllib.parse.parse_qs(request.body.decode())
            head, claims, _ = form["assertion"][0].split(".")
            minted.append([json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims)])
            return exchange.answer({"access_token": f"tok-{len(minted)}", "expires_in": 3600, "token_type": "Bearer"})
        if request.header("authorization") != "Bearer tok-2":  # the first one is revoked before it is used
            return exchange.answer({"error": {"code": 401, "message": "expired", "status": "UNAUTHENTICATED"}}, 401)
        return exchange.answer({"candidates": [{"content": {"role": "model", "parts": [{"text": "OK"}]}, "finishReason": "STOP",
                                                "index": 0}], "modelVersion": "g", "responseId": "r",
                                "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}})
    with up.Upstream(script) as upstream:
        account = home.home / "account.json"
        account.write_text(json.dumps({"type": "service_account", "project_id": "proj-1", "private_key_id": "kid",
                                       "private_key": key, "client_email": "hub@proj-1.example",
                                       "token_uri": upstream.origin + "/token"}))
        environment = {"GOOGLE_APPLICATION_CREDENTIALS": str(account), "GOOGLE_CLOUD_LOCATION": "europe-west4"}
        config = {"providers": {"vertex-gemini": {"enabled": True, "base_url": upstream.origin}}, "loops": 1}
        with hubs.Hub(config, environment=environment, models=()) as hub:
            for _ in range(3):
                answer = hub.chat("gemini-x:vertex-gemini")
                assert answer.status == 200 and answer.json["choices"][0]["message"]["content"] == "OK", answer.body
            assert "tok-" not in hub.stderr and "PRIVATE" not in hub.stderr
        assert len(minted) == 2 and minted[0][0]["alg"] == "RS256" and minted[0][1]["iss"] == "hub@proj-1.example"
        targets = [request.target for request in upstream.requests if request.target != "/token"]
        assert targets == ["/v1/projects/proj-1/locations/europe-west4/publishers/google/models/gemini-x:generateContent"] * 4


def test_own_headers_and_variables_reach_the_provider(upstream):
    upstream.script = answering()
    providers = {"azure-openai": {"base_url": upstream.origin, "api_key": "k", "headers": {"X-Team": "blue"},
                                  "variables": {"api_version": "2026-01-01-preview"}}}
    with hubs.Hub({"providers": providers}, models=()) as hub:
        assert hub.chat("my-deployment:azure-openai").status == 200
    [request] = upstream.requests
    assert request.target == "/openai/deployments/my-deployment/chat/completions?api-version=2026-01-01-preview"
    assert (request.header("api-key"), request.header("x-team"), request.header("authorization")) == ("k", "blue", None)


# --- sluice config import litellm

LITELLM = """\
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      rpm: 100
  - model_name: gpt-4o
    litellm_params: {model: azure/dep, api_base: "https://res1.openai.azure.com/", api_key: os.environ/AZURE_KEY, api_version: "2024-10-21"}
  - model_name: fast
    litellm_params: {model: groq/llama-3.1-8b-instant, api_key: gsk-1, weight: 3}
  - model_name: fast
    litellm_params: {model: groq/llama-3.1-8b-instant, api_key: gsk-2}
  - model_name: local
    litellm_params: {model: hosted_vllm/qwen, api_base: "http://localhost:8000/v1"}
  - model_name: odd
    litellm_params: {model: nobody/knows}
litellm_settings:
  drop_params: true
  cache: true
router_settings:
  routing_strategy: simple-shuffle
  fallbacks: [{fast: [gpt-4o]}]
  model_group_alias: {gpt-4: gpt-4o}
  timeout: 30
general_settings:
  master_key: os.environ/MASTER_KEY
"""


def test_import_of_litellm_carries_what_it_can_and_names_the_rest(home):
    (home.home / "config.yaml").write_text(LITELLM)
    run = home.command("config", "import", "litellm", "config.yaml", "--out", "sluice.yaml")
    assert run.returncode == 1, "something could not be carried"
    left = [line.removeprefix("not carried: ") for line in run.stderr.splitlines() if line.startswith("not carried: ")]
    assert [line.rsplit(": ", 1)[0].split(": '")[0] for line in left] == [
        "config.yaml:6: model_list.0.litellm_params.rpm", "config.yaml:16: model_list.5.litellm_params.model",
        "config.yaml:19: litellm_settings.cache", "config.yaml:21: router_settings.routing_strategy"], run.stderr
    home.environment |= {"OPENAI_API_KEY": "sk-o", "AZURE_KEY": "az", "MASTER_KEY": "sk-master-0123456789abcdef"}
    assert home.command("config", "check").returncode == 0
    settings = {one["name"]: one["value"] for one in json.loads(home.command("config", "show", "--json").stdout)}
    assert settings["models.fast.routes.0.provider"] == "groq" and settings["models.fast.routes.1.provider"] == "openai"
    written = (home.home / "sluice.yaml").read_text()  # whoever reads it learns where another model begins to answer
    assert written.count("another model answers") == 1
    before, after = written.split("another model answers")
    assert before.count("provider: groq") == 1 and "provider: openai" in after
    assert settings["models.gpt-4.routes.1.model"] == "dep" and settings["limits.request_timeout"] == "30s"
    assert settings["providers.groq.api_keys.0.weight"] == "3" and settings["providers.azure-openai.variables.resource"] == "res1"
    rows = listed(home)
    assert {name for name, row in rows.items() if row["status"] == "on"} == {"openai", "azure-openai", "groq", "own-localhost"}


def test_import_of_all_that_it_is_given_succeeds(home):
    (home.home / "c.yaml").write_text("model_list:\n- model_name: m\n  litellm_params: {model: groq/x, api_key: k}\n")
    run = home.command("config", "import", "litellm", "c.yaml")
    assert run.returncode == 0 and 'api_key: "k"' in run.stdout, run


@pytest.mark.parametrize("arguments,status", [
    (["litellm", "missing.yaml"], 1), (["portkey", "c.yaml"], 2), (["litellm"], 2), (["litellm", "empty.yaml"], 1)])
def test_import_fails_with_a_reason(home, arguments, status):
    (home.home / "empty.yaml").write_text("a: 1\n")
    run = home.command("config", "import", *arguments)
    assert run.returncode == status and run.stderr and not run.stdout, run


# --- sluice providers refresh

LIST = {"object": "list", "data": [
    {"id": "gpt-4o", "context_length": 128000, "pricing": {"input": 2.4, "output": 9.5}},
    {"id": "gpt-99", "context_length": 99, "pricing": {"input": 0.5, "output": 1}},
    {"id": "o3", "pricing": {"input": 0.0001, "output": 0.0001}},
    {"id": "nothing-said"}, "rubbish"]}


def listing(exchange):
    if exchange.request.target.endswith("/models"):
        exchange.answer(LIST)
    else:
        exchange.answer(REPLY)


def offered(hub, model, provider="openai"):
    row = hub.ask("GET", f"/v1/models/{model}").json
    return {one["provider"]: one for one in row["providers"]}[provider]


def test_refresh_keeps_what_a_provider_says_of_its_prices():
    with up.Upstream(listing) as upstream, contextlib.closing(hubs.Home()) as home:
        configure(home, {"openai": {"api_key": "sk-1", "base_url": upstream.origin}})
        run = home.command("providers", "refresh", "--json")
        assert run.returncode == 0, run
        assert json.loads(run.stdout) == [{"provider": "openai", "good": True, "error": "", "offers": 4, "priced": 3,
                                           "doubted": 1, "passed_over": 1}]
        assert [request.target.split("/")[-1] for request in upstream.requests] == ["models"]
        with open(f"{home.environment['SLUICE_HOME']}/prices/openai/openai.json", encoding="utf-8") as file:
            assert json.load(file)["provider"] == "openai"
        assert home.command("providers", "refresh", "opena").returncode == 1
        configure(home, {"openai": {"api_key": "sk-1", "base_url": upstream.origin}}, local_only=True)
        asked = upstream.connections
        refused = home.command("providers", "refresh")
        assert refused.returncode == 1 and "local only" in refused.stderr
        assert upstream.connections == asked


def test_serve_fetches_prices_only_where_it_is_told_to():
    with up.Upstream(listing) as upstream:
        with hubs.Hub({}, {"openai": upstream}) as hub:
            before = offered(hub, "gpt-4o")
            assert before["pricing"]["input"] == 2.5 and before["price"]["age_days"] >= 0
        assert upstream.connections == 0
        with hubs.Hub({"price_refresh": "1h"}, {"openai": upstream}) as hub:
            hub.wait(lambda: hub.ask("GET", "/v1/models/gpt-99").status == 200, "the fetched list in use", timeout=20)
            now = offered(hub, "gpt-4o")
            assert now["pricing"]["input"] == 2.4 and now["pricing"]["output"] == 9.5
            assert now["price"]["source"] == "openai: list of models" and now["price"]["age_days"] == 0
            assert offered(hub, "gpt-99")["context_length"] == 99
            assert "leap" in offered(hub, "o3")["price"]["doubt"]
            assert "price" not in offered(hub, "nothing-said")
            assert hub.chat("gpt-99").status == 200
        assert sum(request.target.endswith("/models") for request in upstream.requests) == 1


def test_prices_that_cannot_be_read_are_named_and_left_out():
    with up.Upstream(listing) as upstream:
        hub = hubs.Hub({}, {"openai": upstream})
        home = hub.environment["SLUICE_HOME"]
        os.makedirs(f"{home}/prices/openai")
        with open(f"{home}/prices/openai/openai.json", "w", encoding="utf-8") as file:
            file.write('{"provider": "openai", "offers": [{"id": "gpt-4o", "modell": "x"}]}')
        with hub:
            assert "prices not read" in hub.stdout and "unknown key 'modell'" in hub.stdout
            assert offered(hub, "gpt-4o")["pricing"]["input"] == 2.5
