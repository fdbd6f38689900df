"""Counts rows of logits that transformers computes with other bits when a token is decoded than as part of its whole text."""
import json
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
dtype = getattr(torch, json.load(sys.stdin)["dtype"])
config = LlamaConfig(
    hidden_size=256, intermediate_size=688, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=8, vocab_size=1000
)
model = LlamaForCausalLM(config).to(dtype).eval()
ids = torch.tensor([[1 + (31 * index) % 990 for index in range(60)]])
with torch.no_grad():
    whole = model(ids).logits[0]
    past = model(ids[:, :10], use_cache=True).past_key_values
    differ, largest = 0, 0.0
    for token in range(10, 60):
        step = model(ids[:, token : token + 1], past_key_values=past, use_cache=True)
        past = step.past_key_values
        row = step.logits[0, 0]
        differ += int(not torch.equal(row, whole[token]))
        largest = max(largest, (row.float() - whole[token].float()).abs().max().item())
print(json.dumps({"compared": 50, "differ": differ, "largest": largest}))
