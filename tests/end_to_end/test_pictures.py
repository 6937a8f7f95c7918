"""Pictures from the command line and over the API, on a tiny checkpoint of the true architecture (tests/golden/smolvlm)."""
import base64
import json
import os
import pathlib
import urllib.error
import urllib.request

import pytest

from harness import hub as hubs

GOLDEN = pathlib.Path(os.environ["SLUICE_SOURCE"]) / "tests" / "golden" / "smolvlm" / "llama"
PICTURE = GOLDEN / "picture.png"
QUESTION = "What is the total of 42?"


def golden_ids():
    for line in (GOLDEN / "seams.txt").read_text().splitlines():
        if line.startswith("ids "):
            return [int(word) for word in line.split()[1:]]
    raise AssertionError("no ids")


@pytest.fixture(scope="module")
def hub():
    hub = hubs.Hub(models=())
    (hub.models / "eye").mkdir()
    (hub.models / "eye" / "tiny").symlink_to(GOLDEN)
    with hub:
        yield hub


@pytest.fixture(scope="module")
def asked(hub):
    run = hub.command("ask", str(PICTURE), QUESTION, "--max-tokens", "8", "--json")
    assert run.returncode == 0, run
    return json.loads(run.stdout)


def test_ask_answers_about_a_picture(asked):
    assert asked["usage"] == {"prompt_tokens": len(golden_ids()), "image_tokens": 52,
                              "completion_tokens": asked["usage"]["completion_tokens"]}
    assert 1 <= asked["usage"]["completion_tokens"] <= 8
    picture = asked["images"][0]
    assert (picture["width"], picture["height"], picture["rows"], picture["columns"]) == (90, 60, 3, 4)
    assert (picture["tiles_used"], picture["tiles_possible"]) == (13, 13)
    assert set(asked["timings"]) == {"load_ms", "decode_ms", "preprocess_ms", "tower_ms", "prefill_ms", "generate_ms"}


def content(detail="auto", url=None):
    url = url or "data:image/png;base64," + base64.b64encode(PICTURE.read_bytes()).decode()
    return [{"type": "image_url", "image_url": {"url": url, "detail": detail}}, {"type": "text", "text": QUESTION}]


def chat(hub, content, **more):
    return hub.ask("POST", "/v1/chat/completions", {"model": "eye/tiny", "temperature": 0, "max_tokens": 8,
                                                    "messages": [{"role": "user", "content": content}], **more})


def test_the_api_gives_the_same_answer(hub, asked):
    reply = chat(hub, content())
    assert reply.status == 200, reply.body
    answer = json.loads(reply.body)
    assert answer["choices"][0]["message"]["content"] == asked["text"]
    assert answer["usage"]["prompt_tokens"] == asked["usage"]["prompt_tokens"]


