"""Draws one Llama-shaped model with attention biases and records its logits as torch computes them in float32, float16 and bfloat16.

stdin: {folder}; the folder gets config.json, pytorch_model.bin (float16 weights) and logits.safetensors; stdout: {ids}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

FACTS = {
    "vocab_size": 1003, "hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 6, "num_attention_heads": 8,
    "num_key_value_heads": 8, "rms_norm_eps": 1e-6, "max_position_embeddings": 256, "tie_word_embeddings": False,
    "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip


def main() -> None:
    folder = Path(json.load(sys.stdin)["folder"])
    torch.manual_seed(11)
    model = LlamaForCausalLM(LlamaConfig(**FACTS, attention_bias=True, rope_theta=10000.0)).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((torch.randn_like(parameter) * parameter.shape[-1] ** -0.5 + (parameter.ndim == 1)).half().float())
    folder.mkdir(parents=True)
    torch.save({name: tensor.half() for name, tensor in model.state_dict().items()}, folder / "pytorch_model.bin")
    written = FACTS | {"model_type": "internlm", "architectures": ["InternLMForCausalLM"], "bias": True, "torch_dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(written))
    ids = torch.randint(3, FACTS["vocab_size"], (1, 64))
    logits = {}
    with torch.no_grad():
        for name, dtype in (("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16)):
            logits[name] = model.to(dtype)(input_ids=ids).logits[0].float().contiguous()
            model.float()  # float16 back to float32 is exact; bfloat16 comes last
    save_file(logits, folder / "logits.safetensors")
    print(json.dumps({"ids": ids[0].tolist()}))


if __name__ == "__main__":
    main()
