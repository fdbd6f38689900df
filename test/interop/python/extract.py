"""Fine-tuned models whose changes are extracted as LoRA adapters, and what peft makes of those.

{"do": "save", "folder": F}: writes F/NAME/base and F/NAME/tuned for every kind: some merged by peft from an adapter of a stated rank,
some changed everywhere. {"do": "check", "folder": F}: peft loads F/NAME/extracted onto the base and merges it; gives per name how far
its weights are from the tuned model's and from those of F/NAME/again, which is our own merge, as lengths against the change, and for
changes everywhere what the best factors leave, by LAPACK's singular values.
"""

import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(23)

SIZES = {
    "hidden_size": 72, "intermediate_size": 104, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
    "vocab_size": 130, "max_position_embeddings": 64,
}
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def llama(tied=False):
    return LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=tied))


def qwen2():
    return Qwen2ForCausalLM(Qwen2Config(**SIZES, tie_word_embeddings=False))


def gpt2():
    return GPT2LMHeadModel(GPT2Config(n_embd=48, n_layer=2, n_head=3, vocab_size=90, n_positions=32))


def merged(make, rank, targets, dtype=torch.float32):
    def change(model):
        fans = {"fan_in_fan_out": True} if isinstance(model, GPT2LMHeadModel) else {}
        wrapped = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, **fans))
        with torch.no_grad():
            for name, value in wrapped.named_parameters():
                if "lora_" in name:
                    value.copy_(torch.randn(value.shape) * 0.05)
        return wrapped.merge_and_unload()
    return {"make": make, "change": change, "rank": rank, "dtype": dtype}


def everywhere(make, rank, but=()):
    def change(model):
        with torch.no_grad():
            for name, value in model.named_parameters():
                if not any(part in name for part in but):
                    value.add_(torch.randn(value.shape) * 0.01)
        return model
    return {"make": make, "change": change, "rank": rank, "dtype": torch.float32}


KINDS = {
    "merged": merged(llama, 5, PROJECTIONS),
    "merged-few": merged(llama, 7, ["q_proj", "layers.1.mlp.down_proj"]),
    "merged-head": merged(llama, 4, ["lm_head", "v_proj"]),
    "merged-bf16": merged(llama, 3, PROJECTIONS, torch.bfloat16),
    "merged-conv1d": merged(gpt2, 6, ["c_attn", "attn.c_proj", "c_fc"]),
    "everywhere": everywhere(llama, 9),
    "everywhere-tied": everywhere(lambda: llama(tied=True), 9),
    "everywhere-biases": everywhere(qwen2, 9),
    # More than any of its matrices has.
    "everywhere-whole": everywhere(llama, 110),
    "layer-norms": everywhere(gpt2, 8),
}


def save(folder):
    for name, kind in KINDS.items():
        model = kind["make"]().to(kind["dtype"])
        model.save_pretrained(os.path.join(folder, name, "base"))
        kind["change"](model).save_pretrained(os.path.join(folder, name, "tuned"))
    return [{"name": name, "rank": kind["rank"]} for name, kind in KINDS.items()]


def weights(model):
    return {key: value.double() for key, value in model.state_dict().items()}


def length(values):
    return sum(float((value**2).sum()) for value in values) ** 0.5


def check(folder):
    found = {}
    for name, kind in KINDS.items():
        place = os.path.join(folder, name)
        cls = type(kind["make"]())
        base, tuned = (weights(cls.from_pretrained(os.path.join(place, one), dtype=kind["dtype"])) for one in ("base", "tuned"))
        wrapped = PeftModel.from_pretrained(
            cls.from_pretrained(os.path.join(place, "base"), dtype=kind["dtype"]), os.path.join(place, "extracted")
        )
        ours = weights(cls.from_pretrained(os.path.join(place, "again"), dtype=kind["dtype"]))
        peft = weights(wrapped.merge_and_unload())
        changed = [key for key in base if not torch.equal(base[key], tuned[key])]
        matrices = [key for key in changed if base[key].dim() == 2 and not any(part in key for part in ("embed", "wte", "wpe"))]
        if kind["make"] is gpt2:
            matrices = [key for key in matrices if key != "lm_head.weight"]
        if "lm_head.weight" in matrices and torch.equal(tuned["lm_head.weight"], tuned.get("model.embed_tokens.weight", tuned["lm_head.weight"] + 1)):
            matrices.remove("lm_head.weight")
        whole = length(tuned[key] - base[key] for key in matrices)
        singular = [torch.linalg.svdvals(tuned[key] - base[key]) for key in matrices]
        found[name] = {
            "changed": len(changed),
            "tuned": length(peft[key] - tuned[key] for key in matrices) / whole,
            "others": length(peft[key] - tuned[key] for key in base if key not in matrices),
            "peft": sum(int((peft[key] != ours[key]).sum()) for key in base),
            "best": length(values[kind["rank"] :] for values in singular) / whole,
        }
    return found


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(save(asked["folder"]) if asked["do"] == "save" else check(asked["folder"])))
