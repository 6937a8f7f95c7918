"""What a training of hours must not find out late. Run: python -m pytest train/tests (needs the fonts; some want torch and transformers)."""
import pathlib
import random
import subprocess
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from reader import degrade, documents, fonts, glyphs, questions, samples, scenes, scores, shapes, tiles  # noqa: E402

SHAPE = shapes.SHAPES["reader-8m"]


def test_held_out_fonts_share_no_family_and_no_file_with_training():
    assert not set(fonts.groups(True)) & set(fonts.groups(False))
    files = [{f for g in fonts.groups(side) for family in fonts.faces()[g] for f in family} for side in (False, True)]
    assert not files[0] & files[1]
    families = [{f for g in fonts.groups(side) for f in fonts.GROUPS[g]} for side in (False, True)]
    assert len(families[1]) / (len(families[0]) + len(families[1])) >= 0.3


def test_a_training_run_draws_no_held_out_file(monkeypatch):
    held_out = {f for g in fonts.groups(True) for family in fonts.faces()[g] for f in family}
    drawn = set()
    real = fonts.Face.__init__

    def watched(self, file, *rest):
        drawn.add(file)
        real(self, file, *rest)

    monkeypatch.setattr(fonts.Face, "__init__", watched)
    fonts.face.cache_clear()
    for stage in samples.STAGES:
        for number in range(60):
            samples.make(1, number, stage)
    assert drawn and not drawn & held_out


def test_training_seeds_are_no_evaluation_seeds():
    assert 1 not in samples.EVALUATION_SEEDS
    trained, judged = samples.make(1, 5, "lines"), samples.make(samples.EVALUATION_SEEDS[0], 5, "lines")
    assert trained.answer != judged.answer


@pytest.mark.parametrize("stage", samples.STAGES)
def test_a_sample_is_a_function_of_its_numbers(stage):
    one, two = samples.make(3, 17, stage), samples.make(3, 17, stage)
    assert one.answer == two.answer and np.array_equal(one.pixels, two.pixels)


def test_glyph_boxes_stand_where_the_ink_is():
    for number in range(20):
        sample = samples.make(2, number, "words")
        if sample.split or not sample.glyphs:
            continue
        paper = np.median(sample.pixels.reshape(-1, 3), axis=0)
        for x, y, character in sample.glyphs:
            x, y = int(x), int(y)
            near = sample.pixels[max(0, y - 22):y + 22, max(0, x - 22):x + 22]
            assert np.abs(near - paper).max() > 20, character


@pytest.mark.parametrize("size", [(200, 60), (60, 200), (301, 299), (512, 512), (1000, 333), (5, 400), (640, 480)])
def test_tiles_are_the_processors(size):
    transformers = pytest.importorskip("transformers")
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    del transformers
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    processor = SmolVLMImageProcessorPil(size={"longest_edge": SHAPE.longest}, max_image_size={"longest_edge": SHAPE.tile}, resample=1)
    from PIL import Image

    theirs = np.stack(processor([Image.fromarray(pixels)], return_row_col_info=False)["pixel_values"][0])
    ours, _, _, _ = tiles.cut(pixels, SHAPE)
    mine = (ours.astype(np.float32) / 255 - 0.5) / 0.5
    assert theirs.shape == (len(ours), 3, SHAPE.tile, SHAPE.tile)
    assert np.abs(theirs - mine.transpose(0, 3, 1, 2)).max() < 1e-5


def test_scenes_are_counted_right():
    rng = random.Random(4)
    for _ in range(200):
        _, things = scenes.scene(rng)
        question, answer, kind = scenes.scene_question(rng, things)
        if question.startswith("How many red"):
            assert int(answer) == sum(t.colour == "red" for t in things)
        if kind == "yes_no":
            assert answer in ("yes", "no")


def test_a_receipts_total_is_the_sum_of_its_rows():
    for seed in range(50):
        document = documents.receipt(random.Random(seed), False)
        total = sum(round(float(value) * 100) for _, value in document.rows)
        assert f"{total // 100}.{total % 100:02d}" in document.fields["total"]


def test_every_answer_about_a_field_stands_on_the_page():
    rng = random.Random(9)
    for seed in range(200):
        document = rng.choice(documents.LAYOUTS)(random.Random(seed), False)
        _, answer, kind = questions.ask(rng, document)
        if kind in ("field", "row"):
            assert answer in " ".join(document.lines)
        if kind == "absent":
            assert answer == questions.ABSENT


@pytest.mark.parametrize("name", degrade.EFFECTS)
def test_effects_keep_the_size_and_grow_with_severity(name):
    pixels = samples.one_line(random.Random(3), False, 12, split=True).pixels
    changes = []
    for severity in (1, 3, 5):
        out = degrade.degrade(random.Random(1), pixels, [name], severity)
        assert out.shape == pixels.shape and out.dtype == np.uint8
        changes.append(np.abs(out.astype(int) - pixels).mean())
    assert 0 < changes[0] < changes[2]


def test_labels_say_which_character_is_in_a_cell():
    wanted = glyphs.labels([(18.0, 9.0, "A")], 256, 16)
    assert (wanted > 0).sum() == 1 and wanted[1, 4] == glyphs.NUMBER["A"]


