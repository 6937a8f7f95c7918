"""tests/golden/smolvlm: seeded checkpoints of the true architecture, and what Hugging Face transformers computes on them.

Of the tiny ones checkpoint and values are committed, of the family's full shapes (FULL) the values only: `tools/prove parity` makes
the checkpoint again, from the same seed, and runs our engine on it. The decoder's matrices stay in bf16 and become f32 one at a time,
when they are multiplied: nothing is rounded, and 3B fits 10 GB. `llama/` is a SmolVLM with a Llama decoder, `smollm3/` one with a SmolLM3 decoder (layers without positions, tied head). Weights
are bf16, so that the files are small and f32 arithmetic on them is exact at the start. A few weights are made large, so that the
residual streams have the outliers of the real models (hundreds in the tower, above ten thousand in the decoder).

seams.txt holds, for one picture and one question: the ids of the prompt, and for every seam its extents, largest magnitude, norm
and 256 values at index k * count / 256. The processor is the PIL one: the fast one resizes with another filter.
"""
import dataclasses
import json
import math
import pathlib
import shutil

SAMPLES = 256
STEPS = 12
QUESTION = "What is the total of 42?"


@dataclasses.dataclass
class Shape:
    kind: str  # of the decoder: model_type
    seed: int
    tile: int
    longest: int
    patch: int
    shuffle: int
    text: dict
    vision: dict
    vocabulary: int = 0  # rows; 0: three more than there are tokens
    # Layers that make what the real models have: hundreds in the tower, above ten thousand in the decoder from layer 4 on.
    tower_outliers: tuple = ((0, 5, -108.0), (2, 9, 500.0))
    decoder_outlier: tuple = (1, 3, 4000)  # layer, channel, what its weights are multiplied with
    # Neurons that make the decoder's outlier, or none. Each adds silu(g) g, which is never negative, as the real models' are of one
    # sign: a sum of both signs is near zero for a few tokens of a long prompt, and f32 then leaves a thousandth of it to chance.
    outlier_neurons: int = 0
    picture: str = "disc"


def text_config(hidden, inner, layers, heads, kv_heads, theta, eps, context, **more):
    return {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv_heads, "max_position_embeddings": context, "rms_norm_eps": eps, "rope_theta": theta, **more}


def vision_config(hidden, inner, layers, heads):
    return {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": heads}


TINY_VISION = vision_config(48, 80, 3, 2)
TINY = {
    "llama": Shape("llama", 20261122, 32, 128, 8, 2, text_config(64, 96, 4, 4, 2, 130000.0, 1e-5, 512), TINY_VISION),
    "smollm3": Shape("smollm3", 20261123, 32, 128, 8, 2, text_config(64, 96, 4, 4, 1, 5e6, 1e-6, 512, no_rope_layers=[1, 1, 1, 0]), TINY_VISION),
}
BASE, LARGE = vision_config(768, 3072, 12, 12), vision_config(1152, 4304, 27, 16)
# The large shapes see two tiles below each other and the whole, the small ones four and the whole: minutes, not hours.
BASE_TILES, LARGE_TILES = (512, 2048, 16, 4), (384, 768, 14, 3)
GROWN = {"tower_outliers": ((4, 5, -108.0), (9, 9, -150.0), (-1, 17, 500.0)), "decoder_outlier": (3, 3, 16000), "outlier_neurons": 64,
         "picture": "tall"}
FULL = {
    "256m": Shape("llama", 20261124, *BASE_TILES, text_config(576, 1536, 30, 9, 3, 1e5, 1e-5, 8192), BASE, 49280, **GROWN),
    "500m": Shape("llama", 20261125, *BASE_TILES, text_config(960, 2560, 32, 15, 5, 1e5, 1e-5, 8192), BASE, 49280, **GROWN),
    "2.2b": Shape("llama", 20261126, *LARGE_TILES, text_config(2048, 8192, 24, 32, 32, 130000.0, 1e-5, 8192), LARGE, 49280, **GROWN),
    "3b": Shape("smollm3", 20261127, *LARGE_TILES, text_config(2048, 11008, 36, 16, 4, 5e6, 1e-6, 65536), LARGE, 128256 + 64, **GROWN),
}
MERGES = [("Ċ", "Ċ"), ("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("e", "r"), ("Ġ", "a"), ("o", "n"), ("t", "o"), ("U", "s"), ("Us", "er")]


def make_tokenizer(markers):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: i for i, text in enumerate(special + letters + [a + b for a, b in MERGES])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=MERGES))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    if markers:
        plain = ["<global-img>"] + [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
        tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in plain])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False)
                                  for text in ("<fake_token_around_image>", "<image>", "<end_of_utterance>")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<end_of_utterance>",
                                   pad_token="<|im_end|>", clean_up_tokenization_spaces=False)


