"""A picture to tiles and a question to ids, as the family's processor does it, without its overhead. The test compares both."""
import math

import numpy as np
from PIL import Image


def target_size(width, height, shape):
    """The size before cutting: the longer side brought to shape.longest (even), then both raised to whole tiles."""
    ratio = width / height
    if width >= height:
        wide, high = shape.longest, max(int(shape.longest / ratio), 1)
        high += high % 2
    else:
        wide, high = max(int(shape.longest * ratio), 1), shape.longest
        wide += wide % 2
    ratio = wide / high
    if wide >= high:
        cut_wide = math.ceil(wide / shape.tile) * shape.tile
        cut_high = math.ceil(int(cut_wide / ratio) / shape.tile) * shape.tile
    else:
        cut_high = math.ceil(high / shape.tile) * shape.tile
        cut_wide = math.ceil(int(cut_high * ratio) / shape.tile) * shape.tile
    return (wide, high), (cut_wide, cut_high)


def cut(pixels, shape, split=True):
    """(tiles [N, tile, tile, 3] uint8 with the whole picture last, rows, columns, (sx, sy) of a point on the cut picture)."""
    height, width = pixels.shape[:2]
    picture = Image.fromarray(pixels)
    first, second = target_size(width, height, shape)
    if not split:
        if (width, height) != (shape.tile, shape.tile):
            picture = picture.resize(first, Image.LANCZOS).resize((shape.tile, shape.tile), Image.LANCZOS)
        return np.asarray(picture)[None], 0, 0, (shape.tile / width, shape.tile / height)
    whole = picture = picture.resize(first, Image.LANCZOS).resize(second, Image.LANCZOS)
    rows, columns = second[1] // shape.tile, second[0] // shape.tile
    scale = (second[0] / width, second[1] / height)
    if rows * columns == 1:
        return np.asarray(whole)[None], 0, 0, scale
    data = np.asarray(picture)
    parts = [data[r * shape.tile:(r + 1) * shape.tile, c * shape.tile:(c + 1) * shape.tile] for r in range(rows) for c in range(columns)]
    parts.append(np.asarray(whole.resize((shape.tile, shape.tile), Image.LANCZOS)))
    return np.stack(parts), rows, columns, scale


def picture_text(rows, columns, tokens):
    image = "<image>" * tokens
    if not rows:
        return f"<fake_token_around_image><global-img>{image}<fake_token_around_image>"
    text = ""
    for r in range(1, rows + 1):
        for c in range(1, columns + 1):
            text += f"<fake_token_around_image><row_{r}_col_{c}>{image}"
        text += "\n"
    return text + f"\n<fake_token_around_image><global-img>{image}<fake_token_around_image>"


def prompt_text(rows, columns, tokens, question):
    return f"<|im_start|>User:{picture_text(rows, columns, tokens)}{question}<end_of_utterance>\nAssistant:"


def answer_text(answer):
    return f" {answer}<end_of_utterance>"
