"""Draws LLaMA models of any shape with real transformers and records goldens in float32, float64 and bfloat16.

stdin: [{folder, seed}]; each folder gets config.json, model.safetensors, golden.safetensors and golden-bf16.safetensors;
stdout: [{config}]. The weights are right by their making, so that whatever fails them judges wrongly.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM


def draw_config(chance: random.Random) -> dict:
    kv_heads = chance.choice([1, 1, 2, 3, 4])
    heads = kv_heads * chance.choice([1, 1, 2, 3, 8])
    head_dim = chance.choice([2, 4, 8, 16, 32, 64])
    hidden = heads * chance.choice([1, 2, 3, 4, head_dim, head_dim, head_dim, 16, 32])
    theta = chance.choice([10000.0, 10000.0, 500000.0, 100.0])
    positions = chance.choice([32, 256])
    rope = chance.choice([
        {"rope_type": "default"},
        {"rope_type": "default"},
        {"rope_type": "linear", "factor": chance.choice([2.0, 4.0])},
        {"rope_type": "dynamic", "factor": chance.choice([2.0, 4.0])},
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
    ])  # fmt: skip
    if rope["rope_type"] == "dynamic":
        head_dim = max(4, head_dim)  # its exponent is dim / (dim - 2)
    return {
        "vocab_size": chance.choice([33, 97, 256, 300, 480]), "hidden_size": hidden, "intermediate_size": chance.choice([1, 7, 32, 96, 160, 257, 512]),
        "num_hidden_layers": chance.choice([1, 2, 3, 4, 6, 10]), "num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": head_dim,
        "rms_norm_eps": chance.choice([1e-6, 1e-5]), "max_position_embeddings": positions, "tie_word_embeddings": chance.random() < 0.3,
        "attention_bias": chance.random() < 0.3, "mlp_bias": chance.random() < 0.2, "hidden_act": "silu",
        "initializer_range": chance.choice([0.02, 0.05, 0.12, 0.3]), "rope_parameters": rope | {"rope_theta": theta},
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None,
    }  # fmt: skip


def record(model: LlamaForCausalLM, prompts: list[torch.Tensor], path: Path, name: str, wide: LlamaForCausalLM | None) -> None:
    golden = {}
    for number, ids in enumerate(prompts):
        golden[f"prompt.{number}.input_ids"] = ids[0].int()
        golden[f"prompt.{number}.logits"] = model(input_ids=ids).logits[0].float().contiguous()
        if wide is not None:
            golden[f"prompt.{number}.logits_f64"] = wide(input_ids=ids).logits[0].contiguous()
    save_file(golden, path, metadata={"producer": "transformers", "dtype": name})


def draw(folder: Path, seed: int) -> dict:
    chance = random.Random(seed)
    torch.manual_seed(seed)
    facts = draw_config(chance)
    model = LlamaForCausalLM(LlamaConfig(**facts)).float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            if name.endswith(".bias"):
                parameter.copy_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    # Each prompt stays below the length at which dynamic rotary changes, or is the longest so far.
    prompts = [torch.randint(0, facts["vocab_size"], (1, length)) for length in (1, 9, 30, 70)]
    with torch.no_grad():
        record(model, prompts, folder / "golden.safetensors", "float32", None)
        if facts["rope_parameters"]["rope_type"] != "dynamic":
            record(model, prompts, folder / "golden-f64.safetensors", "float32", LlamaForCausalLM.from_pretrained(folder, dtype=torch.float64).eval())
        half = LlamaForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
        # The reference of half a model is that half: its weights are rounded, too.
        half.save_pretrained(folder / "half")
        record(half, prompts, folder / "golden-bf16.safetensors", "bfloat16", None)
    return {"config": facts}


def main() -> None:
    torch.set_num_threads(1)
    print(json.dumps([draw(Path(item["folder"]), item["seed"]) for item in json.load(sys.stdin)]))


main()
