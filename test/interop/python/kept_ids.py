"""Which ids transformers' sampling leaves over.

stdin: [{scores, settings}]; settings are those of GenerationConfig; stdout: [[id, …]], those whose score stays above -inf, by falling score
"""

from __future__ import annotations

import json
import sys

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging


def kept(model: LlamaForCausalLM, scores: list[float], settings: dict) -> list[int]:
    config = GenerationConfig(do_sample=True, **settings)
    processors = model._get_logits_processor(config, input_ids_seq_length=1, device="cpu")
    made = processors(torch.tensor([[0]]), torch.tensor([scores], dtype=torch.float32))[0]
    ranked = sorted(range(len(scores)), key=lambda index: (-float(made[index]), index))
    return [index for index in ranked if float(made[index]) > -float("inf")]


def main() -> None:
    logging.set_verbosity_error()
    model = LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1))
    print(json.dumps([kept(model, case["scores"], case["settings"]) for case in json.load(sys.stdin)]))


main()
