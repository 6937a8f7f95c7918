"""The family's model out of transformers' own modules, with the steps apart: training wants the tower's rows for the glyph lesson, and
logits only where an answer stands."""
import torch
from torch import nn

from reader.shapes import make_config


def make_model(shape, tokenizer, device=torch.device("cpu")):
    from transformers import SmolVLMForConditionalGeneration

    # On a CPU the fused attention's backward pass takes ten times as long as plain products at so few tokens.
    model = SmolVLMForConditionalGeneration._from_config(make_config(shape, tokenizer), attn_implementation="eager" if device.type == "cpu" else "sdpa")
    # Norms in bf16 take seven times as long as in f32 there: the residual stays f32 under autocast.
    model.model.vision_model.embeddings.register_forward_hook(lambda module, given, made: made.float())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() >= 2:
                nn.init.normal_(weight, std=0.02)
        depth = 2 * (shape.layers + shape.tower_layers)
        for name, weight in model.named_parameters():
            if name.endswith(("out_proj.weight", "fc2.weight", "o_proj.weight", "down_proj.weight")):
                weight.mul_((2 / depth) ** 0.5)
    return model.to(device)


def normalise(tiles):
    """uint8 [N, H, W, 3] to [-1, 1] as [N, 3, H, W]."""
    return tiles.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def tower_rows(model, tiles):
    """[N, patches, tower width] after the last norm."""
    return model.model.vision_model(pixel_values=normalise(tiles)).last_hidden_state


def answer_loss(model, rows, batch):
    """Cross-entropy in nats a token over the answers alone."""
    embeds = model.model.text_model.embed_tokens(batch.ids)
    pictures = model.model.connector(rows).flatten(0, 1).to(embeds.dtype)
    embeds = embeds.masked_scatter((batch.ids == model.config.image_token_id)[..., None], pictures)
    hidden = model.model.text_model(inputs_embeds=embeds, attention_mask=None, use_cache=False).last_hidden_state
    wanted = batch.labels[:, 1:]
    asked = wanted != -100
    logits = model.lm_head(hidden[:, :-1][asked]).float()
    return nn.functional.cross_entropy(logits, wanted[asked])


@torch.no_grad()
def answers(model, tokenizer, tiles, prompts, longest=80, gaps=None):
    """The greedy answers' ids to `prompts` of equal length, each about as many of `tiles` (all of them in order). Appends to `gaps`, where
    given, by how much the best logit of the first prompt led at each step, that of the end included."""
    rows = tower_rows(model, tiles)
    ids = torch.tensor(prompts, device=tiles.device)
    embeds = model.model.text_model.embed_tokens(ids)
    pictures = model.model.connector(rows).flatten(0, 1).to(embeds.dtype)
    embeds = embeds.masked_scatter((ids == model.config.image_token_id)[..., None], pictures)
    out = model.model.text_model(inputs_embeds=embeds, use_cache=True)
    said, open_ = [[] for _ in prompts], set(range(len(prompts)))
    for step in range(longest):
        logits = model.lm_head(out.last_hidden_state[:, -1])
        if gaps is not None and 0 in open_:
            first, second = logits[0].topk(2).values.tolist()
            gaps.append(first - second)
        best = logits.argmax(-1)
        for row in list(open_):
            if best[row] == tokenizer.eos_token_id:
                open_.remove(row)
            else:
                said[row].append(int(best[row]))
        if not open_ or step == longest - 1:
            break
        out = model.model.text_model(input_ids=best[:, None], past_key_values=out.past_key_values, use_cache=True)
    return said


def answer(model, tokenizer, tiles, prompt, longest=80, gaps=None):
    return answers(model, tokenizer, tiles, [prompt], longest, gaps)[0]
