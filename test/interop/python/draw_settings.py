"""Draws small models of stock transformers' classes with settings of one's own, saves them, and records what they give.

stdin: {folder, models: [{name, class, dtype, fields}]}. Each is a folder of its name, and NAME.golden.safetensors beside it.
"""

from __future__ import annotations

import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

PROMPTS = [[5, 9, 33, 7, 81], [(7 * n) % 94 + 3 for n in range(40)]]
NEW = 16


def draw(folder: str, item: dict) -> None:
    own = getattr(transformers, item["class"])
    model = own(own.config_class(**item["fields"])).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            drawn = torch.randn_like(value)
            if value.ndim > 1:
                value.copy_(drawn * (0.8 if "embed" in name or "wte" in name else 1.3 * value.shape[-1] ** -0.5))
            else:
                value.copy_(drawn * 0.2 + (1 if "norm" in name.lower() or "ln_" in name else 0))
    model.tie_weights()
    model.to(getattr(torch, item["dtype"])).save_pretrained(f"{folder}/{item['name']}")
    model = own.from_pretrained(f"{folder}/{item['name']}", dtype=torch.float32).eval()
    tensors = {}
    for number, ids in enumerate(PROMPTS):
        batch, at = torch.tensor([ids]), f"prompt.{number}."
        with torch.no_grad():
            out = model(batch, output_hidden_states=True)
            if model.can_generate():
                greedy = model.generate(batch, attention_mask=torch.ones_like(batch), do_sample=False, max_new_tokens=NEW, pad_token_id=0)
                tensors[at + "greedy_ids"] = greedy[0].to(torch.int32)
        tensors[at + "input_ids"] = torch.tensor(ids, dtype=torch.int32)
        tensors[at + "logits"] = out.logits[0].float().contiguous().clone()
        for layer, state in enumerate(out.hidden_states):
            tensors[f"{at}hidden_states.{layer}"] = state[0].float().contiguous().clone()
    save_file(tensors, f"{folder}/{item['name']}.golden.safetensors", metadata={"producer": "transformers", "dtype": "float32"})


def main() -> None:
    payload = json.load(sys.stdin)
    os.makedirs(payload["folder"])
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for item in payload["models"]:
        draw(payload["folder"], item)
    print(json.dumps(len(payload["models"])))


main()
