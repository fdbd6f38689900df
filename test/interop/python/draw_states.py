"""Draws files as odd as torch, paddle and safetensors write them, and reads each back with the library that wrote it.

stdin: {folder, seed, count}; stdout: [{path, traits, facts}]: `traits` are what is odd in the file, `facts` what the library read, null where it
refused its own file. Everything is drawn from the seed; torch reads with weights_only.
"""

from __future__ import annotations

import json
import os
import random
import sys
import warnings
from collections import OrderedDict

import numpy as np
import paddle
import safetensors.torch
import torch

import facts as known
from flatten import flatten

DTYPES = list(known.TORCH)
#: What torch.save before zip knows.
OLD_DTYPES = [dtype for dtype, name in known.TORCH.items() if not name.startswith(("F8", "U16", "U32", "U64"))]

class Draw:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.traits: set[str] = set()
        self.is_zip = self.random.random() < 0.6

    def one(self, *choices):
        return self.random.choice(choices)

    def odd(self, share: float, trait: str) -> bool:
        """Whether something odd is done; it is noted then."""
        if self.random.random() >= share:
            return False
        self.traits.add(trait)
        return True

    def tensor(self) -> torch.Tensor:
        dtype = self.one(*(DTYPES if self.is_zip else OLD_DTYPES))
        shape = [self.random.randrange(5) for _ in range(self.random.randrange(4))]
        count = int(np.prod([2 * size + 1 for size in shape], dtype=np.int64)) + 3
        data = np.frombuffer(self.random.randbytes(count * dtype.itemsize), dtype=np.uint8).copy()
        flat = torch.from_numpy(data % 2 if dtype == torch.bool else data).view(dtype)
        tensor = flat[self.random.randrange(3) :][: int(np.prod([2 * size + 1 for size in shape], dtype=np.int64))]
        tensor = tensor.reshape([2 * size + 1 for size in shape])
        for axis in range(tensor.ndim):
            tensor = tensor.narrow(axis, self.random.randrange(2), shape[axis] * 2)[
                tuple([slice(None)] * axis + [slice(None, None, self.one(1, 2))])
            ]
        if tensor.ndim > 1 and self.random.random() < 0.3:
            tensor = tensor.permute(*self.random.sample(range(tensor.ndim), tensor.ndim))
        if tensor.numel() and self.random.random() < 0.1:
            tensor = tensor[None].expand(self.random.randrange(1, 4), *tensor.shape)
        return self.wrapped(tensor)

    def wrapped(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_complex() and self.random.random() < 0.4:
            tensor = tensor.conj()
        if tensor.dtype == torch.complex64 and self.random.random() < 0.3:
            tensor = tensor.conj().imag
        if self.odd(0.02, "sparse"):
            return torch.eye(3).to_sparse()
        if self.odd(0.02, "quantized"):
            return torch.quantize_per_tensor(torch.arange(6.0), 0.5, 1, torch.qint8)
        if self.odd(0.01, "meta"):
            return torch.empty(2, 3, device="meta")
        if tensor.is_floating_point() and self.random.random() < 0.2:
            return torch.nn.Parameter(tensor, requires_grad=self.one(True, False))
        return tensor

    def name(self):
        kind = self.random.random()
        if kind < 0.75:
            return ".".join(self.one("layer", "weight", "bias", "0", "block") + str(self.random.randrange(9)) for _ in range(self.random.randrange(1, 4)))
        if kind < 0.9:
            return self.one("权重", "a b", "__proto__", "constructor", "toString", "é", "x" * 300, "a/b", "\u202eabc", "tab\there", "'\"", "🌸")
        if kind < 0.96:
            return self.random.randrange(-3, 20)
        if self.odd(0.2, "empty name"):
            return ""
        if self.odd(0.3, "odd key"):
            return self.one(1.5, True, None, (1, 2))
        return "last"

    def leaf(self):
        return self.one(1, -(2**70), 1.5, True, None, "text", torch.Size([1, 2]), torch.float32, torch.device("cpu"), b"bytes", {1, 2})

    def container(self, depth: int, before: list):
        count = self.random.randrange(0, 6)
        if self.random.random() < 0.15 and depth > 0:
            items = [self.value(depth, before) for _ in range(count)]
            return items if self.random.random() < 0.5 else tuple(items)
        made = OrderedDict() if self.random.random() < 0.4 else {}
        for _ in range(count):
            made[self.name()] = self.value(depth, before)
        return made

    def value(self, depth: int, before: list):
        kind = self.random.random()
        if kind < 0.08 and before:
            return self.random.choice(before)
        if kind < 0.2:
            return self.leaf()
        if kind < 0.4 and depth < 4:
            return self.container(depth + 1, before)
        before.append(self.tensor())
        return before[-1]

    def state(self) -> dict:
        made = self.container(0, [])
        made["first"] = self.tensor()
        return made


def write_torch(draw: Draw, path: str) -> None:
    state = draw.state()
    # weights_only reads hardly any other protocol.
    protocol = 2 if draw.random.random() < 0.9 else draw.one(3, 4, 5)
    torch.save(state, path, pickle_protocol=protocol, _use_new_zipfile_serialization=draw.is_zip)


def write_paddle(draw: Draw, path: str) -> None:
    state = {}
    for _ in range(draw.random.randrange(1, 6)):
        tensor = draw.tensor()
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.dtype not in PADDLE:
            continue
        array = tensor.detach().resolve_conj().resolve_neg().contiguous().numpy()
        if draw.random.random() < 0.4:
            array = np.asfortranarray(array)
        state[str(draw.name())] = paddle.to_tensor(array) if draw.random.random() < 0.5 else array
    if draw.random.random() < 0.3:
        state["nested"] = {"inner": paddle.ones([2, 2]), "count": 3}
    state["last"] = np.arange(6, dtype=draw.one("float32", "int64", "float16")).reshape(2, 3)
    paddle.save(state, path, protocol=draw.one(2, 3, 4))


PADDLE = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.float32, torch.float64}


