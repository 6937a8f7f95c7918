"""The layer that the tower's own lesson reads characters with; thrown away at export."""
import torch
from torch import nn

from reader.glyphs import CELL_X, CELL_Y, CLASSES


class GlyphHead(nn.Module):
    def __init__(self, width, patch):
        super().__init__()
        self.cells = (patch // CELL_X) * (patch // CELL_Y)
        self.read = nn.Linear(width, self.cells * CLASSES)

    def forward(self, hidden, wanted):
        """(loss, share of glyph cells read right). Blanks and glyphs weigh alike in all."""
        logits = self.read(hidden).view(*hidden.shape[:-1], self.cells, CLASSES).flatten(0, -2)
        wanted = wanted.flatten()
        # Every cell with a glyph, and of the blank ones, which are most, as many again.
        glyph = wanted > 0
        share = (glyph.sum() + 64) / (~glyph).sum().clamp(min=1)
        kept = (glyph | (torch.rand(wanted.shape, device=wanted.device) < share)).nonzero().squeeze(1)
        logits, wanted = logits[kept].float(), wanted[kept]
        some = wanted > 0
        losses = nn.functional.cross_entropy(logits, wanted, reduction="none")
        glyphs = losses[some].mean() if some.any() else losses.sum() * 0
        right = (logits.argmax(-1) == wanted)[some].float().mean() if some.any() else torch.tensor(0.0)
        return (glyphs + losses[~some].mean()) if some.any() else losses.sum() * 0, right.item()
