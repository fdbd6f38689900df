"""Writes honest files as their libraries write them.

stdin: {folder}; stdout: [name]
"""

from __future__ import annotations

import collections
import gzip
import json
import os
import pickle
import sys

import numpy
import paddle
import safetensors.numpy
import torch

RANDOM = numpy.random.default_rng(7)
DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool", "complex64"]


def array(index: int) -> numpy.ndarray:
    shape = [(3, 4), (5,), (2, 3, 2), (1,), (64, 33), ()][index % 6]
    drawn = RANDOM.standard_normal(shape) * 100
    dtype = DTYPES[index % len(DTYPES)]
    return numpy.asarray(abs(drawn) if dtype == "uint8" else drawn).astype(dtype)


def state(index: int) -> collections.OrderedDict:
    layers = [(f"layers.{layer}.weight", torch.randn(4, 8).to([torch.float32, torch.bfloat16, torch.float16][index % 3])) for layer in range(3)]
    tied = [("head.weight", layers[0][1]), ("view", layers[1][1][1:, ::2])]
    return collections.OrderedDict(layers + tied)


def torch_files(index: int, path: str) -> None:
    if index % 5 == 0:
        model = torch.nn.Linear(4, 3)
        optimizer = torch.optim.AdamW(model.parameters())
        model(torch.randn(2, 4)).sum().backward()
        optimizer.step()
        saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": index, "best": 0.5}
    else:
        saved = state(index)
    torch.save(saved, path, _use_new_zipfile_serialization=index % 4 != 3, pickle_protocol=2 + index % 4)


def paddle_files(index: int, path: str) -> None:
    values = {f"linear_{key}.w_0": paddle.to_tensor(RANDOM.standard_normal((3, 5)).astype("float32")) for key in range(3)}
    paddle.save(values, path, protocol=2 + index % 3)


def numpy_files(index: int, path: str) -> None:
    if index % 3 == 2:
        numpy.savez_compressed(path, **{f"a{key}": array(index + key) for key in range(3)})
    else:
        numpy.save(path, array(index))


def plain_files(index: int, path: str) -> None:
    value = {
        "words": [f"word {number}" for number in range(index)],
        "numbers": (1, 2.5, -(10**30), True, None, b"\x80\x04bytes that only look like it", {1, 2}, frozenset([3])),
        "array": array(index) if index % 2 else None,
        "text": "the base64 text gA, the hexadecimal 8004 and the word pickle",
    }
    data = pickle.dumps(value, protocol=index % 6)
    with gzip.open(path, "wb") if path.endswith(".gz") else open(path, "wb") as file:
        file.write(data)


def safetensors_files(index: int, path: str) -> None:
    tensors = {f"t{key}": numpy.atleast_1d(array(index * 3 + key)) for key in range(4)}
    tensors = {name: value if value.dtype != numpy.complex64 else value.real.copy() for name, value in tensors.items()}
    safetensors.numpy.save_file(tensors, path, metadata={"format": "pt", "note": "import numpy; numpy.load"} if index % 2 else None)


KINDS = [
    (torch_files, 52, ["bin", "pt", "pth", "ckpt"]),
    (paddle_files, 30, ["pdparams"]),
    (numpy_files, 40, ["npy", "npy", "npz"]),
    (safetensors_files, 30, ["safetensors"]),
    (plain_files, 30, ["pkl", "pickle", "pkl.gz"]),
]


def main() -> None:
    folder = json.load(sys.stdin)["folder"]
    torch.manual_seed(7)
    names = []
    for write, count, endings in KINDS:
        for index in range(count):
            name = f"{write.__name__.split('_')[0]}-{index}.{endings[index % len(endings)]}"
            write(index, os.path.join(folder, name))
            names.append(name)
    print(json.dumps(names))


main()
