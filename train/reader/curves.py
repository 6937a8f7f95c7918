"""The course of a training as a picture:  python -m reader.curves --run DIR --out curves.svg"""
import argparse
import json
import pathlib
import sys


def rows_of(run):
    """The log without what was computed twice because a training ended before it was saved."""
    rows = []
    for line in open(pathlib.Path(run) / "log.jsonl", encoding="utf-8"):
        row = json.loads(line)
        while rows and rows[-1]["updates"] >= row["updates"]:
            rows.pop()
        rows.append(row)
    return rows


def plot(rows, out):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as pyplot

    figure, (losses, shares) = pyplot.subplots(2, sharex=True, figsize=(8, 6))
    hours = [row["hours"] for row in rows]
    losses.plot(hours, [row["glyph_loss"] for row in rows], label="glyph loss")
    losses.plot(hours, [row["answer_loss"] for row in rows], label="answer loss, nats a token")
    losses.set(ylabel="nats", ylim=(0, None))
    shares.plot(hours, [row["glyphs_right"] for row in rows], label="glyphs right, training")
    looked = [row for row in rows if "held_out" in row]
    for key, label in (("glyphs_right", "glyphs right, held-out fonts"), ("cer_easier", "character error rate, words"),
                       ("cer_harder", "character error rate, lines and labels"), ("cer_blank", "the same of blank pictures")):
        found = [(row["hours"], row["held_out"][key]) for row in looked if key in row["held_out"]]
        if found:
            shares.plot(*zip(*found), marker="o", label=label)
    shares.set(xlabel=f"hours of computing ({rows[-1]['pictures']} pictures)", ylim=(0, 1.1))
    for axes in (losses, shares):
        axes.legend(fontsize="small")
        before = None
        for row in rows:
            if row["stage"] != before:
                axes.axvline(row["hours"], color="grey", linewidth=0.5)
                axes.text(row["hours"], axes.get_ylim()[1], row["stage"], fontsize="x-small", va="top")
            before = row["stage"]
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    plot(rows_of(options.run), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
