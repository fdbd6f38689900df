"""Facts of tensors as the tests compare them: [dtype in safetensors' spelling, shape, sha256 of little-endian row-major bytes]."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

TORCH = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64",
    torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.float32: "F32", torch.float64: "F64", torch.complex64: "C64", torch.complex128: "C128",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
}  # fmt: skip
BY_NAME = {name: dtype for dtype, name in TORCH.items()}
NUMPY = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint16": "BF16",
    "float16": "F16", "float32": "F32", "float64": "F64", "complex64": "C64", "complex128": "C128",
}  # fmt: skip


def of_torch(tensor: torch.Tensor) -> list:
    flat = tensor.detach().contiguous().reshape(-1)
    data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return [TORCH[tensor.dtype], list(tensor.shape), hashlib.sha256(data).hexdigest()]


def of_numpy(array: np.ndarray) -> list:
    array = np.asarray(array)
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return [NUMPY[array.dtype.name], list(array.shape), hashlib.sha256(little.tobytes()).hexdigest()]
