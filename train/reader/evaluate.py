"""Measures a reader on pictures nobody trained on, drawn with fonts held out of training.

  python -m reader.evaluate draw --tasks labels --out DIR [--count N] [--seed S]   pictures, questions.jsonl, set.sha256
  python -m reader.evaluate ask --set DIR --model HF_FOLDER --out FILE     answers through transformers
  ... ask --engine build/release/bin/sluice --model FILE.gguf              answers through the engine
  python -m reader.evaluate score --answers FILE [--json]     exact match, ANLS, relaxed accuracy, character error rate

`ask --blank` shows a blank picture in place of the real one: what is right then was guessed from the question alone.
`ask --effect NAME --severity N` degrades the pictures first; `ask --tesseract` lets Tesseract transcribe.
`python -m reader.report` does all of it and writes the tables.
"""
import argparse
import collections
import dataclasses
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

from reader import degrade, documents, questions, samples, scores

# What a reader of one tile, and what a reader of pages is asked: name -> how one sample of it is drawn.
TASKS = {
    "labels": {
        "word": samples.small_word,
        "lines": samples.small_lines,
        "label": samples.small_label,
        "receipt": samples.small_receipt,
        "scene": samples.small_scene,
    },
    "pages": {
        "word": lambda rng, held_out: samples.one_line(rng, held_out, 12, split=True),
        "line": lambda rng, held_out: samples.one_line(rng, held_out, 24, split=True),
        "lines": lambda rng, held_out: samples.few_lines(rng, held_out, split=True),
        "receipt": lambda rng, held_out: asked(rng, held_out, documents.receipt),
        "form": lambda rng, held_out: asked(rng, held_out, documents.form),
        "table": lambda rng, held_out: asked(rng, held_out, documents.table),
        "page": lambda rng, held_out: asked(rng, held_out, documents.letter),
        "chart": lambda rng, held_out: samples.one_chart(rng, held_out),
        "scene": lambda rng, held_out: samples.one_scene(rng, split=True),
    },
}
LONGEST = 160  # tokens of an answer
TRANSCRIBED = ("word", "line", "lines", "read", "line_of")  # kinds judged by character error rate


def asked(rng, held_out, layout):
    document = layout(rng, held_out)
    question, answer, kind = questions.ask(rng, document)
    return samples.Sample(document.page.image(), question, answer, [], f"{document.kind}/{kind}")


def draw(options):
    """The hash is over pixels, questions and answers: the same on every machine with the same fonts."""
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with open(folder / "questions.jsonl", "w", encoding="utf-8") as out:
        for task, make in TASKS[options.tasks].items():
            for number in range(options.count):
                seed = f"evaluation/{samples.EVALUATION_SEEDS[options.seed]}/{task}/{number}"
                sample = make(random.Random(seed), not options.training_fonts)
                name = f"{task}-{number:04d}.png"
                Image.fromarray(sample.pixels).save(folder / name)
                line = json.dumps({"image": name, "question": sample.question, "answers": [sample.answer], "task": task,
                                   "kind": sample.kind.split("/")[-1]}, ensure_ascii=False)
                digest.update(sample.pixels.tobytes() + line.encode())
                out.write(line + "\n")
    (folder / "set.sha256").write_text(digest.hexdigest() + "\n")
    print(f"{digest.hexdigest()}  {folder}")


def rows_of(folder):
    return [json.loads(line) for line in open(pathlib.Path(folder) / "questions.jsonl", encoding="utf-8")]


def picture_of(options, row):
    pixels = np.asarray(Image.open(pathlib.Path(options.set) / row["image"]).convert("RGB"))
    if options.blank:
        return np.full_like(pixels, 255)
    if options.effect:
        return degrade.degrade(random.Random(f"{options.effect}/{row['image']}"), pixels, [options.effect], options.severity)
    return pixels


class Transformers:
    def __init__(self, folder):
        import torch
        from transformers import PreTrainedTokenizerFast, SmolVLMForConditionalGeneration

        from reader import shapes

        self.torch = torch
        self.model = SmolVLMForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        preprocessor = json.loads((pathlib.Path(folder) / "preprocessor_config.json").read_text())
        vision = self.model.config.vision_config
        self.shape = dataclasses.replace(shapes.SHAPES["reader-8m"], tile=vision.image_size, patch=vision.patch_size,
                                         shuffle=self.model.config.scale_factor, longest=preprocessor["size"]["longest_edge"])

    def answer_all(self, asked, at_once=64):
        """Yields (position, answer) of each (pixels, question), questions of one length together."""
        from reader import batches, model

        groups = collections.defaultdict(list)

        def finish(group):
            tiles = self.torch.from_numpy(np.concatenate([parts for _, parts, _ in group]))
            said = model.answers(self.model, self.tokenizer, tiles, [prompt for _, _, prompt in group], LONGEST)
            return [(place, self.tokenizer.decode(ids).strip()) for (place, _, _), ids in zip(group, said)]

        for place, (pixels, question) in enumerate(asked):
            parts, _, prompt, _ = batches.encode(samples.Sample(pixels, question, "", [], ""), self.shape, self.tokenizer)
            group = groups[len(parts), len(prompt)]
            group.append((place, parts, prompt))
            if len(group) == at_once:
                yield from finish(group)
                group.clear()
        for group in groups.values():
            if group:
                yield from finish(group)

    def answer_with_gaps(self, pixels, question):
        """The tokens of the greedy answer as text, and by how much the best logit led at each step, that of the end included."""
        from reader import batches, model

        parts, _, prompt, _ = batches.encode(samples.Sample(pixels, question, "", [], ""), self.shape, self.tokenizer)
        gaps = []
        said = model.answer(self.model, self.tokenizer, self.torch.from_numpy(parts.copy()), prompt, LONGEST, gaps)
        return [self.tokenizer.decode([token]) for token in said], gaps


