"""Loads files with the real libraries, as safely as each can, and gives the facts of every tensor.

stdin: [{path, reader}], reader: torch, paddle, safetensors; stdout: [{name: facts}]
"""

from __future__ import annotations

import json
import sys

from facts import of_numpy, of_torch


def load(path: str, reader: str) -> dict:
    if reader == "torch":
        import torch

        return {name: of_torch(tensor) for name, tensor in torch.load(path, weights_only=True).items()}
    if reader == "paddle":
        import paddle

        return {name: of_numpy(array) for name, array in paddle.load(path, return_numpy=True).items()}
    from safetensors.torch import load_file

    return {name: of_torch(tensor) for name, tensor in load_file(path).items()}


def main() -> None:
    print(json.dumps([load(item["path"], item["reader"]) for item in json.load(sys.stdin)]))


main()
