"""Facts of the tensors in weight files of published packages, as torch (or safetensors) loads them; `input`: {folder, files}."""

import json
import sys
from pathlib import Path

import safetensors.torch
import torch

from facts import of_torch

torch.set_num_threads(1)


def load(path: Path) -> dict:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state.get("model_state", state)


given = json.load(sys.stdin)
print(
    json.dumps(
        {
            file: {name: of_torch(value) for name, value in load(Path(given["folder"]) / file).items()}
            for file in given["files"]
        }
    )
)
