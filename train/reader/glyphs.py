"""The tower's own lesson: which character stands in which cell of 4x8 pixels. Its head is thrown away at export.

Without it the decoder stays on a language plateau: it finds no visual token worth looking at.
"""
import numpy as np

from reader.fonts import CHARACTERS

CELL_X, CELL_Y = 4, 8
CLASSES = 1 + len(CHARACTERS)
NUMBER = {character: 1 + i for i, character in enumerate(CHARACTERS)}


def labels(glyphs, tile, patch, scale=(1.0, 1.0), origin=(0, 0)):
    """[patches, cells] class of each cell; glyph centres are scaled, then moved by -origin."""
    side, across, down = tile // patch, patch // CELL_X, patch // CELL_Y
    out = np.zeros((side * side, across * down), np.int64)
    for x, y, character in glyphs:
        column, row = int((x * scale[0] - origin[0]) // CELL_X), int((y * scale[1] - origin[1]) // CELL_Y)
        if 0 <= column < tile // CELL_X and 0 <= row < tile // CELL_Y and character in NUMBER:
            out[(row // down) * side + column // across, (row % down) * across + column % across] = NUMBER[character]
    return out
