"""Writes a synthetic Qwen3-30B-A3B of fewer layers, in shards of safetensors as PaddleFormers writes them.

usage: python scripts/bench/make_experts.py FOLDER [--layers 12] [--experts 128] [--hidden 2048] [--ffn 768] [--vocab 151936]

The shape of 12 layers is 16 GB. Names are PaddleFormers' (`model.`), Linear weights [in, out], so that a conversion transposes every
one of them. Values are bfloat16, cut from numbers drawn once from a seed, and scaled so that a forward pass stays finite.
One layer is in memory at a time at most.
"""

from __future__ import annotations

import argparse
import json
import struct
from pathlib import Path

import numpy as np

POOL = 1 << 24


def layer_shapes(args: argparse.Namespace, layer: int) -> dict[str, tuple[int, ...]]:
    h, d = args.hidden, args.head_dim
    at = f"model.layers.{layer}."
    shapes = {
        f"{at}self_attn.q_proj.weight": (h, args.heads * d),
        f"{at}self_attn.k_proj.weight": (h, args.kv_heads * d),
        f"{at}self_attn.v_proj.weight": (h, args.kv_heads * d),
        f"{at}self_attn.o_proj.weight": (args.heads * d, h),
        f"{at}self_attn.q_norm.weight": (d,),
        f"{at}self_attn.k_norm.weight": (d,),
        f"{at}input_layernorm.weight": (h,),
        f"{at}post_attention_layernorm.weight": (h,),
        f"{at}mlp.gate.weight": (h, args.experts),
    }
    for expert in range(args.experts):
        own = f"{at}mlp.experts.{expert}."
        shapes[f"{own}gate_proj.weight"] = (h, args.ffn)
        shapes[f"{own}up_proj.weight"] = (h, args.ffn)
        shapes[f"{own}down_proj.weight"] = (args.ffn, h)
    return shapes


class Numbers:
    """Normal numbers in bfloat16, cut from ones that are drawn once for each scale."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.drawn = self.random.standard_normal(POOL, dtype=np.float32)
        self.scaled: dict[tuple[float, float], np.ndarray] = {}

    def bytes_of(self, name: str, shape: tuple[int, ...]) -> bytes:
        is_norm = "norm" in name
        key = (0.02, 1.0) if is_norm else (shape[0] ** -0.5, 0.0)
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            key = (shape[1] ** -0.5, 0.0)
        if key not in self.scaled:
            values = self.drawn * np.float32(key[0]) + np.float32(key[1])
            self.scaled[key] = (values.view(np.uint32) >> 16).astype(np.uint16)
        pool, size = self.scaled[key], int(np.prod(shape))
        parts = []
        while size > 0:
            count = min(size, POOL // 2)
            start = int(self.random.integers(0, POOL - count + 1))
            parts.append(pool[start : start + count].tobytes())
            size -= count
        return b"".join(parts)


def write_shard(path: Path, shapes: dict[str, tuple[int, ...]], numbers: Numbers) -> int:
    header: dict[str, object] = {"__metadata__": {"format": "np"}}
    at = 0
    for name, shape in shapes.items():
        end = at + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            file.write(numbers.bytes_of(name, shape))
    return at


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    for name, default in {
        "layers": 12, "experts": 128, "hidden": 2048, "ffn": 768, "vocab": 151936, "heads": 32, "kv-heads": 4, "head-dim": 128,
        "per-token": 8, "seed": 7,
    }.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "attention_bias": False, "head_dim": args.head_dim,
        "hidden_act": "silu", "hidden_size": args.hidden, "intermediate_size": 3 * args.hidden, "max_position_embeddings": 40960,
        "moe_intermediate_size": args.ffn, "norm_topk_prob": True, "num_attention_heads": args.heads, "num_experts": args.experts,
        "num_experts_per_tok": args.per_token, "num_hidden_layers": args.layers, "num_key_value_heads": args.kv_heads,
        "decoder_sparse_step": 1, "mlp_only_layers": [], "rms_norm_eps": 1e-6, "rope_theta": 1000000, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": args.vocab, "eos_token_id": 2,
    }  # fmt: skip
    (args.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    numbers = Numbers(args.seed)
    shards = [layer_shapes(args, layer) for layer in range(args.layers)]
    shards.append({
        "model.embed_tokens.weight": (args.vocab, args.hidden),
        "model.norm.weight": (args.hidden,),
        "lm_head.weight": (args.vocab, args.hidden),
    })  # fmt: skip
    places, total = {}, 0
    for number, shapes in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        total += write_shard(args.folder / name, shapes, numbers)
        places.update(dict.fromkeys(shapes, name))
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (args.folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    print(f"{total / 1e9:.2f} GB in {len(shards)} files")


if __name__ == "__main__":
    main()
