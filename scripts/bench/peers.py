"""The usual ways to get safetensors out of a checkpoint, for the bench to time: peers.py MODE SOURCE TARGET

torch        torch.load, then save_file
torch-mmap   torch.load with mmap, then save_file
hf-script    what Hugging Face's convert script does: load, make contiguous, save, load both again and compare
paddle       paddle.load to numpy, transpose Linear weights, then save_file
header       read a safetensors header only
"""

from __future__ import annotations

import os
import sys


def sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


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
