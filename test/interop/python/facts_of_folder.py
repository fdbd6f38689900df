"""What stock transformers makes of model folders, without remote code.

stdin: [folder]; stdout: [{class, words, missing, unexpected}]
"""

from __future__ import annotations

import json
import sys

import transformers
from transformers import AutoModelForCausalLM


def facts(folder: str) -> dict:
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, local_files_only=True)
    return {
        "class": type(model).__name__,
        "words": model.get_input_embeddings().weight.shape[0],
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
    }


transformers.utils.logging.disable_progress_bar()
print(json.dumps([facts(folder) for folder in json.load(sys.stdin)]))
