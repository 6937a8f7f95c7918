"""The cap on a day's spending, by the real binary: refused before anything leaves, and not forgotten over a restart."""
import json
import signal
import threading
import time

import pytest

from harness import hub as hubs, upstream as up

WORST_USD = 0.00025  # of one request below: some 150 bytes of prompt at 1 USD a million, 50 tokens of answer at 2


@pytest.fixture(autouse=True)
def one_day():
    """A day (UTC) that ends meanwhile would be another day's spending."""
    left = 86400 - time.time() % 86400
    if left < 60:
        time.sleep(left)


def config(cap, **more):
    return {"max_spend_usd_per_day": cap,
            "models": {"paid": {"routes": [{"provider": "openai", "model": "x", "price": {"input": 1, "output": 2}}]}},
            **more}


def spend_line(hub):
    return [line for line in hub.stdout.splitlines() if line.startswith("spending: ")][-1]


def ask(hub):
    return hub.chat("paid", max_tokens=50)


def ask_settled(hub):
    """What came before is settled: a client has its answer a moment earlier."""
    hub.wait(lambda: hub.metric("sluice_spend_reserved_usd") == 0, "settled")
    return ask(hub)


def test_a_day_goes_on_after_a_restart(openai):
    with hubs.Hub(config(4 * WORST_USD), {"openai": openai}, models=()) as hub:
        assert "0.000000 spent today" in spend_line(hub)
        answered = 0
        while (answer := ask_settled(hub)).status == 200:
            answered += 1
            assert answered < 200
        assert answer.status == 402, answer
        assert "max_spend_usd_per_day" in answer.body.decode()
        assert len(openai.requests) == answered, "what is refused never leaves"
        assert answered >= 3, "settled at what they took"
        spent = hub.metric("sluice_spent_today_usd")
        assert 0 < spent <= 4 * WORST_USD
        hub.wait(lambda: hub.metric("sluice_records_written_total") == answered, "all written")
        hub.process.send_signal(signal.SIGKILL)
        hub.process.wait()
        hub.start()
        assert f"{spent:.6f} spent today before this start" in spend_line(hub)
        assert hub.metric("sluice_spent_today_usd") == pytest.approx(spent)
        assert ask(hub).status == 402, "the cap did not begin again"
        assert len(openai.requests) == answered
        hub.config["max_spend_usd_per_day"] = 1
        hub.write_config()
        hub.process.send_signal(signal.SIGHUP)
        hub.wait(lambda: ask(hub).status == 200, "the new cap in force")


def test_without_records_it_says_that_it_begins_anew(openai):
    with hubs.Hub(config(1, records={"enabled": False}), {"openai": openai}, models=()) as hub:
        assert "since this start: records are off" in spend_line(hub)
        assert ask(hub).status == 200


def test_at_once_they_cannot_pass_it_together(openai):
    gate = threading.Event()

    def script(exchange):
        gate.wait(up.WAIT_S)
        up.complete(exchange)

    openai.script = script
    with hubs.Hub(config(3 * WORST_USD), {"openai": openai}, models=()) as hub:
        answers = []
        callers = [threading.Thread(target=lambda: answers.append(ask(hub).status)) for _ in range(10)]
        for caller in callers:
            caller.start()
        hub.wait(lambda: len(openai.requests) + len(answers) == 10, "all refused or under way")
        left = len(openai.requests)
        assert 3 <= left <= 5 and set(answers) == {402}
        assert hub.metric("sluice_spend_reserved_usd") <= 3 * WORST_USD
        gate.set()
        for caller in callers:
            caller.join()
        assert sorted(answers) == [200] * left + [402] * (10 - left)
        hub.wait(lambda: hub.metric("sluice_spend_reserved_usd") == 0, "all settled")


def test_zero_asks_no_paid_provider(openai):
    with hubs.Hub(config(0), {"openai": openai}, models=()) as hub:
        assert "no paid provider is asked" in spend_line(hub)
        answer = ask(hub)
        assert answer.status == 402 and json.loads(answer.body)["error"]["message"]
        assert openai.requests == []
