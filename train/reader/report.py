"""All that a model card says of a checkpoint, in one command:

  python -m reader.report --model ../models/reader --engine ../build/release/bin/sluice --out judged [--count 500] [--retained 300]

MODEL is what reader.export wrote. It draws three sets with held-out fonts and one with training fonts, asks through transformers
(f32) and through the engine (8 bits), shows blank pictures, lets Tesseract 5 transcribe, degrades by 15 effects in 5 severities, lets
the engine repair what it can first, and compares both implementations token by token. With --photographs FOLDER (the pictures of Debian's
python3-skimage) it asks about those too. What is answered already is not asked again, so it may be interrupted. Writes
report.md and retention.svg; with --reads "what it can do, in words" also the model card, MODEL/README.md.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys

from reader import degrade, evaluate, questions

SEEDS = (0, 1, 2)
SAMPLE_QUESTION = "What is the total?"
REPAIRED = (None, "rotation", "perspective", "shadow", "low_light", "fold")  # effects that `--repair` may help against; None: clean pictures
NATURAL = ("astronaut", "brick", "camera", "cell", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field", "ihc", "moon",
           "motorcycle_left", "motorcycle_right", "retina", "rocket")
ABOUT_PHOTOGRAPHS = ("Describe this image.", "What does it say?", "What is the total?")
CLEAR = 0.05  # a gap between the two best logits that 8 bits do not close


def run(*words):
    options = evaluate.make_parser().parse_args([str(word) for word in words])
    {"draw": evaluate.draw, "ask": evaluate.ask}[options.verb](options)


class Judge:
    def __init__(self, options):
        self.options, self.out = options, pathlib.Path(options.out)
        self.folder = pathlib.Path(options.model) / "huggingface"
        self.file = pathlib.Path(options.model) / "reader.gguf"
        sizes = json.loads((self.folder / "preprocessor_config.json").read_text())
        self.tasks = "labels" if sizes["size"]["longest_edge"] == sizes["max_image_size"]["longest_edge"] else "pages"
        (self.out / "answers").mkdir(parents=True, exist_ok=True)

    def set(self, name, seed, count, *more):
        folder = self.out / name
        if not (folder / "set.sha256").exists():
            run("draw", "--tasks", self.tasks, "--out", folder, "--seed", seed, "--count", count, *more)
        return folder

    def answers(self, name, folder, *more):
        """The table of scores; asks what has not been asked."""
        file = self.out / "answers" / f"{name}.jsonl"
        if not file.exists():
            partial = file.with_suffix(".part")
            run("ask", "--set", folder, "--out", partial, *more)
            partial.rename(file)
            print(f"{name}: {evaluate.table_of(file)['all']}", flush=True)
        return evaluate.table_of(file)

    def clean(self):
        count, f32 = self.options.count, ("--model", self.folder)
        sets = [self.set(f"set-{seed}", seed, count) for seed in SEEDS]
        tables = {f"f32, seed {seed}": self.answers(f"f32-{seed}", folder, *f32) for seed, folder in zip(SEEDS, sets)}
        tables["f32, training fonts"] = self.answers("fonts", self.set("fonts", 0, count, "--training-fonts"), *f32)
        tables["8 bits, engine"] = self.answers("engine", sets[0], "--engine", self.options.engine, "--model", self.file)
        tables["blank picture"] = self.answers("blank", sets[0], "--blank", *f32)
        tables["Tesseract 5"] = self.answers("tesseract", sets[0], "--tesseract")
        return tables

    def retention(self):
        """The clean ANLS; effect -> ANLS at severities 1 to 5 over it; effect -> character error rate at severity 3, the reader's and
        Tesseract's, of what is transcribed."""
        folder = self.set("retained", 0, self.options.retained)
        clean = self.answers("retained-clean", folder, "--model", self.folder)["all"]["anls"]
        retained, beside = {}, {}
        for effect in degrade.EFFECTS:
            tables = [self.answers(f"{effect}-{severity}", folder, "--model", self.folder, "--effect", effect, "--severity", severity)
                      for severity in range(1, 6)]
            retained[effect] = [table["all"]["anls"] / max(clean, 1e-9) for table in tables]
            theirs = self.answers(f"{effect}-3-tesseract", folder, "--tesseract", "--effect", effect, "--severity", 3)
            beside[effect] = tables[2]["transcribed"]["cer"], theirs["transcribed"]["cer"]
        return clean, retained, beside

    def repairs(self):
        """effect at severity 3 -> ANLS through the engine without and with --repair deskew,light."""
        folder = self.set("retained", 0, self.options.retained)
        out = {}
        for effect in REPAIRED:
            degraded = ("--effect", effect, "--severity", 3) if effect else ()
            asked = ("--engine", self.options.engine, "--model", self.file, *degraded)
            out[effect or "none"] = [self.answers(f"repair-{repair.replace(',', '-')}-{effect}", folder, *asked, "--repair", repair)["all"]["anls"]
                                     for repair in ("none", "deskew", "light", "deskew,light")]
        return out

    def photographs(self):
        """[(file, question, answer)] of photographs, through the engine; None where none were named."""
        if not self.options.photographs:
            return None
        folder = self.out / "photographs"
        folder.mkdir(exist_ok=True)
        files = sorted(f for f in pathlib.Path(self.options.photographs).iterdir() if f.stem in NATURAL and f.suffix in (".png", ".jpg"))
        with open(folder / "questions.jsonl", "w", encoding="utf-8") as out:
            for file in files:
                shutil.copy(file, folder)
                for question in ABOUT_PHOTOGRAPHS:
                    out.write(json.dumps({"image": file.name, "question": question, "answers": [questions.STRANGE], "task": "photograph",
                                          "kind": "strange"}) + "\n")
        self.answers("photographs", folder, "--engine", self.options.engine, "--model", self.file)
        rows = map(json.loads, open(self.out / "answers" / "photographs.jsonl", encoding="utf-8"))
        return [(row["image"], row["question"], row["said"]) for row in rows]

    def agreement(self, count=200):
        """Where the engine's greedy answer first leaves transformers', and whether the reference was sure there."""
        reference = evaluate.Transformers(self.folder)
        engine = evaluate.Engine(self.options.engine, self.file)
        folder = self.out / "set-0"
        rows = evaluate.rows_of(folder)
        rows = rows[::max(1, len(rows) // count)][:count]
        same = doubtful = wrong = 0
        plain = evaluate.make_parser().parse_args(["ask", "--set", str(folder), "--out", "-"])
        for row in rows:
            pixels = evaluate.picture_of(plain, row)
            ours, (theirs, gaps) = engine.answer(pixels, row["question"]), reference.answer_with_gaps(pixels, row["question"])
            if ours == "".join(theirs).strip():
                same += 1
                continue
            said, step = "", 0
            while step < len(theirs) and ours.startswith((said + theirs[step]).strip()):
                said += theirs[step]
                step += 1
            doubtful, wrong = (doubtful + 1, wrong) if gaps[min(step, len(gaps) - 1)] < CLEAR else (doubtful, wrong + 1)
        return len(rows), same, doubtful, wrong

    def selftest(self, seeds=range(1, 11)):
        """The mean of right answers out of 24: what reader.export --selftest-right takes."""
        right = [json.loads(subprocess.run([self.options.engine, "selftest", self.file, "--json", "--seed", str(seed)], capture_output=True,
                                           text=True, check=True).stdout)["right"] for seed in seeds]
        return sum(right) / len(right)


def percent(value):
    return f"{100 * value:.1f}"


def write(judge, tables, clean, retained, beside, repairs, photographs, agreed, selftest):
    names = [n for n in tables["f32, seed 0"] if n not in ("all", "transcribed") and not n.startswith("kind ")] + ["all"]
    kinds = sorted(n for n in tables["f32, seed 0"] if n.startswith("kind "))
    lines = [f"{judge.options.count} pictures a task; sets " + ", ".join((judge.out / f"set-{s}" / "set.sha256").read_text()[:12] for s in SEEDS)]
    for key, title in (("exact", "Exact match, %"), ("cer", "Character error rate, %")):
        lines += ["", f"### {title}", "", "| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
        for title, table in tables.items():
            lines.append(f"| {title} | " + " | ".join(percent(table[n][key]) if n in table else "" for n in names) + " |")
    sets = [tables[f"f32, seed {seed}"] for seed in SEEDS]
    lines += ["", "### By kind of question, three seeds together", "", "| kind | asked | exact, % | blank picture, % |", "|---|---:|---:|---:|"]
    for kind in kinds:
        there = [table[kind] for table in sets if kind in table]
        asked = sum(row["count"] for row in there)
        right = sum(row["exact"] * row["count"] for row in there)
        blank = percent(tables["blank picture"][kind]["exact"]) if kind in tables["blank picture"] else ""
        lines.append(f"| {kind.removeprefix('kind ')} | {asked} | {percent(right / asked)} | {blank} |")
    lines += ["", f"### Retention: ANLS over the clean pictures' ({clean:.3f}) at severities 1 to 5", "",
              "| effect | 1 | 2 | 3 | 4 | 5 | CER at 3, % | Tesseract's, % |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for effect, values in retained.items():
        held_out = " (never trained on)" if effect in degrade.HELD_OUT else ""
        lines.append(f"| {effect}{held_out} | " + " | ".join(f"{value:.2f}" for value in values)
                     + f" | {percent(beside[effect][0])} | {percent(beside[effect][1])} |")
    lines += ["", "### What `--repair` adds: ANLS at severity 3, through the engine", "", "| effect | as it is | deskew | light | both |",
              "|---|---:|---:|---:|---:|"]
    lines += [f"| {effect} | " + " | ".join(f"{value:.3f}" for value in values) + " |" for effect, values in repairs.items()]
    if photographs:
        modest = sum(said == questions.STRANGE for _, _, said in photographs)
        files = {file for file, _, _ in photographs}
        lines += ["", "### Photographs", "", f"{len(files)} photographs of Debian's python3-skimage, asked {', '.join(ABOUT_PHOTOGRAPHS)}: {modest} of "
                  f"{len(photographs)} answers are \"{questions.STRANGE}\"; the others:", ""]
        lines += [f"- {file}, {question} {said!r}" for file, question, said in photographs if said != questions.STRANGE]
    count, same, doubtful, wrong = agreed
    lines += ["", f"Engine (8 bits) and transformers (f32) on {count} pictures: {same} answers alike, {doubtful} first differ where the two best "
              f"logits are within {CLEAR}, {wrong} elsewhere.", "",
              f"`sluice selftest`: {selftest:.1f} of 24 right, mean of ten seeds; a fixed answer gets 2."]
    (judge.out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_card(judge):
    model, told = pathlib.Path(judge.options.model), json.loads((pathlib.Path(judge.options.model) / "training.json").read_text())
    training = (f"`python -m reader.train --shape {told['shape']}`, {told['pictures']} pictures in {told['updates']} updates, {told['hours']} hours of "
                "one processor core or one GPU")
    template = (pathlib.Path(__file__).resolve().parent.parent / "card.md").read_text()
    (model / "README.md").write_text(template.format(name=told["shape"], parameters=f"{told['parameters'] / 1e6:.1f} M", training=training,
                                                     reads=judge.options.reads, report=(judge.out / "report.md").read_text()))
    shutil.copy(judge.out / "retention.svg", model)
    # What ./quickstart shows; held-out like all of the set, and right or wrong as it comes.
    for row in evaluate.rows_of(judge.out / "set-0"):
        if row["question"] == SAMPLE_QUESTION and row["kind"] == "field":
            shutil.copy(judge.out / "set-0" / row["image"], model / "sample.png")
            break


def plot(judge, retained):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for i, (effect, values) in enumerate(retained.items()):
        axes.plot(range(1, 6), values, marker="os^Dv"[i % 5], linestyle=("-", "--", ":")[i // 5], label=effect)
    axes.set(xlabel="severity", ylabel="ANLS over clean", xticks=range(1, 6), ylim=(0, 1.1))
    axes.legend(bbox_to_anchor=(1.01, 1), loc="upper left", fontsize="small")
    figure.tight_layout()
    figure.savefig(judge.out / "retention.svg", metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=500, help="pictures of each task")
    parser.add_argument("--reads", help="for the model card: what it can do, honestly")
    parser.add_argument("--photographs", help="folder of photographs: skimage/data of Debian's python3-skimage")
    parser.add_argument("--retained", type=int, default=100, help="pictures of each task under each effect and severity")
    judge = Judge(parser.parse_args())
    tables = judge.clean()
    clean, retained, beside = judge.retention()
    write(judge, tables, clean, retained, beside, judge.repairs(), judge.photographs(), judge.agreement(), judge.selftest())
    plot(judge, retained)
    if judge.options.reads:
        write_card(judge)
    print((judge.out / "report.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
