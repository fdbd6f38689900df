"""Writes a synthetic InternLM of any size, up to the full 7B, as real torch and real paddle write it.

usage: python scripts/bench/make_model.py FOLDER [--layers 32] [--hidden 4096] [--intermediate 11008] [--vocab 103168]
           [--heads 32] [--only bin|pdparams] [--order fortran|c]

Makes FOLDER/config.json, generation_config.json, pytorch_model.bin (torch.save: zip, one storage per tensor) and
model_state.pdparams (paddle.save of PaddleNLP's layout: `llama.` names, Linear weights as transposed views, which numpy
writes in Fortran order; with `--order c` Linear weights are row-major as [in, out], as saved paddle tensors do, and so must
really be transposed). The full size is 14.6 GB a file; each is written from one file-backed mapping, so that a machine
with less memory than that can make it too. Values are random from a seed, scaled so that a forward pass stays finite.
`--layers 5 --vocab 51584` is about 2.9 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

BLOCK = 1 << 24  # elements drawn at a time


def shapes(args: argparse.Namespace) -> dict[str, tuple[int, ...]]:
    h, i = args.hidden, args.intermediate
    result: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (args.vocab, h)}
    for layer in range(args.layers):
        at = f"model.layers.{layer}."
        for name in "qkvo":
            result[f"{at}self_attn.{name}_proj.weight"] = (h, h)
            result[f"{at}self_attn.{name}_proj.bias"] = (h,)
        result[f"{at}mlp.gate_proj.weight"] = (i, h)
        result[f"{at}mlp.down_proj.weight"] = (h, i)
        result[f"{at}mlp.up_proj.weight"] = (i, h)
        result[f"{at}input_layernorm.weight"] = (h,)
        result[f"{at}post_attention_layernorm.weight"] = (h,)
    result["model.norm.weight"] = (h,)
    result["lm_head.weight"] = (args.vocab, h)
    return result


def fill(flat: np.ndarray, name: str, columns: int, random: np.random.Generator, pool: np.ndarray) -> None:
    """Normal values cut from a pool drawn once (drawing 7 billion takes minutes), each block with its own start and sign."""
    mean = 1.0 if "norm" in name else 0.0
    scale = 0.02 if mean or name.endswith("bias") else columns**-0.5
    for begin in range(0, flat.size, BLOCK):
        block = flat[begin : begin + BLOCK]
        start = int(random.integers(0, pool.size - block.size + 1))
        block[:] = pool[start : start + block.size] * scale + mean


def make_arrays(args: argparse.Namespace, scratch: Path) -> dict[str, np.ndarray]:
    all_shapes = shapes(args)
    total = sum(int(np.prod(shape)) for shape in all_shapes.values())
    print(f"{total:,} parameters, {total * 2 / 1e9:.2f} GB", file=sys.stderr)
    whole = np.memmap(scratch, dtype=np.float16, mode="w+", shape=(total,))
    random = np.random.Generator(np.random.PCG64(args.seed))
    pool = random.standard_normal(2 * BLOCK, dtype=np.float32)
    arrays, at = {}, 0
    for name, shape in all_shapes.items():
        size = int(np.prod(shape))
        arrays[name] = whole[at : at + size].reshape(shape)
        fill(whole[at : at + size], name, shape[-1], random, pool)
        at += size
    return arrays


def write_bin(arrays: dict[str, np.ndarray], path: Path) -> None:
    from collections import OrderedDict

    import torch

    # Each tensor gets a storage of its own over the mapping: torch.save writes storages whole.
    state = OrderedDict()
    for name, array in arrays.items():
        state[name] = torch.frombuffer(array.reshape(-1).data, dtype=torch.float16).view(array.shape)
    torch.save(state, path)


def write_pdparams(arrays: dict[str, np.ndarray], path: Path, order: str) -> None:
    import paddle

    state = {}
    for name, array in arrays.items():
        linear = name.endswith("_proj.weight") or name == "lm_head.weight"
        plain = np.asarray(array)  # np.memmap pickles under its own class; an ndarray view of it does not
        target = "llama." + name.removeprefix("model.") if name.startswith("model.") else name
        transposed = plain.T if order == "fortran" else plain.reshape(plain.shape[::-1])
        state[target] = transposed if linear else plain
    paddle.save(state, str(path), protocol=4)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=4096)
    parser.add_argument("--intermediate", type=int, default=11008)
    parser.add_argument("--vocab", type=int, default=103168)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=["bin", "pdparams"])
    parser.add_argument("--order", choices=["fortran", "c"], default="fortran")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["InternLMForCausalLM"], "bias": True, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
        "hidden_act": "silu", "hidden_size": args.hidden, "initializer_range": 0.02, "intermediate_size": args.intermediate,
        "max_position_embeddings": 2048, "model_type": "internlm", "num_attention_heads": args.heads,
        "num_hidden_layers": args.layers, "rms_norm_eps": 1e-6, "tie_word_embeddings": False, "torch_dtype": "float16",
        "use_cache": True, "vocab_size": args.vocab,
    }  # fmt: skip
    (args.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    (args.folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    scratch = args.folder / ".arrays.tmp"
    try:
        arrays = make_arrays(args, scratch)
        if args.only != "pdparams":
            write_bin(arrays, args.folder / "pytorch_model.bin")
        if args.only != "bin":
            write_pdparams(arrays, args.folder / "model_state.pdparams", args.order)
    finally:
        if scratch.exists():
            os.unlink(scratch)


if __name__ == "__main__":
    main()
