"""Writes state dicts that the test describes, with the real libraries.

stdin: [{path, writer, seed, tensors: [{name, dtype, shape, view}]}]; stdout: for each, {name: facts}.
writer: torch-zip, torch-legacy, either with a pickle protocol behind it (torch-legacy-4), torch-nested, paddle-2, paddle-3, paddle-4, paddle-tensors-2/3/4, safetensors
view: plain, transposed, strided, expanded, offset, tied (to the tensor before it, when that can be)
"""

from __future__ import annotations

import json
import sys

import numpy as np
import torch

from facts import BY_NAME, of_numpy, of_torch


def torch_tensor(spec: dict, random: np.random.Generator, before: torch.Tensor | None) -> torch.Tensor:
    shape, dtype, view = list(spec["shape"]), BY_NAME[spec["dtype"]], spec["view"]
    if view == "tied" and before is not None:
        return before
    stored = shape[::-1] if view == "transposed" else [2 * size + 1 for size in shape] if view == "strided" else shape
    if view == "expanded" and shape:
        stored = [1, *shape[1:]]
    count = int(np.prod(stored, dtype=np.int64)) + (5 if view == "offset" else 0)
    data = random.integers(0, 256, count * dtype.itemsize, dtype=np.uint8)
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    flat = torch.from_numpy(data % 2 if dtype == torch.bool else data).view(dtype)
    if view == "offset":
        flat = flat[5:]
    tensor = flat.reshape(stored) if view != "offset" else flat.view(stored)
    if view == "transposed":
        tensor = tensor.permute(tuple(reversed(range(tensor.ndim))))
    if view == "strided":
        tensor = tensor[tuple(slice(1, None, 2) for _ in shape)] if shape else tensor
    if view == "expanded" and shape:
        tensor = tensor.expand(*shape)
    assert list(tensor.shape) == shape
    return tensor


def numpy_array(spec: dict, random: np.random.Generator) -> np.ndarray:
    code = {"BF16": "u2", "BOOL": "b1", "U8": "u1", "I8": "i1", "C64": "c8", "C128": "c16"}.get(spec["dtype"])
    dtype = np.dtype(code or spec["dtype"].lower().replace("16", "2").replace("32", "4").replace("64", "8"))
    shape = spec["shape"]
    data = random.integers(0, 256, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize, dtype=np.uint8)
    array = (data % 2).astype(np.bool_) if dtype.kind == "b" else data.view(dtype)
    array = array.reshape(shape)
    if spec["view"] == "transposed":
        array = np.asfortranarray(array)
    if spec["view"] == "strided" and dtype.itemsize > 1:
        array = array.astype(dtype.newbyteorder(">"))  # view keeps the values; the bytes are swapped
    return array


def main() -> None:
    results = []
    for state in json.load(sys.stdin):
        random = np.random.Generator(np.random.PCG64(state["seed"]))
        writer, path = state["writer"], state["path"]
        if writer.startswith("paddle"):
            import paddle

            arrays = {spec["name"]: numpy_array(spec, random) for spec in state["tensors"]}
            protocol = int(writer[-1])
            results.append({name: of_numpy(array) for name, array in arrays.items()})
            if "tensors" in writer:
                to_bf16 = lambda a: (a.astype(np.uint32) << 16).view(np.float32)  # noqa: E731
                saved = {
                    name: paddle.to_tensor(to_bf16(array)).astype("bfloat16") if array.dtype == np.uint16 else paddle.to_tensor(array.astype(array.dtype.newbyteorder("=")))
                    for name, array in arrays.items()
                }
                results[-1] = {name: of_numpy(np.asarray(tensor.numpy())) for name, tensor in saved.items()}
                paddle.save(saved, path, protocol=protocol)
            else:
                paddle.save(arrays, path, protocol=protocol)
            continue
        tensors: dict[str, torch.Tensor] = {}
        for spec in state["tensors"]:
            tensors[spec["name"]] = torch_tensor(spec, random, next(reversed(tensors.values()), None))
        results.append({name: of_torch(tensor) for name, tensor in tensors.items()})
        if writer == "safetensors":
            import safetensors.torch

            safetensors.torch.save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path)
        elif writer == "torch-nested":
            torch.save({"state_dict": {name: torch.nn.Parameter(t, requires_grad=False) for name, t in tensors.items()}, "step": 1}, path)
        else:
            protocol = int(writer[-1]) if writer[-1].isdigit() else 2
            torch.save(tensors, path, pickle_protocol=protocol, _use_new_zipfile_serialization="legacy" not in writer)
    print(json.dumps(results))


main()
