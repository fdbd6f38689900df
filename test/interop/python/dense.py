"""Saves sparse and quantised tensors of every kind by real torch, and compares what was made of them with torch's own plain forms.

Input: {"do": "save", "folder"}, output the files' names; or {"do": "check", "folder", "converted", "dtype"}, output {tensor: elements that differ in a bit}.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file


def sparse() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    made = {}
    places = torch.randint(0, 7, (2, 500))
    dtypes = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int8, torch.uint8, torch.bool, torch.complex64)
    for dtype in dtypes:
        values = (torch.randn(500) * 3).to(dtype)
        made[f"coo.{dtype}"] = torch.sparse_coo_tensor(places, values, (7, 7))
        made[f"csr.{dtype}"] = (torch.randn(6, 5).relu() * 3).to(dtype).to_sparse_csr()
    made["coo.coalesced"] = torch.randn(5, 6).relu().to_sparse()
    made["coo.minus-zero"] = torch.sparse_coo_tensor(torch.tensor([[0, 1]]), torch.tensor([-0.0, float("nan")]), (3,), is_coalesced=True)
    made["coo.hybrid"] = torch.sparse_coo_tensor(torch.tensor([[0, 2, 0]]), torch.randn(3, 5, 2), (4, 5, 2))
    made["coo.by-entry"] = torch.sparse_coo_tensor(torch.randint(0, 5, (40, 3)).t(), torch.randn(40), (5, 5, 5))
    made["coo.empty"] = torch.sparse_coo_tensor(size=(3, 4))
    made["coo.scalar"] = torch.sparse_coo_tensor(torch.zeros(0, 3, dtype=torch.int64), torch.randn(3), ())
    made["coo.parameter"] = torch.nn.Parameter(torch.eye(4).to_sparse())
    half_empty = torch.randn(4, 6)
    half_empty[:2] = 0
    for dense_dim in (0, 1):
        shape = (4, 6, 3)[: 2 + dense_dim]
        made[f"csr.{dense_dim}"] = torch.randn(shape).to_sparse_csr(dense_dim=dense_dim)
        made[f"csc.{dense_dim}"] = torch.randn(shape).to_sparse_csc(dense_dim=dense_dim)
        made[f"bsr.{dense_dim}"] = torch.randn(shape).to_sparse_bsr((2, 3), dense_dim=dense_dim)
        made[f"bsc.{dense_dim}"] = torch.randn(shape).to_sparse_bsc((2, 3), dense_dim=dense_dim)
    for layout in ("csr", "csc"):
        made[f"{layout}.batched"] = getattr(torch.randn(2, 4, 6), f"to_sparse_{layout}")()
        made[f"{layout}.empty-rows"] = getattr(half_empty, f"to_sparse_{layout}")()
    for layout in ("bsr", "bsc"):
        made[f"{layout}.batched"] = getattr(torch.randn(2, 4, 6), f"to_sparse_{layout}")((2, 2))
        made[f"{layout}.empty-rows"] = getattr(half_empty, f"to_sparse_{layout}")((2, 2))
    made["csr.short-indices"] = torch.sparse_csr_tensor(
        torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([1, 0], dtype=torch.int32), torch.tensor([1.0, 2.0])
    )
    # Larger than what is made at once.
    many = torch.stack([torch.randint(0, 3000, (200_000,)), torch.randint(0, 3100, (200_000,))])
    large = torch.sparse_coo_tensor(many, torch.randn(200_000, dtype=torch.float64), (3000, 3100))
    made["coo.large"] = large
    made["csr.large"] = large.to_sparse_csr()
    made["csc.large"] = large.to_sparse_csc()
    return made


def quantised() -> dict[str, torch.Tensor]:
    torch.manual_seed(4)
    made = {}
    limits = {torch.quint8: torch.uint8, torch.qint8: torch.int8, torch.qint32: torch.int32}
    for dtype, plain in limits.items():
        info = torch.iinfo(plain)
        codes = torch.randint(info.min, info.max + 1, (37, 53), dtype=plain)
        codes[0, 0], codes[0, 1] = info.min, info.max
        for zero in (0, 3, info.max):
            made[f"{dtype}.tensor.{zero}"] = torch._make_per_tensor_quantized_tensor(codes, 0.013729, zero)
        for axis in (0, 1):
            count = codes.shape[axis]
            made[f"{dtype}.channel.{axis}"] = torch._make_per_channel_quantized_tensor(
                codes, torch.rand(count, dtype=torch.float64) / 10, torch.randint(0, 100, (count,)), axis
            )
    x = torch.randn(8, 5, 3, 3)
    scales, zeros = torch.rand(8, dtype=torch.float64) + 0.01, torch.randint(0, 9, (8,))
    made["last"] = torch.quantize_per_channel(x.contiguous(memory_format=torch.channels_last), scales, zeros, 0, torch.qint8)
    made["float-zeros"] = torch.quantize_per_channel(torch.randn(3, 4), torch.rand(3) + 0.1, torch.rand(3) * 5, 0, torch.quint8)
    y = torch.quantize_per_tensor(torch.randn(6, 8), 0.1, 3, torch.qint8)
    made["slice"] = y[1:4, 2:5]
    made["transposed"] = y.t()
    return made


def main() -> None:
    task = json.load(sys.stdin)
    folder = pathlib.Path(task["folder"])
    kinds = {"sparse": sparse(), "quantised": quantised()}
    for tensors in kinds.values():
        tensors["plain"] = torch.arange(3.0)
    if task["do"] == "save":
        for kind, tensors in kinds.items():
            torch.save(tensors, folder / f"{kind}.pt")
            torch.save(tensors, folder / f"{kind}-old.pt", _use_new_zipfile_serialization=False)
        print(json.dumps({kind: list(tensors) for kind, tensors in kinds.items()}))
        return
    dtype = getattr(torch, task["dtype"]) if "dtype" in task else None
    wrong = {}
    for kind, tensors in kinds.items():
        if kind not in task["converted"]:
            continue
        found = load_file(f"{task['converted'][kind]}/model.safetensors")
        if set(found) != set(tensors):
            wrong[kind] = sorted(set(found) ^ set(tensors))
        for name, tensor in tensors.items():
            plain = tensor.dequantize() if tensor.is_quantized else tensor.detach().to_dense()
            if dtype is not None and tensor.is_quantized:
                plain = plain.to(dtype)
            same = found[name].dtype == plain.dtype and found[name].shape == plain.shape
            left, right = (one.contiguous().reshape(-1).view(torch.uint8) for one in (found[name], plain))
            wrong[f"{kind}: {name}"] = int((left != right).sum()) if same else "dtype or shape"
    print(json.dumps(wrong))


main()
