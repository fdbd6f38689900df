"""Loads folders with stock transformers' classes for masked tokens, no remote code, and compares logits with goldens.

stdin: [{folder, golden}]; stdout: [{class, missing, unexpected, mismatched, maxAbs, positions}]
"""

from __future__ import annotations

import json
import sys

import torch
import transformers
from safetensors.torch import load_file


def check(folder: str, golden: str) -> dict:
    model, info = transformers.AutoModelForMaskedLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False, output_loading_info=True, local_files_only=True
    )
    model.eval()
    values = load_file(golden)
    worst, positions = 0.0, 0
    for prompt in sorted({key.split(".")[1] for key in values}, key=int):
        ids = values[f"prompt.{prompt}.input_ids"].long()
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0]
        expected = values[f"prompt.{prompt}.logits"]
        assert logits.shape == expected.shape, (logits.shape, expected.shape)
        difference = float((logits - expected).abs().max())
        worst = difference if not difference <= worst else worst  # NaN stays
        positions += len(ids)
    return {
        "class": type(model).__name__,
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
        "mismatched": sorted(str(key) for key in info["mismatched_keys"]),
        "maxAbs": worst,
        "positions": positions,
    }


def main() -> None:
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    print(json.dumps([check(item["folder"], item["golden"]) for item in json.load(sys.stdin)]))


main()