def form(hub, key=True, **fields):
    """As `curl -F image=@picture.png -F model=... -F prompt=...` sends it; (status, body)."""
    parts = [f'--edge\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]
    parts.append(b'--edge\r\ncontent-disposition: form-data; name="image"; filename="p.png"\r\n'
                 b"content-type: application/octet-stream\r\n\r\n" + PICTURE.read_bytes() + b"\r\n--edge--\r\n")
    request = urllib.request.Request(hub.url + "/v1/chat/completions", b"".join(parts),
                                     {"content-type": "multipart/form-data; boundary=edge",
                                      **({"authorization": f"Bearer {hub.key}"} if key else {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def test_a_form_with_a_file_gives_the_same_answer(hub, asked):
    status, answer = form(hub, model="eye/tiny", prompt=QUESTION, temperature=0, max_tokens=8)
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"] == asked["text"]
    assert answer["usage"]["prompt_tokens"] == asked["usage"]["prompt_tokens"]
    status, answer = form(hub, model="eye/tiny", prompt=QUESTION, tools="[]")
    assert status == 400 and answer["error"]["param"] == "tools"
    assert form(hub, key=False, model="eye/tiny", prompt=QUESTION)[0] == 401


def test_low_detail_is_one_frame(hub):
    reply = chat(hub, content("low"))
    assert reply.status == 200, reply.body
    assert json.loads(reply.body)["usage"]["prompt_tokens"] < 60


@pytest.mark.parametrize("url", ["https://example.com/a.png", "data:image/png;base64,AAAA", "data:image/png;base64,!",
                                 "data:image/png;base64," + base64.b64encode(PICTURE.read_bytes()[:300]).decode()])
def test_what_is_no_picture_is_a_clear_refusal(hub, url):
    reply = chat(hub, content(url=url))
    assert 400 <= reply.status < 500, reply.body
    assert "messages.0.content.0" in json.loads(reply.body)["error"]["message"]


def test_caption_goes_on_after_a_bad_file(hub, tmp_path):
    (tmp_path / "a.png").write_bytes(PICTURE.read_bytes())
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "c.png").write_bytes(PICTURE.read_bytes())
    run = hub.command("caption", str(tmp_path), "--json", "--max-tokens", "2", "--tiles", "1")
    assert run.returncode == 1 and "b.png" in run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [pathlib.Path(line["file"]).name for line in lines] == ["a.png", "c.png"]
    assert lines[0]["text"] == lines[1]["text"] and lines[0]["tiles_used"] == 1


@pytest.fixture
def folder(tmp_path):
    """Three pictures, one of them below another folder, a broken one and something else."""
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "b.PNG", "sub/c.png"):
        (tmp_path / name).write_bytes(PICTURE.read_bytes())
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    return tmp_path


def test_ask_with_a_folder_answers_about_each_picture(hub, folder, asked):
    run = hub.command("ask", str(folder), QUESTION, "--json", "--max-tokens", "8")
    assert run.returncode == 1 and "broken.png" in run.stderr and "4 of 4 pictures" in run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [pathlib.Path(line["file"]).name for line in lines] == ["a.png", "b.PNG", "c.png"]
    assert {line["text"] for line in lines} == {asked["text"].strip()}
    assert all(line["timings"]["tower_ms"] > 0 for line in lines)


def test_run_attaches_the_pictures_among_its_words(hub, asked):
    run = hub.command("run", "eye/tiny", str(PICTURE), QUESTION, "--max-tokens", "8", "--temperature", "0", "--json")
    assert run.returncode == 0, run
    answer = json.loads(run.stdout)
    assert answer["text"] == asked["text"] and answer["usage"]["prompt_tokens"] == asked["usage"]["prompt_tokens"]
    run = hub.command("run", "eye/tiny", "./no-such.png", QUESTION)
    assert run.returncode == 1 and "./no-such.png: no such picture" in run.stderr
    run = hub.command("run", "eye/tiny", "What", "is", "a.png?", "--max-tokens", "1")
    assert run.returncode == 0, run


def test_show_prints_what_the_processor_does(hub):
    run = hub.command("show", "eye/tiny", "--processor", str(PICTURE))
    assert run.returncode == 0, run
    shown = json.loads(run.stdout)
    # Up to the closing marker of the picture; the question follows in one, the end of the turn in the other.
    expansion = shown["input_ids"][:-2]
    assert golden_ids()[:len(expansion)] == expansion and expansion.count(shown["input_ids"][5]) >= 52
    assert shown["grid"] == [128, 96] and shown["image_tokens"] == 52


def test_show_predicts_memory_for_both_halves(hub):
    shown = json.loads(hub.command("show", "eye/tiny", "--json").stdout)
    assert shown["vision"]["tokens_per_frame"] == 4
    assert shown["memory"]["vision_weights_bytes"] > 50_000


@pytest.mark.parametrize("arguments", [["ask"], ["ask", "question only"], ["ask", "a.png", "Q", "--tiles", "9"], ["caption"]])
def test_wrong_usage(hub, arguments):
    assert hub.command(*arguments).returncode == 2