def test_scores_as_published():
    assert scores.distance("kitten", "sitting") == 3
    assert scores.anls("Hello", ["hello"]) == 1 and scores.anls("abc", ["xyz"]) == 0
    assert scores.anls("receipt", ["reciept"]) == pytest.approx(1 - 2 / 7)
    assert scores.relaxed("104", "100") and not scores.relaxed("106", "100") and scores.relaxed("Yes", "yes")
    assert scores.error_rate([("abc", "abd"), ("", "xy")]) == pytest.approx(3 / 5)


def test_a_label_is_asked_about_what_it_shows():
    for seed in range(120):
        sample = samples.small_label(random.Random(seed), False)
        shown = "".join(character for _, _, character in sample.glyphs if character != " ")
        if sample.kind == "label/field":
            assert "".join(sample.answer.split()) in shown
        elif sample.kind == "label/absent":
            assert sample.answer == questions.ABSENT


def test_a_window_of_a_page_keeps_each_glyphs_place():
    page = samples.shared_page(1, 0, False)
    for seed in range(6):
        crop = samples.crop(random.Random(seed), page)
        inside = [g for g in crop.glyphs if 12 <= g[0] < 116 and 12 <= g[1] < 116]
        assert crop.pixels.shape == (128, 128, 3) and inside
        paper = np.median(crop.pixels.reshape(-1, 3), axis=0)
        for x, y, character in inside:
            near = crop.pixels[int(y) - 12:int(y) + 12, int(x) - 12:int(x) + 12]
            assert np.abs(near - paper).max() > 20, character


def test_a_character_that_a_font_lacks_is_no_box():
    lacking = [f for family in fonts.faces()["breip"] for f in family]
    assert not any(fonts.face(f, 20).has("€") for f in lacking)
    assert all(fonts.face(f, 20).has("a") for f in lacking)


def test_spelled_answers_are_one_token_a_byte():
    pytest.importorskip("torch")
    from reader import batches, tokenizer

    learned = tokenizer.train(700, seed=1, count=600)
    for text in ("Total 12.50 €", "naïve", "a\nb"):
        ids = batches.spell(learned, text)
        assert len(ids) == len(text.encode()) + 2 and ids[-1] == learned.eos_token_id
        assert learned.decode(ids[:-1]) == " " + text


def test_a_curve_leaves_out_what_was_computed_twice(tmp_path):
    from reader import curves

    with open(tmp_path / "log.jsonl", "w", encoding="utf-8") as log:
        for updates, hours in ((1, 0.1), (5, 0.5), (9, 0.9), (4, 0.4), (8, 0.8)):
            log.write(f'{{"updates": {updates}, "hours": {hours}}}\n')
    assert [row["updates"] for row in curves.rows_of(tmp_path)] == [1, 4, 8]


def test_the_same_set_has_the_same_hash(tmp_path, capsys):
    from reader import evaluate

    for name in ("one", "two"):
        evaluate.draw(evaluate.make_parser().parse_args(["draw", "--out", str(tmp_path / name), "--count", "2"]))
    other = evaluate.make_parser().parse_args(["draw", "--out", str(tmp_path / "other"), "--count", "2", "--seed", "1"])
    evaluate.draw(other)
    hashes = [(tmp_path / name / "set.sha256").read_text() for name in ("one", "two", "other")]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(evaluate.rows_of(tmp_path / "one")) == 2 * len(evaluate.TASKS["labels"])


def test_a_small_receipts_total_is_the_sum_of_its_prices():
    read = [s for s in (samples.small_receipt(random.Random(f"receipt/{n}"), False) for n in range(120)) if s.kind == "receipt/read"]
    assert len(read) > 5
    for sample in read:
        prices = [round(float(line.split()[-1].lstrip("$€").replace(",", ".")) * 100) for line in sample.answer.split("\n")]
        assert sum(prices[:-1]) == prices[-1], sample.answer


def test_a_drawn_photograph_is_answered_with_one_sentence_whatever_is_asked():
    drawn = [samples.small_photo(random.Random(n)) for n in range(30)]
    assert {s.answer for s in drawn} == {questions.STRANGE} and len({s.question for s in drawn}) > 5
    assert all(s.pixels.shape == (128, 128, 3) and s.pixels.std() > 3 for s in drawn)


def test_ranks_draw_other_pictures_of_the_same_kinds():
    pytest.importorskip("torch")
    from reader import batches

    for number in range(0, 60, 7):
        here, there = samples.make(1, number, "small words"), samples.make(1, number + batches.APART, "small words")
        assert (here.kind == "dense") == (there.kind == "dense") and not np.array_equal(here.pixels, there.pixels)


def test_two_processes_train_one_model(tmp_path):
    torch = pytest.importorskip("torch")
    run = subprocess.run([sys.executable, "-m", "reader.train", "--out", str(tmp_path), "--hours", "0.003", "--processes", "2"],
                         cwd=pathlib.Path(__file__).resolve().parent.parent, capture_output=True, text=True, timeout=250)
    assert run.returncode == 0, run.stderr
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["updates"] > 3 and state["pictures"] == 2 * 32 * state["updates"] and 0.003 * 3600 <= state["spent"] < 0.006 * 3600
