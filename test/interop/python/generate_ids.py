"""Generates with stock transformers.

stdin: {folder, cases: [{prompts, options, folder?}]}; a case may have a folder of its own; prompts are padded on the left, options are those of `generate`;
stdout: [{rows} | {error}], each row what was generated, padding behind an end-of-sequence id included
"""

from __future__ import annotations

import json
import sys

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging


def run(model: PreTrainedModel, prompts: list[list[int]], options: dict) -> dict:
    length = max(map(len, prompts))
    pad = model.generation_config.pad_token_id
    ids = torch.tensor([[pad] * (length - len(row)) + row for row in prompts])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in prompts])
    torch.manual_seed(0)
    try:
        rows = model.generate(input_ids=ids, attention_mask=mask, pad_token_id=pad, **options)
    except ValueError as error:
        return {"error": str(error)}
    return {"rows": rows[:, length:].tolist()}


def main() -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    task = json.load(sys.stdin)
    models: dict[str, PreTrainedModel] = {}

    def model_of(folder: str) -> PreTrainedModel:
        if folder not in models:
            models[folder] = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
        return models[folder]

    print(
        json.dumps(
            [
                run(model_of(case.get("folder", task["folder"])), case["prompts"], case["options"])
                for case in task["cases"]
            ]
        )
    )


main()
