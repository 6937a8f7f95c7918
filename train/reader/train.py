"""Trains a reader:  python -m reader.train --shape reader-8m --out DIR --hours 8

Interrupt it at will: the same command goes on where it stopped. The curriculum and the learning rate follow the share of the time
budget that was really spent computing (CPU time over threads), so that an interrupted or crowded budget still anneals.
"""
import argparse
import copy
import json
import math
import multiprocessing
import os
import pathlib
import signal
import sys
import time

import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from reader import batches, glyph_head, model as models, questions, ranks, samples, scores, shapes, tokenizer as tokenizers

# Until which share of the budget a stage lasts.
SMALL = (("crops", 0.08), ("small words", 0.45), ("labels", 0.93), ("worn labels", 1.0))
PAGES = (("tower", 0.12), ("words", 0.30), ("lines", 0.62), ("pages", 0.9), ("degraded", 1.0))
LEARNING_TO_LOOK = ("crops", "small words", "tower", "words")  # stages in which the tower's lesson weighs as much as the answers
SAVE_EVERY, LOOK_EVERY = 300, 600  # seconds of the wall, seconds spent computing
WARM_UP = 200


def curriculum(shape):
    return SMALL if shape.longest == shape.tile else PAGES


def stage_at(shape, share):
    for name, until in curriculum(shape):
        if share < until:
            return name
    return curriculum(shape)[-1][0]


def rate_at(shape, share, updates):
    return shape.rate * min(1, (updates + 1) / WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, share))))


