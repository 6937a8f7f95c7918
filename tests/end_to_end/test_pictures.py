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


BASE64 = base64.b64encode(PICTURE.read_bytes()).decode()
URL = "data:image/png;base64," + BASE64


def content(detail="auto", url=URL):
    return [{"type": "image_url", "image_url": {"url": url, "detail": detail}}, {"type": "text", "text": QUESTION}]


def chat(hub, content, **more):
    return hub.ask("POST", "/v1/chat/completions", {"model": "eye/tiny", "temperature": 0, "max_tokens": 8,
                                                    "messages": [{"role": "user", "content": content}], **more})


def read_json(reply):
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def last_data(reply, kind=None):
    """The last event's object of a stream, of a kind if one is named."""
    assert reply.status == 200, reply.body
    found = [json.loads(line[6:]) for line in reply.body.decode().splitlines() if line.startswith("data: {")]
    return [event for event in found if kind in (None, event.get("type"))][-1]


TURN = {"role": "user", "content": content()}
RESPONSES_PARTS = [{"type": "input_image", "image_url": URL, "detail": "auto"}, {"type": "input_text", "text": QUESTION}]
ANTHROPIC_PARTS = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
                   {"type": "text", "text": QUESTION}]
OLLAMA = {"model": "eye/tiny", "options": {"temperature": 0, "num_predict": 8}}
# Front: path, body, and what of a whole answer and of a stream's end holds text, usage, input tokens, image tokens.
FRONTS = {
    "openai": ("/v1/chat/completions", {"model": "eye/tiny", "temperature": 0, "max_tokens": 8, "messages": [TURN]}),
    "responses": ("/v1/responses", {"model": "eye/tiny", "temperature": 0, "max_output_tokens": 8, "store": False,
                                    "input": [{"role": "user", "content": RESPONSES_PARTS}]}),
    "anthropic": ("/v1/messages", {"model": "eye/tiny", "temperature": 0, "max_tokens": 8,
                                   "messages": [{"role": "user", "content": ANTHROPIC_PARTS}]}),
    "ollama chat": ("/api/chat", {**OLLAMA, "stream": False,
                                  "messages": [{"role": "user", "content": QUESTION, "images": [BASE64]}]}),
    "ollama generate": ("/api/generate", {**OLLAMA, "stream": False, "prompt": QUESTION, "images": [BASE64]}),
}


def told_by(front, answer):
    """(text, input tokens, image tokens where the front has a place for them, usage.sluice)."""
    if front == "openai":
        usage = answer["usage"]
        return (answer["choices"][0]["message"]["content"], usage["prompt_tokens"], usage["prompt_tokens_details"]["image_tokens"],
                usage["sluice"])
    if front == "responses":
        usage = answer["usage"]
        text = "".join(part["text"] for item in answer["output"] for part in item["content"])
        return text, usage["input_tokens"], usage["input_tokens_details"]["image_tokens"], usage["sluice"]
    if front == "anthropic":
        return answer["content"][0]["text"], answer["usage"]["input_tokens"], None, answer["usage"]["sluice"]
    text = answer["message"]["content"] if front == "ollama chat" else answer["response"]
    return text, answer["prompt_eval_count"], None, answer["sluice"]


SEEN = {"image_tokens": 52, "tiles_used": 13, "tiles_possible": 13,
        "images": [{"width": 90, "height": 60, "tiles_used": 13, "tiles_possible": 13}]}


@pytest.mark.parametrize("front", FRONTS)
def test_every_front_gives_the_same_answer(hub, asked, front):
    path, body = FRONTS[front]
    text, tokens, image_tokens, sluice = told_by(front, read_json(hub.ask("POST", path, body)))
    assert text == asked["text"]
    assert tokens == asked["usage"]["prompt_tokens"]
    assert image_tokens in (None, 52)
    assert sluice == SEEN


def test_streams_end_with_the_same_usage(hub):
    path, body = FRONTS["openai"]
    chunk = last_data(hub.ask("POST", path, {**body, "stream": True, "stream_options": {"include_usage": True}}))
    assert chunk["usage"]["sluice"] == SEEN and chunk["usage"]["prompt_tokens_details"]["image_tokens"] == 52
    path, body = FRONTS["responses"]
    done = last_data(hub.ask("POST", path, {**body, "stream": True}))
    assert done["response"]["usage"]["sluice"] == SEEN
    path, body = FRONTS["anthropic"]
    assert last_data(hub.ask("POST", path, {**body, "stream": True}), "message_delta")["usage"]["sluice"] == SEEN
    path, body = FRONTS["ollama chat"]
    reply = hub.ask("POST", path, {**body, "stream": True})
    assert json.loads(reply.body.splitlines()[-1])["sluice"] == SEEN


def test_text_alone_has_nothing_of_pictures(hub):
    usage = read_json(chat(hub, QUESTION))["usage"]
    assert "sluice" not in usage and "image_tokens" not in usage["prompt_tokens_details"]


def test_the_same_seed_draws_the_same_answer_and_tells_how_likely_it_was(hub):
    def draw(seed):
        answer = read_json(chat(hub, content(), temperature=1.5, seed=seed, logprobs=True, top_logprobs=2, max_tokens=12))
        tokens = answer["choices"][0]["logprobs"]["content"]
        assert all(len(token["top_logprobs"]) == 2 and token["logprob"] <= 0 for token in tokens)
        return answer["choices"][0]["message"]["content"], [token["logprob"] for token in tokens]
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_a_picture_behind_the_text_is_warned_of(hub):
    usage = read_json(chat(hub, list(reversed(content()))))["usage"]
    assert usage["sluice"]["warnings"] == ["messages.0: a picture stands after text; this model was trained with pictures first, "
                                           "and answers better so"]
    hub.wait(lambda: any(line.get("model") == "eye/tiny" and "after text" in line.get("warning", "") for line in hub.log), "logged")


