"""Writes a trained reader as others load it:  python -m reader.export --run DIR --out FOLDER

FOLDER/huggingface: config, weights (safetensors, bf16), tokenizer, processor, chat template: AutoProcessor and AutoModel load it.
FOLDER/reader.gguf and FOLDER/mmproj-reader.gguf: the same in 8 bits (Q8_0; norms, biases and positions stay f32), pinned by
FOLDER/SHA256SUMS. FOLDER/training.json: how far the training had come.
"""
import argparse
import hashlib
import json
import pathlib
import sys

import numpy as np
import torch

from reader import model as models, shapes


def make_processor(shape, tokenizer):
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
    from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE, SmolVLMProcessor

    class Processor(SmolVLMProcessor):
        def check_argument_for_proper_class(self, name, argument):
            pass  # no video processor: it needs torchvision

    images = SmolVLMImageProcessorPil(size={"longest_edge": shape.longest}, max_image_size={"longest_edge": shape.tile}, resample=1,
                                      do_image_splitting=True)
    return Processor(image_processor=images, tokenizer=tokenizer, video_processor=None, image_seq_len=shape.tile_tokens,
                     chat_template=DEFAULT_CHAT_TEMPLATE)


def write_folder(folder, shape, model, tokenizer):
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor = make_processor(shape, tokenizer)
    processor.image_processor.save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "SmolVLMProcessor", "image_seq_len": shape.tile_tokens}) + "\n")
    (folder / "chat_template.jinja").write_text(processor.chat_template)
    generation = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": [tokenizer.eos_token_id], "pad_token_id": tokenizer.pad_token_id}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def interleave(weight, heads):
    """Rows of a head as GGUF's llama keeps them: pairs of the rotation side by side."""
    rows, inner = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, inner).swapaxes(1, 2).reshape(rows, inner)


def add(writer, name, weight, quantise):
    import gguf

    weight = np.ascontiguousarray(weight, dtype=np.float32)
    if quantise and weight.ndim == 2 and weight.shape[1] % 32 == 0:
        writer.add_tensor(name, gguf.quants.quantize(weight, gguf.GGMLQuantizationType.Q8_0), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    else:
        writer.add_tensor(name, weight)


def write_text(path, shape, weights, tokenizer, template, selftest_right=None):
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(shape.name)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(64)
    writer.add_value_length(64)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(100000.0)
    writer.add_rope_dimension_count(64)
    writer.add_vocab_size(shape.vocabulary)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    added = tokenizer.added_tokens_decoder
    kinds = [gguf.TokenType.CONTROL if i in added and added[i].special else gguf.TokenType.USER_DEFINED if i in added else gguf.TokenType.NORMAL
             for _, i in vocabulary]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([text for text, _ in vocabulary])
    writer.add_token_types(kinds)
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in merges])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)
    if selftest_right is not None:
        writer.add_float32("sluice.selftest_right", selftest_right)  # `sluice selftest` prints it beside what it finds
    add(writer, "token_embd.weight", weights["model.text_model.embed_tokens.weight"], True)
    add(writer, "output.weight", weights["lm_head.weight"], True)
    add(writer, "output_norm.weight", weights["model.text_model.norm.weight"], False)
    names = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
             "mlp.down_proj": "ffn_down"}
    heads = {"attn_q": shape.heads, "attn_k": shape.kv_heads}
    for i in range(shape.layers):
        for ours, theirs in names.items():
            weight = weights[f"model.text_model.layers.{i}.{ours}.weight"]
            add(writer, f"blk.{i}.{theirs}.weight", interleave(weight, heads[theirs]) if theirs in heads else weight, True)
    finish(writer)


def write_tower(path, shape, weights):
    import gguf

    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_name(shape.name)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "idefics3")
    writer.add_bool("clip.use_gelu", True)
    for key, value in {"image_size": shape.tile, "patch_size": shape.patch, "embedding_length": shape.tower_width,
                       "feed_forward_length": shape.tower_inner, "block_count": shape.tower_layers, "projection_dim": shape.width,
                       "attention.head_count": shape.tower_heads, "projector.scale_factor": shape.shuffle,
                       "preproc_image_size": shape.longest}.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    tower = "model.vision_model."
    for kind in ("weight", "bias"):
        add(writer, f"v.patch_embd.{kind}", weights[f"{tower}embeddings.patch_embedding.{kind}"], False)
        add(writer, f"v.post_ln.{kind}", weights[f"{tower}post_layernorm.{kind}"], False)
    add(writer, "v.position_embd.weight", weights[f"{tower}embeddings.position_embedding.weight"], False)
    names = {"layer_norm1": "ln1", "layer_norm2": "ln2", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.out_proj": "attn_out", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down"}
    for i in range(shape.tower_layers):
        for ours, theirs in names.items():
            for kind in ("weight", "bias"):
                add(writer, f"v.blk.{i}.{theirs}.{kind}", weights[f"{tower}encoder.layers.{i}.{ours}.{kind}"], kind == "weight")
    add(writer, "mm.model.fc.weight", weights["model.connector.modality_projection.proj.weight"], True)
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    from transformers import PreTrainedTokenizerFast
    from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="folder that reader.train wrote")
    parser.add_argument("--shape", choices=sorted(shapes.SHAPES), default="reader-4m")
    parser.add_argument("--out", required=True)
    parser.add_argument("--selftest-right", type=float, help="how many of the 24 questions of `sluice selftest` it gets right")
    options = parser.parse_args()
    run, out, shape = pathlib.Path(options.run), pathlib.Path(options.out), shapes.SHAPES[options.shape]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(run / "tokenizer")
    model = models.make_model(shape, tokenizer)
    state = torch.load(run / "state.pt", weights_only=True, map_location="cpu")
    model.load_state_dict(state["mean"])
    out.mkdir(parents=True, exist_ok=True)
    write_folder(out / "huggingface", shape, model, tokenizer)
    weights = {name: weight.float().numpy() for name, weight in model.state_dict().items()}
    write_text(out / "reader.gguf", shape, weights, tokenizer, DEFAULT_CHAT_TEMPLATE, options.selftest_right)
    write_tower(out / "mmproj-reader.gguf", shape, weights)
    told = {"shape": shape.name, "parameters": sum(w.numel() for w in model.parameters()), "hours": round(state["spent"] / 3600, 2),
            "pictures": state["pictures"], "updates": state["updates"]}
    (out / "training.json").write_text(json.dumps(told) + "\n")
    pins = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(out.glob("*.gguf")))
    (out / "SHA256SUMS").write_text(pins)
    print(pins + json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
