"""A model of the operator's own: its candidates, its policy, and who may stand in for it; what cannot be meant is refused."""
import json

import pytest

from harness import hub as hubs, upstream as up

PRICE = {"price": {"input": 1, "output": 2}}
DEAR = {"price": {"input": 10, "output": 20}}
WISH = {"sort": "price"}
# A model of another name, so that an answer shows who gave it.
FAILING = up.answering({"error": {"message": "broken", "type": "server_error"}}, 500)


def chat_of(model):
    return up.answering({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
                         "choices": [{"index": 0, "message": {"role": "assistant", "content": f"I am {model}"},
                                      "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}})


@pytest.fixture
def upstreams():
    with up.Upstream(chat_of("big")) as openai, up.Upstream(chat_of("big")) as groq, \
            up.Upstream(chat_of("small")) as together:
        yield {"openai": openai, "groq": groq, "together": together}


def config(**more):
    return {"models": {
        "house": {"routes": [{"provider": "openai", "model": "big", **DEAR}, {"provider": "groq", "model": "big", **PRICE}],
                  "wishes": WISH},
        "small": {"routes": [{"provider": "together", "model": "small", **PRICE}]},
        "alone": {"routes": [{"provider": "openai", "model": "big", **DEAR}]},
    }, **more}


def explained(hub, answer):
    ask = lambda: hub.ask("GET", f"/admin/generations/{answer.header('x-request-id')}")
    hub.wait(lambda: ask().status == 200, "the record")  # made when the answer's last byte is out
    return json.loads(ask().body)["data"]


def test_a_named_route_has_its_own_candidates_and_policy(upstreams):
    with hubs.Hub(config(), upstreams, models=()) as hub:
        for _ in range(3):  # the order written says openai, its own policy says the cheaper one
            answer = hub.chat("house")
            assert (answer.status, answer.header("x-inference-provider")) == (200, "groq"), answer
            assert json.loads(answer.body)["model"] == "big"
        assert upstreams["openai"].requests == [] and upstreams["together"].requests == []
        assert upstreams["groq"].requests[0].json["model"] == "big"
        # The caller's own word goes before the name's.
        assert hub.chat("house", provider={"order": ["openai"]}).header("x-inference-provider") == "openai"
        assert "house" in [row["id"] for row in json.loads(hub.ask("GET", "/v1/models").body)["data"]]
        told = explained(hub, answer)["explanation"]
        assert told["decision"]["policy"] == "cheapest"
        assert [one["provider"] for one in told["decision"]["candidates"]] == ["groq", "openai"]


def test_nobody_stands_in_unless_named(upstreams):
    upstreams["openai"].script = upstreams["groq"].script = FAILING
    with hubs.Hub(config(), upstreams, models=("reciter",)) as hub:
        answer = hub.chat("house")
        assert answer.status in (500, 502, 503), answer
        assert answer.header("x-sluice-substituted") is None
        assert answer.header("x-should-retry") == "false"
        assert "openai" in answer.error["message"] and "groq" in answer.error["message"]
        assert (upstreams["together"].connections, upstreams["together"].requests) == (0, [])


def test_whoever_the_caller_named_says_so_everywhere(upstreams):
    upstreams["openai"].script = FAILING
    with hubs.Hub(config(), upstreams, models=()) as hub:
        answer = hub.chat("alone", models=["small"])
        assert answer.status == 200, answer
        assert answer.header("x-sluice-substituted") == "small"
        assert json.loads(answer.body)["model"] == "small"
        assert answer.header("x-inference-provider") == "together"
        told = explained(hub, answer)
        assert told["model_asked"] == "alone" and told["attempts"][-1]["model"] == "small"
        assert told["explanation"]["substituted"] is True and told["explanation"]["asked_model"] == "alone"
        lines = lambda: [line for line in hub.log if line.get("request_id") == answer.header("x-request-id")]
        hub.wait(lines, "the line of the log")  # written when the request's last byte is out
        assert (lines()[0]["model"], lines()[0]["substituted_for"]) == ("small", "alone"), lines()
        assert hub.chat("alone:openai", models=["small"]).status == 400  # a pin has no second


def test_the_last_resort_is_the_operators(upstreams):
    upstreams["openai"].script = upstreams["groq"].script = FAILING
    with hubs.Hub(config(last_resort="small"), upstreams, models=()) as hub:
        answer = hub.chat("house")
        assert (answer.status, answer.header("x-sluice-substituted")) == (200, "small"), answer
        assert json.loads(answer.body)["model"] == "small"
        assert explained(hub, answer)["explanation"]["substituted"] is True
        upstreams["together"].forget()
        assert hub.chat("house:openai").status >= 400
        assert upstreams["together"].connections == 0


def test_a_promise_binds_whoever_stands_in_as_well(upstreams):
    """Of `together` the operator says that it keeps content: under zdr it sees nothing, as last resort neither."""
    upstreams["openai"].script = FAILING
    known = {"providers": {"together": {"api_key": "sk-x", "base_url": upstreams["together"].origin,
                                        "data_policy": {"retains": True, "trains": True}},
                           "openai": {"api_key": "sk-x", "base_url": upstreams["openai"].origin,
                                      "data_policy": {"retains": False, "trains": False}}}}
    with hubs.Hub(config(last_resort="small", **known), {}, models=()) as hub:
        for wish in ({"zdr": True}, {"data_collection": "deny"}):
            answer = hub.chat("alone", provider=wish)
            assert answer.status >= 400, answer
            assert (upstreams["together"].connections, upstreams["together"].requests) == (0, [])
        assert len(upstreams["openai"].requests) >= 2  # who keeps nothing was asked
        assert hub.chat("alone").status == 200


REFUSED = {  # name -> (fields of the request, status, what the refusal must say)
    "contradiction of only and ignore": ({"provider": {"only": ["groq"], "ignore": ["groq"]}}, 400, ["groq"]),
    "two policies": ({"model": "house:cheapest", "provider": {"sort": "throughput"}}, 400, ["sort"]),
    "unknown provider": ({"provider": {"order": ["grok"]}}, 400, ["grok", "groq"]),
    "unknown field": ({"provider": {"ordr": ["groq"]}}, 400, ["ordr", "order"]),
    "unknown sort": ({"provider": {"sort": "prise"}}, 400, ["prise", "price"]),
    "negative deadline": ({"deadline_ms": -1}, 400, ["deadline_ms"]),
    "absurd deadline": ({"deadline_ms": 1e300}, 400, ["deadline_ms"]),
    "negative cost": ({"max_cost_usd": -0.01}, 400, ["max_cost_usd"]),
    "cost that is no number": ({"max_cost_usd": "much"}, 400, ["max_cost_usd"]),
    "weights of nothing": ({"weights": {"cost": 0}}, 400, ["weights"]),
    "absurd quantile": ({"hedge": {"quantile": 7}}, 400, ["hedge"]),
    "impossible price": ({"provider": {"max_price": {"completion": 0.000001}}}, 402,
                         ["openai/big", "groq/big", "max_price", "0.000001"]),
    "impossible cost": ({"max_cost_usd": 0.0000001, "max_tokens": 9}, 402, ["max_cost", "0.0000001"]),
    "impossible promise": ({"provider": {"zdr": True, "only": ["openai"]}}, 403, ["zdr", "openai/big", "groq/big"]),
    "impossible region": ({"provider": {"regions": ["eu"]}}, 403, ["region"]),
}


@pytest.fixture(scope="module")
def hub():
    with up.Upstream() as openai, up.Upstream() as groq:
        with hubs.Hub(config(), {"openai": openai, "groq": groq}, models=()) as hub:
            hub.upstreams = (openai, groq)
            yield hub


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_and_says_why(hub, name):
    fields, status, words = REFUSED[name]
    answer = hub.chat(**{"model": "house", **fields})
    assert answer.status == status, answer
    for word in words:
        assert word in answer.error["message"], (word, answer.error)
    assert "e-0" not in answer.error["message"], answer.error
    assert all(upstream.requests == [] for upstream in hub.upstreams), "somebody was asked"


def test_a_key_may_wish_for_a_provider_of_the_operators_own():
    own = {"providers": {"cellar": {"api_key": "k", "base_url": "http://127.0.0.1:1", "dialect": "openai"}}}
    home = hubs.Hub(own, models=())  # never started: the command reads the file by itself
    try:
        made = home.command("keys", "create", "--wishes", json.dumps({"order": ["cellar"]}), "--json")
        assert made.returncode == 0, made
        assert json.loads(made.stdout)["wishes"] == {"order": ["cellar"]}
        refused = home.command("keys", "create", "--wishes", json.dumps({"order": ["celler"]}))
        assert refused.returncode == 1 and "cellar" in refused.stderr, refused
        assert len(json.loads(home.command("keys", "list", "--json").stdout)) == 1
    finally:
        home.close()