def test_several_pictures_and_turns_are_all_read(hub):
    picture = content("low")[0]
    messages = [{"role": "user", "content": [picture, picture, {"type": "text", "text": "Alike?"}]},
                {"role": "assistant", "content": "Yes."},
                {"role": "user", "content": [content()[0], {"type": "text", "text": "And this?"}]}]
    usage = read_json(hub.ask("POST", "/v1/chat/completions", {"model": "eye/tiny", "temperature": 0, "max_tokens": 4,
                                                               "messages": messages}))["usage"]
    assert [image["tiles_used"] for image in usage["sluice"]["images"]] == [1, 1, 13]
    assert usage["prompt_tokens_details"]["image_tokens"] == 15 * 4
    first = read_json(chat(hub, messages[0]["content"]))["usage"]
    assert first["sluice"]["image_tokens"] == 8 and first["prompt_tokens"] < usage["prompt_tokens"]


def test_too_many_pictures_are_told_with_the_numbers(hub):
    parts = [content()[0]] * 9 + [{"type": "text", "text": QUESTION}]
    reply = chat(hub, parts)
    assert reply.status == 400, reply.body
    error = json.loads(reply.body)["error"]
    assert error["code"] == "context_length_exceeded"
    assert "468 of them for pictures" in error["message"] and "the context is 512" in error["message"]


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
    repaired = hub.command("caption", str(tmp_path / "a.png"), "--json", "--max-tokens", "2", "--tiles", "1", "--repair", "deskew,light")
    told = json.loads(repaired.stdout)
    assert (told["tiles"], told["repair"], told["tiles_used"]) == ("1", "deskew,light", 1)
    automatic = json.loads(hub.command("caption", str(tmp_path / "a.png"), "--json", "--max-tokens", "2", "--tiles", "auto").stdout)
    assert (automatic["tiles"], automatic["repair"], automatic["tiles_used"]) == ("auto", "none", 7)


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


@pytest.mark.parametrize("arguments", [["ask"], ["ask", "question only"], ["ask", "a.png", "Q", "--tiles", "9"],
                                       ["ask", "a.png", "Q", "--repair", "straight"],
                                       ["ask", "a.png", "Q", "--video", "25", "--repair", "light"], ["caption"]])
def test_wrong_usage(hub, arguments):
    assert hub.command(*arguments).returncode == 2


def test_selftest_tells_right_from_wrong_and_draws_the_same_for_a_seed(hub):
    run = hub.command("selftest", "eye/tiny", "--seed", "7", "--json", "--tiles", "1", "--max-tokens", "4")
    assert run.returncode == 0, run
    told = json.loads(run.stdout)
    assert told["seed"] == 7 and told["questions"] == len(told["answers"]) == 24
    assert told["right"] == sum(answer["right"] for answer in told["answers"]) == sum(told["right_of_kind"].values())
    # Random weights read nothing: whoever is shown more right than a lucky guess is judged by a broken judge.
    assert told["right"] <= 6
    again = hub.command("selftest", "eye/tiny", "--seed", "7", "--tiles", "1", "--max-tokens", "4")
    assert again.stdout.count("expected") == 24 and again.stdout.rstrip().endswith("seed 7")
    assert [answer["expected"] for answer in told["answers"]] == [
        line.split("expected ")[1].split()[0] for line in again.stdout.splitlines()[:24]]


def test_a_list_of_pictures_is_read_as_a_video(hub, tmp_path):
    frames = []
    for i in range(6):
        frames.append(str(tmp_path / f"{i}.png"))
        (tmp_path / f"{i}.png").write_bytes(PICTURE.read_bytes())
    # Three seconds of two frames each: three are read, and one that is broken is not among them.
    (tmp_path / "1.png").write_bytes(b"no picture")
    run = hub.command("ask", *frames, "What happens?", "--video", "2", "--max-tokens", "2", "--json", "-m", "eye/tiny")
    assert run.returncode == 0, run
    told = json.loads(run.stdout)
    assert [image["tiles_used"] for image in told["images"]] == [1, 1, 1] and told["usage"]["image_tokens"] == 12
    assert hub.command("ask", *frames, "What?", "--video", "-1").returncode == 1


def test_the_same_video_through_the_api_has_the_same_tokens(hub, tmp_path):
    (tmp_path / "p.png").write_bytes(PICTURE.read_bytes())
    run = hub.command("ask", *[str(tmp_path / "p.png")] * 6, "What happens?", "--video", "2", "--max-tokens", "2", "--json", "-m",
                      "eye/tiny")
    told = json.loads(run.stdout)
    answer = read_json(chat(hub, [{"type": "video", "video": [URL] * 6, "fps": 2}, {"type": "text", "text": "What happens?"}],
                            max_tokens=2))
    assert answer["choices"][0]["message"]["content"] == told["text"]
    assert answer["usage"]["prompt_tokens"] == told["usage"]["prompt_tokens"]
    assert answer["usage"]["sluice"] == {"image_tokens": 12, "tiles_used": 3, "tiles_possible": 3, "images": [
        {"width": 90, "height": 60, "tiles_used": 1, "tiles_possible": 1}] * 3}
    reply = chat(hub, [{"type": "video", "video": ["data:image/png;base64,AAAA"]}, {"type": "text", "text": "What?"}])
    assert reply.status == 400 and json.loads(reply.body)["error"]["param"] == "messages.0.content.0.video.0"
