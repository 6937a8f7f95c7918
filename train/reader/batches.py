"""Samples to tensors: tiles, prompt and answer ids, which ids count in the loss, the glyphs of every tile."""
import dataclasses
import functools

import numpy as np
import torch
from transformers.convert_slow_tokenizer import bytes_to_unicode

from reader import glyphs, samples, tiles


APART = 10**12  # numbers between the samples of two ranks


@dataclasses.dataclass
class Batch:
    tiles: torch.Tensor      # [N, tile, tile, 3] uint8, all pictures' tiles in order
    glyphs: torch.Tensor     # [N, patches, cells]
    ids: torch.Tensor        # [B, T], padded on the right
    labels: torch.Tensor     # [B, T], -100 where nothing is asked
    kinds: list

    def to(self, device):
        moved = (part.to(device, non_blocking=True) for part in (self.tiles, self.glyphs, self.ids, self.labels))
        return Batch(*moved, self.kinds)


def encode(sample, shape, tokenizer):
    """(tiles, glyph classes, prompt ids, answer ids) of one sample."""
    parts, rows, columns, (sx, sy) = tiles.cut(sample.pixels, shape, sample.split)
    boxes = []
    for i in range(len(parts)):
        if i < rows * columns:
            origin = (i % columns * shape.tile, i // columns * shape.tile)
            boxes.append(glyphs.labels(sample.glyphs, shape.tile, shape.patch, (sx, sy), origin))
        else:
            height, width = sample.pixels.shape[:2]
            boxes.append(glyphs.labels(sample.glyphs, shape.tile, shape.patch, (shape.tile / width, shape.tile / height)))
    prompt = ids_of(tokenizer, tiles.prompt_text(rows, columns, shape.tile_tokens, sample.question))
    answer = spell(tokenizer, sample.answer) if shape.spelled else ids_of(tokenizer, tiles.answer_text(sample.answer))
    return parts, boxes, prompt, answer


@functools.lru_cache(maxsize=2000)
def ids_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False).input_ids


@functools.cache
def byte_ids(tokenizer):
    """The token of each single byte, as byte-level BPE writes bytes."""
    return [tokenizer.convert_tokens_to_ids(character) for _, character in sorted(bytes_to_unicode().items())]


def spell(tokenizer, text):
    known = byte_ids(tokenizer)
    return [*(known[byte] for byte in f" {text}".encode()), tokenizer.eos_token_id]


def pack(group, shape, tokenizer):
    encoded = [encode(sample, shape, tokenizer) for sample in group]
    longest = max(len(p) + len(a) for _, _, p, a in encoded)
    ids = torch.full((len(group), longest), tokenizer.pad_token_id)
    labels = torch.full((len(group), longest), -100)
    for row, (_, _, prompt, answer) in enumerate(encoded):
        whole = torch.tensor(prompt + answer)
        ids[row, :len(whole)] = whole
        labels[row, len(prompt):len(whole)] = whole[len(prompt):]
    return Batch(torch.from_numpy(np.concatenate([parts for parts, _, _, _ in encoded])),
                 torch.from_numpy(np.stack([box for _, boxes, _, _ in encoded for box in boxes])), ids, labels, [s.kind for s in group])


class Stream(torch.utils.data.IterableDataset):
    """Batches without end; pictures of as many tiles, and answers alike in length, stand together, so that no row is mostly padding.
    `stage` and `number` are shared with the trainer: it moves the first on, the second is where to resume. The stream of another rank
    draws other pictures of the same kinds, so that no process waits long for another."""

    def __init__(self, shape, tokenizer, seed, stage, number, rank=0):
        self.shape, self.tokenizer, self.seed, self.stage, self.number, self.rank = shape, tokenizer, seed, stage, number, rank

    def __iter__(self):
        waiting = {}
        names = list(samples.STAGES)
        while True:
            with self.number.get_lock():
                number = self.number.value
                self.number.value += 1
            number += self.rank * APART
            sample = samples.make(self.seed, number, names[self.stage.value])
            height, width = sample.pixels.shape[:2]
            _, (wide, high) = tiles.target_size(width, height, self.shape)
            count = wide * high // self.shape.tile**2 if sample.split else 1
            count += count > 1  # the whole picture comes after its parts
            group = waiting.setdefault((sample.kind == "dense", count, len(sample.answer) > 14), [])
            group.append(sample)
            if len(group) >= max(4, self.shape.batch // count):
                yield pack(group, self.shape, self.tokenizer)
                group.clear()