def make_processor(tokenizer, shape):
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    images = SmolVLMImageProcessorPil(size={"longest_edge": shape.longest}, max_image_size={"longest_edge": shape.tile}, resample=1,
                                      do_image_splitting=True)
    return join_processor(images, tokenizer, (shape.tile // shape.patch // shape.shuffle) ** 2)


def join_processor(images, tokenizer, tokens):
    """The family's processor around its PIL half; `tokens` a tile."""
    from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE, SmolVLMProcessor

    class Processor(SmolVLMProcessor):
        def check_argument_for_proper_class(self, name, argument):
            pass  # no video processor: it needs torchvision

    return Processor(image_processor=images, tokenizer=tokenizer, video_processor=None, image_seq_len=tokens, chat_template=DEFAULT_CHAT_TEMPLATE)


def make_config(shape, tokenizer):
    from transformers import SmolVLMConfig

    tied = shape.kind == "smollm3"
    text = {"model_type": shape.kind, **shape.text, "vocab_size": shape.vocabulary or len(tokenizer) + 3, "pad_token_id": 2, "bos_token_id": 1,
            "eos_token_id": tokenizer.eos_token_id, "tie_word_embeddings": tied}
    vision = {**shape.vision, "image_size": shape.tile, "patch_size": shape.patch, "layer_norm_eps": 1e-6}
    return SmolVLMConfig(text_config=text, vision_config=vision, scale_factor=shape.shuffle, pad_token_id=2,
                         image_token_id=tokenizer.convert_tokens_to_ids("<image>"), tie_word_embeddings=tied)


def make_model(config):
    """Without values: those of the decoder's matrices in bf16, all others in f32."""
    import torch
    import transformers
    from transformers.initialization import no_init_weights

    torch.set_default_dtype(torch.bfloat16)
    try:
        with no_init_weights():
            model = transformers.SmolVLMForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(torch.float32)
    model.tie_weights()
    matrices = [part for part in model.model.text_model.layers.modules() if isinstance(part, torch.nn.Linear)]
    small = {id(part.weight): part.weight.data for part in matrices}
    for weight in model.parameters():
        if id(weight) not in small:
            weight.data = weight.data.float()

    def widen(part, _inputs):
        part.weight.data = small[id(part.weight)].float()

    def narrow(part, _inputs, _output):
        part.weight.data = small[id(part.weight)]

    for part in matrices:
        part.register_forward_pre_hook(widen)
        part.register_forward_hook(narrow)
    return model


def fill_weights(model, shape):
    import torch

    outliers = {f"model.vision_model.encoder.layers.{layer % shape.vision['num_hidden_layers']}.mlp.fc2.bias": (channel, value)
                for layer, channel, value in shape.tower_outliers}
    layer, row, factor = shape.decoder_outlier
    mlp, neurons, gate = f"model.text_model.layers.{layer}.mlp", shape.outlier_neurons, None
    generator = torch.Generator().manual_seed(shape.seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            values = torch.randn(weight.shape, generator=generator)
            if weight.dim() == 1:
                values = values * 0.1 + (0.0 if name.endswith("bias") else 1.0)
            elif "embed_tokens" in name:
                values *= 0.1
            elif "position_embedding" in name:
                values *= 0.5
            elif "connector" in name or "lm_head" in name:
                values *= 4 / math.sqrt(weight.shape[1])
            else:
                values *= 1.5 / math.sqrt(weight[0].numel())
            if name in outliers:
                channel, value = outliers[name]
                values[channel] = value
            if name == f"{mlp}.down_proj.weight":
                values[row] *= 0 if neurons else factor
                values[row, :neurons] = factor / max(neurons, 1)
            if name == f"{mlp}.gate_proj.weight":
                gate = values[:neurons].clone()
            if name == f"{mlp}.up_proj.weight":
                values[:neurons] = gate
            weight.copy_(values.bfloat16())


def make_picture(name):
    from PIL import Image

    if name == "tall":  # four tiles below each other, and the whole: what a full shape can be asked in minutes
        picture = Image.new("RGB", (300, 2000), (255, 255, 255))
        for y in range(2000):
            for x in range(300):
                if (x // 20 + y // 35) % 3 == 0:
                    picture.putpixel((x, y), ((x * 3) & 255, (y * 2) & 255, (x * y // 64) & 255))
        return picture

    picture = Image.new("RGB", (90, 60))
    for y in range(60):
        for x in range(90):
            inside = (x - 30) ** 2 + (y - 25) ** 2 < 300
            picture.putpixel((x, y), (250, 30 + y, x) if inside else ((x * 3) & 255, (y * 4) & 255, 90 + 60 * ((x // 8 + y // 8) % 2)))
    return picture


class Recorder:
    """Keeps what passes each seam."""

    def __init__(self, model):
        self.seams = []
        vision = model.model.vision_model
        self.watch("patches", vision.embeddings)
        for i, layer in enumerate(vision.encoder.layers):
            self.watch(f"tower.{i}", layer)
        self.watch("post_norm", vision.post_layernorm)
        connector = model.model.connector
        shuffle = connector.pixel_shuffle

        def shuffled(*arguments):
            out = shuffle(*arguments)
            self.seams.append(("shuffle", out))
            return out

        connector.pixel_shuffle = shuffled
        self.watch("connector", connector)
        for i, layer in enumerate(model.model.text_model.layers):
            self.watch(f"decoder.{i}", layer)

    def watch(self, name, module):
        def keep(_module, _inputs, output):
            self.seams.append((name, output[0] if isinstance(output, tuple) else output))

        module.register_forward_hook(keep)


def seam_line(name, values):
    values = values.detach().float().reshape(-1, values.shape[-1])
    flat = values.flatten()
    count = flat.numel()
    picked = [flat[k * count // SAMPLES].item() for k in range(min(SAMPLES, count))]
    head = f"seam {name} {values.shape[0]} {values.shape[1]} {flat.abs().max().item():.9g} {flat.double().norm().item():.9g}"
    return head + "".join(f" {value:.9g}" for value in picked)


def make_checkpoint(shape, folder, golden):
    import torch
    from safetensors.torch import save_file

    tokenizer = make_tokenizer(markers=True)
    processor = make_processor(tokenizer, shape)
    torch.manual_seed(shape.seed)
    config = make_config(shape, tokenizer)
    config._attn_implementation = "eager"
    model = make_model(config)
    fill_weights(model, shape)
    grid = shape.tile // shape.patch
    positions = (torch.clamp(torch.arange(grid).float() * (1.0 / torch.tensor(grid)), max=1 - 1e-6)[:, None]
                 >= torch.arange(1 / grid, 1.0, 1 / grid)[None]).sum(1)
    assert positions.tolist() == list(range(grid)), "this version shifts position ids"

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tensors = {name: value.bfloat16().contiguous() for name, value in model.state_dict().items()}
    if shape.kind == "smollm3":
        tensors.pop("lm_head.weight", None)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    del tensors
    config.dtype = "bfloat16"
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps({"image_seq_len": processor.image_seq_len,
                                                              "processor_class": "SmolVLMProcessor"}) + "\n")
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": processor.chat_template}) + "\n")
    for name in ("tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        (folder / name).unlink(missing_ok=True)

    picture = make_picture(shape.picture)
    picture.save(folder / "picture.png")
    if golden is not None:
        write_golden(model, processor, picture, f"seed {shape.seed}", golden)


def write_golden(model, processor, picture, of, golden):
    """What transformers computes on the question about `picture`; `of` says of which weights."""
    import torch
    import transformers

    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}]
    prompt = processor.tokenizer.apply_chat_template(messages, chat_template=processor.chat_template, tokenize=False, add_generation_prompt=True)
    inputs = processor(text=[prompt], images=[[picture]], return_tensors="pt")
    recorder = Recorder(model)
    lines = [f"# transformers {transformers.__version__}, torch {torch.__version__}, {of}, f32, attention eager",
             f"prompt {json.dumps(prompt)}", "ids " + " ".join(map(str, inputs["input_ids"][0].tolist()))]
    with torch.no_grad():
        seen = model(**inputs, use_cache=True)
        logits, first = seen.logits[0], len(recorder.seams)
        pixels = inputs["pixel_values"][0]
        seams = [seam_line("pixels", pixels.reshape(-1, pixels.shape[-1]))]
        seams += [seam_line(name, values) for name, values in recorder.seams[:first]] + [seam_line("logits", logits)]
        answer, gaps, step = [], [], logits[-1]
        for _ in range(STEPS):
            top = step.topk(2)
            answer.append(top.indices[0].item())
            gaps.append(f"{(top.values[0] - top.values[1]).item():.6g}")
            step = model(input_ids=top.indices[:1][None], past_key_values=seen.past_key_values, use_cache=True).logits[0, -1]
    lines += [f"answer {' '.join(map(str, answer))}", f"gaps {' '.join(gaps)}", *seams]
    pathlib.Path(golden).write_text("\n".join(lines) + "\n")
    for line in seams:
        print(*line.split()[:6])


def make_real(folder, golden):
    """The same of a checkpoint with weights of its own, for one run of tools/prove_real; the picture goes beside `golden`."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoTokenizer
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    folder, golden = pathlib.Path(folder), pathlib.Path(golden)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    told = folder / "processor_config.json"
    config = model.config.vision_config
    tokens = (config.image_size // config.patch_size // model.config.scale_factor) ** 2
    tokens = json.loads(told.read_text()).get("image_seq_len", tokens) if told.exists() else tokens
    processor = join_processor(SmolVLMImageProcessorPil.from_pretrained(folder), AutoTokenizer.from_pretrained(folder), tokens)
    picture = make_picture("tall")
    picture.save(golden.parent / "picture.png")
    write_golden(model, processor, picture, f"weights of {folder.name}", golden)


def make_smolvlm(golden):
    for name, shape in TINY.items():
        folder = pathlib.Path(golden) / "smolvlm" / name
        make_checkpoint(shape, folder, folder / "seams.txt")


def make_full(name, folder, golden):
    """The checkpoint in `folder`, and what is committed of it in `golden`, unless that is None: the committed file is good."""
    make_checkpoint(FULL[name], pathlib.Path(folder), golden and pathlib.Path(golden))
