"""`sluice route explain` says beforehand what a request then meets, and nobody is asked for it."""
import json

import pytest

from harness import hub as hubs, upstream as up

CHEAP = {"price": {"input": 0.1, "output": 0.2}}
DEAR = {"price": {"input": 10, "output": 20}}
WISH = {"sort": "price"}
CONFIG = {"models": {
    "house": {"routes": [{"provider": "openai", "model": "big", **DEAR}, {"provider": "groq", "model": "big", **CHEAP}]},
    "thrifty": {"routes": [{"provider": "openai", "model": "big", **DEAR}, {"provider": "groq", "model": "big", **CHEAP}],
                "wishes": WISH},
}}


@pytest.fixture(scope="module")
def hub():
    with up.Upstream() as openai, up.Upstream() as groq:
        with hubs.Hub(CONFIG, {"openai": openai, "groq": groq}, models=()) as hub:
            hub.upstreams = {"openai": openai, "groq": groq}
            yield hub


def explain(hub, *arguments, status=0):
    ran = hub.command("route", "explain", "--server", hub.url, "--json", *arguments)
    assert ran.returncode == status, (ran.returncode, ran.stdout, ran.stderr)
    return json.loads(ran.stdout)


def providers(told):
    return [one["provider"] for one in told["decision"]["candidates"]]


def asked(hub):
    return sum(len(upstream.requests) for upstream in hub.upstreams.values())


def test_it_says_what_then_happens(hub):
    before = asked(hub)
    for model, first in (("house", "openai"), ("house:cheapest", "groq"), ("thrifty", "groq"), ("house:groq", "groq")):
        told = explain(hub, "-m", model)
        assert providers(told)[0] == first, told
        assert told["model_asked"] == model and told["model"] == model.split(":")[0]
        assert told["refusal"] is None and told["figures"]["source"] == "live"
        best = told["decision"]["candidates"][0]
        assert best["expected"]["cost_usd"] > 0 and best["expected"]["cost_worst_usd"] is None  # nothing bounds it
        assert best["expected"]["total_s"] > 0 and best["expected"]["total_deviation_s"] > 0
    assert asked(hub) == before, "explaining asked somebody"
    for model, first in (("house", "openai"), ("house:cheapest", "groq"), ("thrifty", "groq")):
        assert hub.chat(model).header("x-inference-provider") == first
    assert explain(hub, "-m", "house:groq")["pinned"] is True


def test_a_request_file_headers_and_a_key_count(hub):
    request = hub.home / "request.json"
    request.write_text(json.dumps({"model": "house", "messages": [{"role": "user", "content": "x" * 4000}],
                                   "max_tokens": 100, "provider": {"ignore": ["openai"]}}))
    told = explain(hub, "-f", str(request))
    assert providers(told) == ["groq"]
    assert [(one["provider"], one["constraint"]) for one in told["decision"]["excluded"]] == [("openai", "ignore")]
    assert told["input_tokens"]["expected"] > 900
    assert told["decision"]["candidates"][0]["expected"]["cost_worst_usd"] < 0.001
    assert explain(hub, "-f", str(request), "-m", "thrifty")["model"] == "thrifty"
    told = explain(hub, "-m", "house", "-H", "X-Sluice-Order: groq", "-H", "x-sluice-allow-fallbacks: false")
    assert providers(told) == ["groq"]
    made = hub.command("keys", "create", "--name", "ci", "--wishes", json.dumps(WISH))
    assert made.returncode == 0, made.stderr
    told = explain(hub, "-m", "house", "--key", "ci")
    assert providers(told)[0] == "groq" and told["key"].startswith("key-")
    ran = hub.command("route", "explain", "-m", "house", "--key", "cii", "--no-server")
    assert ran.returncode == 1 and "did you mean 'ci'" in ran.stderr, ran


def test_who_is_excluded_and_why_is_said_when_nobody_is_left(hub):
    told = explain(hub, "-m", "house", "-H", "X-Sluice-Zdr: true", status=1)
    assert told["refusal"]["status"] == 403 and told["decision"]["candidates"] == []
    assert {one["constraint"] for one in told["decision"]["excluded"]} == {"zdr"}
    ran = hub.command("route", "explain", "-m", "house", "-H", "X-Sluice-Zdr: true", "--no-server")
    assert ran.returncode == 1
    assert "openai/big" in ran.stdout and "zdr" in ran.stdout and "no route may serve" in ran.stderr, ran
    same = hub.ask("POST", "/v1/chat/completions", {"model": "house", "messages": [{"role": "user", "content": "Hi"}]},
                   [("X-Sluice-Zdr", "true")])
    assert (same.status, same.error["message"]) == (403, told["refusal"]["message"])


def test_mistakes_are_named(hub):
    for arguments, words in ((("-m", "hous"), ["hous", "house"]),
                             (("-m", "house", "-H", "X-Sluice-Order: grok"), ["grok", "groq"]),
                             (("-m", "house", "-H", "nothing"), ["X-Sluice-Name: value"]),
                             (("-m", "house", "-f", "/nowhere.json"), ["/nowhere.json"])):
        ran = hub.command("route", "explain", "--no-server", *arguments)
        assert ran.returncode == 1, ran
        for word in words:
            assert word in ran.stderr, ran
    assert hub.command("route", "explain").returncode == 2
    bad = hub.home / "bad.json"
    bad.write_text("[1,")
    for more in ((), ("-m", "house")):
        assert hub.command("route", "explain", "--no-server", "-f", str(bad), *more).returncode == 1


def test_people_read_a_table_and_learn_where_the_figures_are_from(hub):
    live = hub.command("route", "explain", "-m", "house:cheapest", "--server", hub.url).stdout
    assert f"from {hub.url}" in live and "policy   cheapest" in live, live
    rows = [line.split()[1] for line in live.splitlines() if line[:4].strip().isdigit()]
    assert rows == ["groq/big", "openai/big"], live
    nobody = hub.command("route", "explain", "-m", "house", "--server", f"http://127.0.0.1:{up.refused_port()}")
    assert nobody.returncode == 0 and "figures  none" in nobody.stdout, nobody
    told = json.loads(hub.command("route", "explain", "-m", "house", "--no-server", "--json").stdout)
    assert told["figures"] == {"source": "none", "server": None, "routes": 0, "reason": "none asked for"}
    hub.environment["SLUICE_API_KEY"], kept = "sk-sluice-" + "0" * 40, hub.environment["SLUICE_API_KEY"]
    refused = json.loads(hub.command("route", "explain", "-m", "house", "--server", hub.url, "--json").stdout)
    hub.environment["SLUICE_API_KEY"] = kept
    assert refused["figures"]["source"] == "none" and "SLUICE_API_KEY" in refused["figures"]["reason"]


def test_live_figures_are_the_servers(hub):
    assert hub.chat("house:groq").status == 200
    routes = json.loads(hub.ask("GET", "/admin/routes").body)["data"]
    told = explain(hub, "-m", "house:groq")
    assert told["figures"]["routes"] == len(routes)
    assert told["decision"]["candidates"][0]["health"]["attempts"] > 0.5