class OneByOne:
    def answer_all(self, asked):
        for place, (pixels, question) in enumerate(asked):
            yield place, self.answer(pixels, question)


class Engine(OneByOne):
    """The same question through the `sluice` that a user runs."""

    def __init__(self, binary, model, repair="none"):
        self.binary, self.model, self.repair = binary, model, repair
        self.file = pathlib.Path(tempfile.gettempdir()) / f"reader-{random.getrandbits(48):x}.png"

    def answer(self, pixels, question):
        Image.fromarray(pixels).save(self.file)
        run = subprocess.run([self.binary, "ask", "--model", self.model, "--max-tokens", str(LONGEST), "--repair", self.repair, "--json", self.file,
                              question], capture_output=True, text=True)
        self.file.unlink()
        if run.returncode:
            raise SystemExit(f"{self.binary} ask: {run.stderr.strip()}")
        reply = json.loads(run.stdout)
        return reply["text"].strip()


class Tesseract(OneByOne):
    """Transcribes; it answers no questions."""

    def answer(self, pixels, question):
        file = pathlib.Path(tempfile.gettempdir()) / f"reader-{random.getrandbits(48):x}.png"
        Image.fromarray(pixels).resize((pixels.shape[1] * 2, pixels.shape[0] * 2), Image.LANCZOS).save(file)
        run = subprocess.run(["tesseract", file, "-", "--psm", "6"], capture_output=True, text=True)
        file.unlink()
        return run.stdout.strip()


def ask(options):
    reader = Tesseract() if options.tesseract else Engine(options.engine, options.model, options.repair) if options.engine else Transformers(options.model)
    rows = [row for row in rows_of(options.set) if not options.tesseract or row["kind"] in TRANSCRIBED]
    said = {}
    for place, text in reader.answer_all((picture_of(options, row), row["question"]) for row in rows):
        said[place] = text
        if sys.stderr.isatty():
            print(f"\r{len(said)}/{len(rows)}", end="", file=sys.stderr)
    with open(options.out, "w", encoding="utf-8") as out:
        for place, row in enumerate(rows):
            out.write(json.dumps(row | {"said": said[place]}, ensure_ascii=False) + "\n")


def table_of(answers):
    """task or kind -> count, exact, anls, relaxed, cer."""
    groups = collections.defaultdict(list)
    for line in open(answers, encoding="utf-8"):
        row = json.loads(line)
        groups[row["task"]].append(row)
        groups[f"kind {row['kind']}"].append(row)
        if row["kind"] in TRANSCRIBED:
            groups["transcribed"].append(row)
        groups["all"].append(row)
    table = {}
    for name, rows in groups.items():
        pairs = [(row["said"], row["answers"][0]) for row in rows]
        table[name] = {"count": len(rows), "exact": sum(any(scores.exact(row["said"], a) for a in row["answers"]) for row in rows) / len(rows),
                       "anls": sum(scores.anls(row["said"], row["answers"]) for row in rows) / len(rows),
                       "relaxed": sum(scores.relaxed(*pair) for pair in pairs) / len(pairs), "cer": scores.error_rate(pairs)}
    return table


def score(options):
    table = table_of(options.answers)
    if options.json:
        print(json.dumps(table, indent=1))
        return
    print(f"{'':24}{'count':>6}{'exact':>8}{'ANLS':>8}{'relaxed':>9}{'CER':>8}")
    for name, row in table.items():
        print(f"{name:24}{row['count']:6}{row['exact']:8.1%}{row['anls']:8.3f}{row['relaxed']:9.1%}{row['cer']:8.1%}")


def make_parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("draw")
    one.add_argument("--out", required=True)
    one.add_argument("--tasks", choices=sorted(TASKS), default="labels", help="labels: of one tile; pages: of any size")
    one.add_argument("--training-fonts", action="store_true", help="the same with fonts that training draws")
    one.add_argument("--count", type=int, default=100, help="pictures of each task")
    one.add_argument("--seed", type=int, default=0, help="0 to 99: which of the evaluation seeds")
    one = verbs.add_parser("ask")
    one.add_argument("--set", required=True)
    one.add_argument("--model")
    one.add_argument("--engine", help="path of sluice: ask it in place of transformers")
    one.add_argument("--tesseract", action="store_true")
    one.add_argument("--blank", action="store_true")
    one.add_argument("--effect", choices=sorted(degrade.EFFECTS))
    one.add_argument("--repair", default="none", help="with --engine: what `sluice ask --repair` takes")
    one.add_argument("--severity", type=int, choices=range(1, 6), default=3)
    one.add_argument("--out", required=True)
    one = verbs.add_parser("score")
    one.add_argument("--answers", required=True)
    one.add_argument("--json", action="store_true")
    return parser


def main():
    options = make_parser().parse_args()
    {"draw": draw, "ask": ask, "score": score}[options.verb](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
