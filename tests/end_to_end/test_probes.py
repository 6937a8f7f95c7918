"""Probes by the real binary: off unless models are named; one question a route; within their cap; seen where routes are."""
import json
import time

import pytest

from harness import hub as hubs, upstream as up


def config(probes, price=None):
    route = {"price": price} if price else {}
    return {"models": {"either": {"routes": [{"provider": "openai", "model": "first", **route},
                                             {"provider": "groq", "model": "second", **route}]}},
            **({"probes": probes} if probes is not None else {})}


def rows(hub):
    return {row["provider"]: row for row in json.loads(hub.ask("GET", "/admin/routes").body)["data"]}


def test_routes_that_nobody_asks_are_asked_now_and_then(openai, groq):
    openai.script = groq.script = lambda exchange: answer(exchange)
    with hubs.Hub(config({"models": ["either"], "every": "2s"}), {"openai": openai, "groq": groq}, models=()) as hub:
        assert any(line.startswith("probes: the routes of either") for line in hub.stdout.splitlines())
        openai.wait_requests(2)
        groq.wait_requests(2)
        for upstream, model in ((openai, "first"), (groq, "second")):
            asked = upstream.requests[0].json
            assert asked["model"] == model and asked["max_tokens"] == 16
            assert [message["content"] for message in asked["messages"]] == ["Reply with the word OK."]
        hub.wait(lambda: rows(hub).get("openai", {}).get("probes_total", 0) >= 2, "the second probe known")
        seen = rows(hub)["openai"]
        assert seen["attempts_total"] == seen["probes_total"] == seen["outcomes"]["whole"]
        assert seen["first_token_s"]["weight"] > 0
        assert hub.metric("sluice_probes_total", provider="openai", outcome="whole") >= 2
        assert hub.metric("sluice_route_probes_total", provider="groq") >= 1


def answer(exchange):
    """As up.complete, streams included."""
    exchange.begin_stream()
    for event in up.stream_events(exchange.request):
        exchange.send_chunk(event)
    exchange.end_stream()


def test_their_cap_ends_them_and_a_restart_does_not_renew_it(openai, groq):
    openai.script = groq.script = answer
    # Each takes 11 tokens in and 5 out: 511 micro-dollars, of a worst case of some 1,750.
    probes = {"models": ["either"], "every": "1s", "max_usd_per_day": 0.0042}
    with hubs.Hub(config(probes, {"input": 1, "output": 100}), {"openai": openai, "groq": groq}, models=()) as hub:
        def spent():
            return hub.metric("sluice_spent_today_usd")

        hub.wait(lambda: spent() > 0.0015, "some money spent")
        last = len(openai.requests) + len(groq.requests)
        while True:
            time.sleep(2.5)
            now = len(openai.requests) + len(groq.requests)
            if now == last:
                break
            last = now
        assert 0.0015 < spent() <= 0.0042
        assert hub.metric("sluice_spend_reserved_usd") == 0
        before = spent()
        hub.wait(lambda: hub.metric("sluice_records_written_total") >= last, "all written")
        hub.stop()
        hub.start()
        time.sleep(2.2)
        assert len(openai.requests) + len(groq.requests) == last, "the cap did not begin again"
        assert spent() == pytest.approx(before)


@pytest.mark.parametrize("probes", [None, {"every": "1s"}, {"models": ["either"], "every": "1s", "max_usd_per_day": 0}])
def test_nothing_is_sent_that_nobody_switched_on(openai, groq, probes):
    price = {"input": 10, "output": 20}
    with hubs.Hub(config(probes, price), {"openai": openai, "groq": groq}, models=()) as hub:
        time.sleep(2.2)
        assert openai.requests == groq.requests == []
        assert rows(hub) == {}


def test_a_pace_that_would_be_a_load_is_refused(openai):
    with hubs.Hub({}, {"openai": openai}, models=()) as hub:
        hub.config["probes"] = {"models": ["gpt-4o"], "every": "10ms"}
        hub.write_config()
        refused = hub.command("serve", "--config", str(hub.config_file), "--port", "0")
        assert refused.returncode == 1 and "probes.every: expected at least 1 s, found 10 ms" in refused.stderr
