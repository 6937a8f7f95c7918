"""The shapes we train. All of them are the family's architecture; what differs is width, depth and the picture's size.

`reader-4m` is what one CPU core can teach to read words and labels within hours: every picture is one tile of 128 pixels. `reader-8m`
wants a night of more cores, `reader-15m` and `reader-40m` a GPU. Widths are multiples of 32, so that every matrix divides into blocks
of 8 bits.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    tile: int             # pixels of a tile's side
    longest: int          # pixels to which a picture's longer side is brought before it is cut into tiles
    patch: int
    shuffle: int          # r: r*r patches become one token
    tower_width: int
    tower_layers: int
    tower_heads: int
    tower_inner: int
    width: int            # of the decoder
    layers: int
    heads: int
    kv_heads: int
    inner: int
    context: int
    vocabulary: int = 4096
    rate: float = 1.5e-3  # the highest learning rate
    batch: int = 24       # pictures of one tile; more tiles, fewer pictures
    spelled: bool = False  # answers as one token a byte: learned from fewer pictures than words in pieces, longer to say

    @property
    def tile_tokens(self):
        return (self.tile // self.patch // self.shuffle) ** 2


SHAPES = {shape.name: shape for shape in (
    Shape("reader-4m", 128, 128, 16, 2, 192, 4, 3, 768, 192, 4, 3, 1, 512, 512, vocabulary=1024, batch=32, spelled=True),
    Shape("reader-8m", 256, 512, 16, 2, 192, 6, 6, 768, 256, 4, 4, 2, 704, 2048),
    Shape("reader-15m", 512, 1024, 16, 2, 256, 8, 8, 1024, 256, 6, 4, 2, 704, 4096, batch=128),
    Shape("reader-40m", 512, 1024, 16, 2, 384, 10, 12, 1536, 384, 10, 6, 2, 1024, 4096, rate=8e-4, batch=128),
)}


def make_config(shape, tokenizer):
    from transformers import SmolVLMConfig

    text = {"model_type": "llama", "hidden_size": shape.width, "intermediate_size": shape.inner, "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads, "num_key_value_heads": shape.kv_heads, "head_dim": 64, "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.context, "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "tie_word_embeddings": False,
            "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    vision = {"hidden_size": shape.tower_width, "intermediate_size": shape.tower_inner, "num_hidden_layers": shape.tower_layers,
              "num_attention_heads": shape.tower_heads, "image_size": shape.tile, "patch_size": shape.patch, "layer_norm_eps": 1e-6}
    return SmolVLMConfig(text_config=text, vision_config=vision, scale_factor=shape.shuffle, pad_token_id=tokenizer.pad_token_id,
                         image_token_id=tokenizer.convert_tokens_to_ids("<image>"), tie_word_embeddings=False)
