"""What became of a request can be told afterwards, by answer, request or route; after a kill too; and never what it said."""
import json
import signal
import sqlite3
import time

from harness import hub as hubs, upstream as up

SECRET_QUESTION = "quokka-of-the-question"


def explained(hub, id):
    """An attempt ends, and is told of, a moment after its answer's last byte."""
    hub.wait(lambda: hub.ask("GET", f"/admin/generations/{id}").status == 200, f"explained: {id}")
    return json.loads(hub.ask("GET", f"/admin/generations/{id}").body)["data"]


def listed(hub, query=""):
    answer = hub.ask("GET", f"/admin/generations?{query}")
    assert answer.status == 200, answer
    return json.loads(answer.body)


def test_an_answer_is_explained_by_its_id_its_request_and_its_route(openai, groq):
    openai.script = up.answering({"error": {"message": "no", "type": "server_error"}}, 500)
    config = {"models": {"either": {"routes": [{"provider": "openai", "model": "first"}, {"provider": "groq", "model": "second"}]}}}
    with hubs.Hub(config, {"openai": openai, "groq": groq}, models=()) as hub:
        answer = hub.chat("either", SECRET_QUESTION)
        assert answer.status == 200, answer
        for id in (answer.header("x-request-id"), json.loads(answer.body)["id"]):
            told = explained(hub, id)
            assert told["model_asked"] == "either" and told["endpoint"] == "/v1/chat/completions"
            assert [one["attempt"] for one in told["attempts"]] == [1, 2]
            first, second = told["attempts"]
            assert (first["provider"], first["outcome"], first["status"]) == ("openai", "failed", 500)
            assert (second["provider"], second["outcome"], second["status"]) == ("groq", "whole", 200)
            assert second["tokens"]["output"] > 0 and second["reason"] != first["reason"]
        # By route, and page by page.
        route = second["route"]
        assert [row["id"] for row in listed(hub, f"route={route}")["data"]] == [json.loads(answer.body)["id"]]
        page = listed(hub, "limit=1")
        assert page["data"][0]["attempt"] == 2 and page["next"]
        assert listed(hub, f"limit=1&before={page['next']}")["data"][0]["attempt"] == 1
        assert hub.metric("sluice_records_written_total") == 2
        # Another key sees none of it.
        own, made = hub.key, json.loads(hub.command("keys", "create", "other", "--json").stdout)
        hub.key = made["key"]
        hub.wait(lambda: hub.ask("GET", "/v1/models").status == 200, "the new key known", timeout=15)
        assert hub.ask("GET", f"/admin/generations/{answer.header('x-request-id')}").status == 404
        assert listed(hub)["data"] == []
        hub.key = own
        assert hub.ask("GET", "/admin/generations", authorized=False).status == 401


def test_records_outlive_a_kill_and_hold_no_content(openai):
    with hubs.Hub({}, {"openai": openai}, models=()) as hub:
        for _ in range(5):
            answer = hub.chat("gpt-4o:openai", SECRET_QUESTION)
            assert answer.status == 200
        reply = json.loads(answer.body)
        said = reply["choices"][0]["message"]["content"]
        hub.wait(lambda: hub.metric("sluice_records_written_total") == 5, "all written")
        hub.process.send_signal(signal.SIGKILL)
        hub.process.wait()
        file = hub.home / "state" / "records.db"
        assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for part in file.parent.glob("records.db*"):
            bytes_ = part.read_bytes()
            assert SECRET_QUESTION.encode() not in bytes_ and said.encode() not in bytes_, part
            assert hub.key.encode() not in bytes_, part
        hub.start()
        assert explained(hub, reply["id"])["attempts"][0]["outcome"] == "whole"
        assert len(listed(hub)["data"]) == 5


def test_what_waits_is_written_when_it_stops(openai):
    with hubs.Hub({}, {"openai": openai}, models=()) as hub:
        for _ in range(3):
            hub.chat("gpt-4o:openai")
        hub.stop()
        rows = sqlite3.connect(hub.home / "state" / "records.db").execute("SELECT count(*) FROM attempts").fetchone()
        assert rows == (3,)


def test_a_locked_or_damaged_store_fails_no_request(openai):
    with hubs.Hub({}, {"openai": openai}, models=()) as hub:
        assert hub.chat("gpt-4o:openai").status == 200
        hub.wait(lambda: hub.metric("sluice_records_written_total") == 1, "written")
        lock = sqlite3.connect(hub.home / "state" / "records.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        answers = [hub.chat("gpt-4o:openai") for _ in range(10)]
        took = time.monotonic() - began
        assert all(answer.status == 200 for answer in answers)
        # The lock alone is waited for two seconds by whoever writes: no request does.
        assert took < 10
        last = answers[-1].header("x-request-id")
        assert explained(hub, last)["request_id"] == last, "told from memory"
        lock.execute("ROLLBACK")
        hub.wait(lambda: hub.metric("sluice_records_written_total") == 11, "written after all")
        lock.close()
        hub.stop()
        for part in (hub.home / "state").glob("records.db-*"):
            part.unlink()  # the journal alone would heal it
        (hub.home / "state" / "records.db").write_bytes(b"rubbish" * 4096)
        hub.start()
        assert hub.chat("gpt-4o:openai").status == 200
        hub.wait(lambda: hub.metric("sluice_records_store_failing") == 1, "said to fail")


def test_records_may_be_off(openai):
    with hubs.Hub({"records": {"enabled": False}}, {"openai": openai}, models=()) as hub:
        assert hub.chat("gpt-4o:openai").status == 200
        assert hub.ask("GET", "/admin/generations").status == 404
        assert not (hub.home / "state" / "records.db").exists()
