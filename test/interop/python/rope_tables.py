"""Rotary tables of stock transformers' LlamaRotaryEmbedding.

stdin: [{config, positions}]; stdout: [{frequencies, cos, sin}], cos and sin [positions, D]
"""

from __future__ import annotations

import json
import sys

import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding


def tables(config: dict, positions: list[int]) -> dict:
    rotary = LlamaRotaryEmbedding(LlamaConfig(**config))
    cos, sin = rotary(torch.zeros(1, 1, 1), torch.tensor([positions]))
    return {"frequencies": rotary.inv_freq.tolist(), "cos": cos[0].tolist(), "sin": sin[0].tolist()}


print(json.dumps([tables(**item) for item in json.load(sys.stdin)]))
