"""LoRA adapters by peft, and what peft merges of them.

{"do": "save", "folder": F}: writes F/NAME/base, F/NAME/adapter and F/NAME/merged.values for every kind; gives the names and which of
them are not to be merged. {"do": "check", "folder": F, "converted": G}: counts the elements of G/NAME that are not peft's, bit by bit;
and whether peft loads the adapters that were converted, with the same values.
"""

import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import load_peft_weights
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

torch.manual_seed(11)


def llama(dtype=torch.float32, tied=False):
    config = LlamaConfig(
        hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=96, max_position_embeddings=64, tie_word_embeddings=tied,
    )
    return LlamaForCausalLM(config).to(dtype)


def gpt2():
    return GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=64, n_positions=32))


PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
KINDS = {
    "plain": (llama, {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}),
    "all-bf16": (lambda: llama(torch.bfloat16), {"r": 16, "lora_alpha": 7, "target_modules": PROJECTIONS}),
    "half": (lambda: llama(torch.float16), {"r": 4, "lora_alpha": 3, "target_modules": PROJECTIONS}),
    "stabilised": (llama, {"r": 12, "lora_alpha": 5, "target_modules": PROJECTIONS, "use_rslora": True}),
    "patterns": (
        llama,
        {
            "r": 8, "lora_alpha": 16, "target_modules": PROJECTIONS,
            "rank_pattern": {"q_proj": 3, "model.layers.1.mlp.down_proj": 5},
            "alpha_pattern": {"layers.0.self_attn.q_proj": 9, "up_proj": 2},
        },
    ),
    "saved-whole": (llama, {"r": 4, "lora_alpha": 4, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "embeddings": (llama, {"r": 6, "lora_alpha": 4, "target_modules": ["embed_tokens", "q_proj"]}),
    "embeddings-saved": (llama, {"r": 3, "lora_alpha": 5, "target_modules": ["embed_tokens", "lm_head"]}),
    "fan-in-fan-out": (gpt2, {"r": 8, "lora_alpha": 16, "target_modules": ["c_attn", "c_proj", "c_fc"], "fan_in_fan_out": True}),
    # Only square matrices, of which nothing but their names tells that they are [in, out].
    "conv1d-square": (gpt2, {"r": 4, "lora_alpha": 8, "target_modules": ["attn.c_proj"], "fan_in_fan_out": True}),
    "conv1d-unsaid": (gpt2, {"r": 4, "lora_alpha": 8, "target_modules": ["c_attn", "c_proj"]}),
    "biases": (llama, {"r": 4, "target_modules": ["q_proj"], "bias": "all"}),
    # The head of a tied base keeps the old embeddings, or gets its own.
    "tied-saved": (lambda: llama(tied=True), {"r": 4, "target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]}),
    "tied-saved-both": (lambda: llama(tied=True), {"r": 4, "target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]}),
    # One matrix all the same, saved under both names.
    "tied-ensured": (lambda: llama(tied=True), {"r": 4, "target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"], "ensure_weight_tying": True}),
    "tied-embeddings": (lambda: llama(tied=True), {"r": 4, "target_modules": ["q_proj", "embed_tokens"]}),
    "tied-head": (lambda: llama(tied=True), {"r": 4, "target_modules": ["q_proj", "lm_head"]}),
    "grown": (llama, {"r": 4, "target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]}),
    "pissa": (llama, {"r": 4, "lora_alpha": 4, "target_modules": ["q_proj"], "init_lora_weights": "pissa"}),
    "dora": (llama, {"r": 4, "lora_alpha": 4, "target_modules": ["q_proj"], "use_dora": True}),
}
REFUSED = ["dora", "pissa", "tied-head"]
# Tokens that were added before training.
GROWN = {"grown": 101}


def save(folder):
    for name, (make, how) in KINDS.items():
        base = os.path.join(folder, name, "base")
        adapter = os.path.join(folder, name, "adapter")
        model = make()
        model.save_pretrained(base)
        if name in GROWN:
            model.resize_token_embeddings(GROWN[name])
        wrapped = get_peft_model(model, LoraConfig(**how))
        with torch.no_grad():
            for key, value in wrapped.named_parameters():
                if value.requires_grad:
                    value.copy_(torch.randn(value.shape) * 0.1)
        wrapped.save_pretrained(adapter, safe_serialization=name != "half", save_embedding_layers=name == "embeddings-saved")
        clean = type(model).from_pretrained(base, dtype=model.dtype)
        if name in GROWN:
            clean.resize_token_embeddings(GROWN[name])
        merged = PeftModel.from_pretrained(clean, adapter).merge_and_unload()
        torch.save({key: value.clone() for key, value in merged.state_dict().items()}, os.path.join(folder, name, "merged.values"))
    return {"names": list(KINDS), "refused": REFUSED}


def check(folder, converted):
    whole = {2: torch.int16, 4: torch.int32}
    differences = {}
    for name in KINDS:
        if name in REFUSED:
            continue
        wanted = torch.load(os.path.join(folder, name, "merged.values"), weights_only=True)
        found = load_file(os.path.join(converted, name, "model.safetensors"))
        # A base saves its tied head once: it has to be the embeddings still.
        extra = set(wanted) - set(found) if "lm_head.weight" not in found else set()
        tables = [wanted[key] for key in ("model.embed_tokens.weight", "transformer.wte.weight") if key in wanted]
        assert "lm_head.weight" not in extra or torch.equal(wanted["lm_head.weight"], tables[0]), name
        assert not set(found) - set(wanted) or all(k.startswith(("h.", "wte", "wpe", "ln_f")) for k in found), (name, set(found) - set(wanted))
        count = 0
        for key, value in found.items():
            other = wanted[key] if key in wanted else wanted[f"transformer.{key}"]
            assert other.dtype == value.dtype and other.shape == value.shape, (name, key)
            bits = whole[value.element_size()]
            count += int((value.view(bits) != other.contiguous().view(bits)).sum())
        differences[name] = count
        first = load_peft_weights(os.path.join(folder, name, "adapter"), device="cpu")
        for way in ("pytorch", "safetensors"):
            place = os.path.join(converted, f"{name}-adapter-{way}")
            again = load_peft_weights(place, device="cpu")
            same = set(first) == set(again) and all(torch.equal(first[k], again[k]) for k in first)
            assert same, (name, way)
            LoraConfig.from_pretrained(place)
    return differences


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(save(asked["folder"]) if asked["do"] == "save" else check(asked["folder"], asked["converted"])))