def make_optimisers(named, rate):
    """Muon (Jordan et al. 2024) for the matrices inside the layers, AdamW for everything else. After five minutes of one core the tower read
    32 % of the letters with it, 16 % with AdamW alone; it costs a sixth of the time."""
    inner = [weight for name, weight in named if weight.dim() == 2 and (".layers." in name or ".modality_projection." in name)]
    known = {id(weight) for weight in inner}
    others = [weight for _, weight in named if id(weight) not in known]
    return [torch.optim.Muon(inner, lr=rate, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW([{"params": [w for w in others if w.dim() >= 2], "weight_decay": 0.05},
                               {"params": [w for w in others if w.dim() < 2], "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98), fused=True)]


class Trainer:
    def __init__(self, options):
        self.options, self.shape = options, shapes.SHAPES[options.shape]
        self.ranks = ranks.Ranks(options.processes)
        self.folder = pathlib.Path(options.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(options.seed)
        self.device = torch.device(options.device)
        self.tokenizer = self.load_tokenizer()
        self.model = models.make_model(self.shape, self.tokenizer, self.device)
        self.head = glyph_head.GlyphHead(self.shape.tower_width, self.shape.patch).to(self.device)
        everything = [*self.model.named_parameters(), *self.head.named_parameters()]
        self.weights = [weight for _, weight in everything]
        self.optimisers = make_optimisers(everything, self.shape.rate)
        self.mean = copy.deepcopy(self.model)  # exponential moving average
        self.spent, self.updates, self.pictures = 0.0, 0, 0
        self.stage = multiprocessing.Value("i", 0)
        self.number = multiprocessing.Value("q", 0)
        self.restore()

    def load_tokenizer(self):
        folder = self.folder / "tokenizer"

        def make():
            if not folder.exists():
                tokenizers.train(self.shape.vocabulary, questions.phrases()).save_pretrained(folder)

        self.ranks.first_then_others(make)
        return PreTrainedTokenizerFast.from_pretrained(folder)

    def restore(self):
        path = self.folder / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.head.load_state_dict(state["head"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"]):
            optimiser.load_state_dict(kept)
        self.spent, self.updates, self.pictures = state["spent"], state["updates"], state["pictures"]
        self.number.value = state["number"]
        print(f"goes on after {self.spent / 3600:.2f} h, {self.pictures} pictures", flush=True)

    def save(self):
        state = {"model": self.model.state_dict(), "mean": self.mean.state_dict(), "head": self.head.state_dict(),
                 "optimisers": [optimiser.state_dict() for optimiser in self.optimisers], "spent": self.spent, "updates": self.updates, "pictures": self.pictures,
                 "number": self.number.value}
        torch.save(state, self.folder / "state.tmp")
        os.replace(self.folder / "state.tmp", self.folder / "state.pt")

    def share(self):
        return self.spent / (self.options.hours * 3600)

    def step(self, batch, spent, asked_to_stop):
        """Learns from one batch of each process. `spent`: seconds since the last step. Returns figures, and whether any was asked to stop."""
        stage = stage_at(self.shape, self.share())
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate_at(self.shape, self.share(), self.updates)
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            rows = models.tower_rows(self.model, batch.tiles)
            glyph_loss, right = self.head(rows, batch.glyphs)
            loss = glyph_loss * (1.0 if stage in LEARNING_TO_LOOK else 0.3)
            said = None
            if batch.kinds[0] != "dense":
                said = models.answer_loss(self.model, rows, batch)
                loss = loss + said
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        spent, stop, pictures = self.ranks.average(self.weights, spent, float(asked_to_stop), len(batch.kinds))
        self.spent += spent
        self.pictures += round(pictures * self.ranks.count)
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.updates += 1
        if self.ranks.rank == 0:
            keep = min(0.999, self.updates / (9 + self.updates))
            with torch.no_grad():
                torch._foreach_lerp_(list(self.mean.parameters()), list(self.model.parameters()), 1 - keep)
        return (glyph_loss.item(), right, None if said is None else said.item()), stop > 0

    @torch.no_grad()
    def look(self, count=40):
        """What the averaged model reads of held-out fonts."""
        self.mean.eval()
        out = {}
        glyphs_only, easier, harder, *_ = (name for name, _ in curriculum(self.shape))
        if stage_at(self.shape, self.share()) != glyphs_only:
            asked = [samples.make(samples.EVALUATION_SEEDS[0], number, stage, held_out=True) for stage in (easier, harder)
                     for number in range(4 * count)]
            asked = [s for s in asked if s.kind != "dense"]
            easy = [s for s in asked if s.kind in ("word", "line")][:count // 2]
            asked = easy + [s for s in asked if s.kind not in ("word", "line")][:count // 2]
            pairs, blind = [], []
            for sample in asked:
                parts, _, prompt, _ = batches.encode(sample, self.shape, self.tokenizer)
                parts = torch.from_numpy(parts.copy()).to(self.device)
                for shown, found in ((parts, pairs), (torch.full_like(parts, 255), blind)):
                    said = models.answer(self.mean, self.tokenizer, shown, prompt, len(sample.answer.encode()) + 8)
                    found.append((self.tokenizer.decode(said).strip(), sample.answer))
            out = {"cer_easier": scores.error_rate(pairs[:len(easy)]), "cer_harder": scores.error_rate(pairs[len(easy):]),
                   "exact": sum(scores.exact(*pair) for pair in pairs) / len(pairs), "cer_blank": scores.error_rate(blind),
                   "exact_blank": sum(scores.exact(*pair) for pair in blind) / len(blind), "shown": pairs[:3]}
        dense = [samples.make(samples.EVALUATION_SEEDS[0], n, glyphs_only, held_out=True) for n in range(24)]
        batch = batches.pack(dense, self.shape, self.tokenizer).to(self.device)
        out["glyphs_right"] = self.head(models.tower_rows(self.mean, batch.tiles), batch.glyphs)[1]
        return out

    def clock(self):
        """Seconds: of the processor, so that a crowded machine does not eat the budget; of the wall where a GPU computes."""
        return time.process_time() / self.options.threads if self.device.type == "cpu" else time.monotonic()

    def run(self):
        names = list(samples.STAGES)
        self.stage.value = names.index(stage_at(self.shape, self.share()))
        stream = batches.Stream(self.shape, self.tokenizer, self.options.seed, self.stage, self.number, self.ranks.rank)
        loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=self.options.workers, prefetch_factor=4)
        first = self.ranks.rank == 0
        log = open(self.folder / "log.jsonl", "a", encoding="utf-8") if first else None
        saved = shown = time.monotonic()
        looked = self.spent
        recent = []
        last = self.clock()
        drawn = iter(loader)  # its processes start here, before SIGTERM means "save and end" to this one alone
        asked_to_stop = []
        signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.append(True))
        for batch in drawn:
            used = self.clock()
            figures, stop = self.step(batch, used - last, bool(asked_to_stop))
            if first:
                recent.append(figures)
            last = used
            now = time.monotonic()
            self.stage.value = names.index(stage_at(self.shape, self.share()))
            done = self.share() >= 1 or stop
            if done and not first:
                break
            if first and (now - shown > 60 or done):
                said = [loss for _, _, loss in recent if loss is not None]
                row = {"hours": self.spent / 3600, "pictures": self.pictures, "updates": self.updates, "stage": names[self.stage.value],
                       "glyph_loss": sum(g for g, _, _ in recent) / len(recent), "glyphs_right": sum(r for _, r, _ in recent) / len(recent),
                       "answer_loss": sum(said) / len(said) if said else None}
                if self.spent - looked > LOOK_EVERY or self.share() >= 1:
                    row["held_out"] = self.look()
                    looked = self.spent
                print(json.dumps(row, ensure_ascii=False), flush=True)
                log.write(json.dumps(row, ensure_ascii=False) + "\n")
                log.flush()
                recent, shown = [], time.monotonic()
            if first and (now - saved > SAVE_EVERY or done):
                self.save()
                saved = time.monotonic()
            if done:
                break
        self.ranks.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=sorted(shapes.SHAPES), default="reader-4m")
    parser.add_argument("--out", required=True, help="folder of checkpoints, log and tokenizer")
    parser.add_argument("--hours", type=float, default=8, help="of training in each process, over all interruptions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="that train together, each with threads and workers of its own")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pictures")
    parser.add_argument("--threads", type=int, default=1, help="that compute; a small shape gains little from more")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    Trainer(options).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
