"""Writes a LLaMA-7B of drawn blocks as GGUF, as llama.cpp's quantiser chooses types: the head in Q6_K, the rest in one type.

usage: python scripts/bench/make_quantised.py FILE Q4_0|Q8_0 [--layers 32] [--hidden 4096] [--ffn 11008] [--vocab 32000]

Needs gguf-py, which is beside llama.cpp's bindings (scripts/llama-cpp.mjs). Levels are drawn once from a seed and used again by every
matrix of a shape; scales are such that a forward pass stays finite. There is no tokenizer: prompts are ids.
"""

from __future__ import annotations

import argparse

import gguf
import numpy as np

RNG = np.random.default_rng(7)
HEADS = 32


def blocks(kind: gguf.GGMLQuantizationType, rows: int, columns: int) -> np.ndarray:
    """Bytes [rows, bytes of a row]: drawn levels, and scales of about 0.02 / the largest level."""
    inputs, size = gguf.GGML_QUANT_SIZES[kind]
    made = RNG.integers(0, 256, (rows * columns // inputs, size), dtype=np.uint8)
    half = lambda scale: np.full(len(made), scale, dtype=np.float16).view(np.uint8).reshape(-1, 2)
    if kind == gguf.GGMLQuantizationType.Q6_K:
        made[:, -2:] = half(0.02 / 32 / 64)
    elif kind == gguf.GGMLQuantizationType.Q8_0:
        made[:, :2] = half(0.02 / 127)
    else:
        made[:, :2] = half(0.02 / 8)
    return made.reshape(rows, -1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("type")
    for name, default in {"layers": 32, "hidden": 4096, "ffn": 11008, "vocab": 32000}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    kind = gguf.GGMLQuantizationType[args.type]
    h, f, v = args.hidden, args.ffn, args.vocab

    writer = gguf.GGUFWriter(args.file, "llama")
    writer.add_block_count(args.layers)
    writer.add_context_length(2048)
    writer.add_embedding_length(h)
    writer.add_feed_forward_length(f)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(h // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(v)
    writer.add_tokenizer_model("none")

    pool: dict[tuple[gguf.GGMLQuantizationType, int, int], np.ndarray] = {}

    def matrix(name: str, rows: int, columns: int, of: gguf.GGMLQuantizationType = kind) -> None:
        key = (of, rows, columns)
        if key not in pool:
            pool[key] = blocks(of, rows, columns)
        writer.add_tensor(name, pool[key], raw_dtype=of)

    matrix("token_embd.weight", v, h)
    for layer in range(args.layers):
        at = f"blk.{layer}."
        for name in ["attn_norm", "ffn_norm"]:
            writer.add_tensor(f"{at}{name}.weight", np.ones(h, dtype=np.float32))
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            matrix(f"{at}{name}.weight", h, h)
        matrix(f"{at}ffn_gate.weight", f, h)
        matrix(f"{at}ffn_up.weight", f, h)
        matrix(f"{at}ffn_down.weight", h, f)
    writer.add_tensor("output_norm.weight", np.ones(h, dtype=np.float32))
    matrix("output.weight", v, h, gguf.GGMLQuantizationType.Q6_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
