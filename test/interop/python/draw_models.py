"""Draws small models of the Llama family with real transformers, saves them as torch.save does, and records their logits.

stdin: [{folder, seed}]; each folder gets config.json, pytorch_model.bin and golden.safetensors; stdout: [{config}]
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM


def draw(folder: Path, seed: int) -> dict:
    chance = random.Random(seed)
    torch.manual_seed(seed)
    kv_heads = chance.choice([1, 2, 4])
    heads = kv_heads * chance.choice([1, 2, 3])
    head_dim = chance.choice([4, 8, 16])
    internlm = chance.random() < 0.7
    bias = internlm and chance.random() < 0.8
    hidden = heads * head_dim
    theta = chance.choice([10000.0, 500000.0])
    dtype = chance.choice([torch.float16, torch.bfloat16, torch.float32])
    facts = {
        "vocab_size": chance.choice([97, 256, 301]), "hidden_size": hidden, "intermediate_size": hidden * 2 + chance.choice([4, 8, 24]),
        "num_hidden_layers": chance.choice([1, 2, 3]), "num_attention_heads": heads, "num_key_value_heads": kv_heads,
        "rms_norm_eps": chance.choice([1e-6, 1e-5]), "max_position_embeddings": 64, "tie_word_embeddings": False,
        "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**facts, attention_bias=bias, rope_theta=theta)).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((torch.randn_like(parameter) * parameter.shape[-1] ** -0.5 + (parameter.ndim == 1)).to(dtype).float())
    folder.mkdir(parents=True)
    torch.save({name: tensor.to(dtype) for name, tensor in model.state_dict().items()}, folder / "pytorch_model.bin")
    name = str(dtype).removeprefix("torch.")
    if internlm:
        written = facts | {"model_type": "internlm", "architectures": ["InternLMForCausalLM"], "bias": bias, "rope_theta": theta, "rope_scaling": None, "torch_dtype": name}
    else:
        written = facts | {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_theta": theta, "torch_dtype": name}
    (folder / "config.json").write_text(json.dumps(written))
    golden = {}
    for number, length in enumerate((1, 5, 40)):
        ids = torch.randint(0, facts["vocab_size"], (1, length))
        with torch.no_grad():
            golden[f"prompt.{number}.logits"] = model(input_ids=ids).logits[0].contiguous()
        golden[f"prompt.{number}.input_ids"] = ids[0].int()
    save_file(golden, folder / "golden.safetensors", metadata={"producer": "transformers", "dtype": "float32"})
    return {"ids": [golden[f"prompt.{number}.input_ids"].tolist() for number in range(3)], "config": written}


def main() -> None:
    print(json.dumps([draw(Path(item["folder"]), item["seed"]) for item in json.load(sys.stdin)]))


main()
