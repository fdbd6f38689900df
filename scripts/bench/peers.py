"""The usual ways to get safetensors out of a checkpoint, for the bench to time: peers.py MODE SOURCE TARGET

torch        torch.load, then save_file
torch-mmap   torch.load with mmap, then save_file
hf-script    what Hugging Face's convert script does: load, make contiguous, save, load both again and compare
paddle       paddle.load to numpy, transpose Linear weights, then save_file
header       read a safetensors header only
describe     write a safetensors header for a checkpoint, and a hole where its bytes would be: something for "header" to read
"""

from __future__ import annotations

import os
import sys


def sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def describe(source: str, target: str) -> None:
    import json

    import torch

    header: dict[str, object] = {}
    end = 0
    for name, tensor in torch.load(source, weights_only=True, mmap=True).items():
        assert tensor.dtype == torch.float16
        begin, end = end, end + tensor.numel() * 2
        header[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with open(target, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def main() -> None:
    mode, source, target = sys.argv[1:]
    if mode == "paddle":
        import numpy as np
        import paddle
        from safetensors.numpy import save_file

        arrays = paddle.load(source, return_numpy=True)
        linear = lambda name: name.endswith("_proj.weight") or name == "lm_head.weight"  # noqa: E731
        save_file({name: np.ascontiguousarray(a.T if linear(name) else a) for name, a in arrays.items()}, target)
    elif mode == "header":
        from safetensors import safe_open

        with safe_open(source, "np") as file:
            print(len(file.keys()))
        return
    elif mode == "describe":
        describe(source, target)
    else:
        import torch
        from safetensors.torch import load_file, save_file

        state = torch.load(source, weights_only=True, mmap=mode == "torch-mmap")
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, target, metadata={"format": "pt"})
        if mode == "hf-script":
            again = load_file(target)
            assert all(torch.equal(tensor, again[name]) for name, tensor in state.items())
    sync(target)


main()