def write_safetensors(draw: Draw, path: str) -> None:
    state = {}
    for _ in range(draw.random.randrange(0, 8)):
        tensor = draw.tensor()
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.dtype == torch.complex128:
            continue
        state[str(draw.name())] = tensor.detach().resolve_conj().resolve_neg().clone().contiguous()
    metadata = {draw.one("format", "note", "é", ""): draw.one("pt", "", "🌸", "x" * 2000)} if draw.random.random() < 0.5 else None
    if not state:
        draw.traits.add("no tensors")
    safetensors.torch.save_file(state, path, metadata)


def of_any(tensor: torch.Tensor) -> list:
    """As `of_torch`; what has no plain bytes is told by its kind."""
    kind = "sparse" if tensor.layout != torch.strided else "quantized" if tensor.is_quantized else "meta" if tensor.is_meta else None
    if kind is not None:
        return [kind, list(tensor.shape), ""]
    return known.of_torch(tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format))


def read(reader: str, path: str) -> dict | None:
    found: dict = {}
    try:
        if reader == "torch":
            flatten(torch.load(path, weights_only=True), None, found, of_any)
        elif reader == "paddle":
            flatten(paddle.load(path, return_numpy=True), None, found)
        else:
            found = {name: known.of_torch(tensor) for name, tensor in safetensors.torch.load_file(path).items()}
    except Exception:  # whatever a library raises at a file of its own
        return None
    return found


WRITERS = {"torch": write_torch, "paddle": write_paddle, "safetensors": write_safetensors}


def main() -> None:
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    files = []
    for number in range(asked["count"]):
        for offset, (reader, write) in enumerate(WRITERS.items()):
            draw = Draw(asked["seed"] * 1_000_003 + number * 3 + offset)
            path = os.path.join(asked["folder"], f"{reader}-{number}")
            write(draw, path)
            files.append({"path": path, "traits": sorted(draw.traits), "facts": read(reader, path)})
    print(json.dumps(files))


main()
