"""Writes a converted InternLM or LLaMA (a folder with model.safetensors) as ONNX and as GGUF, for the inference bench's peers.

usage: python make_files.py FOLDER OUT

OUT/f32.onnx uses ONNX Runtime's own fused operators (GroupQueryAttention with rotation and an in-place cache,
SimplifiedLayerNormalization), which its model builders emit, too; OUT/f32.gguf and OUT/bf16.gguf are llama.cpp's architecture
"llama" with biases, without a vocabulary. Weights are the same numbers, widened or rounded to nearest.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


def rotary_tables(config: dict, size: int) -> tuple[np.ndarray, np.ndarray]:
    head = config["hidden_size"] // config["num_attention_heads"]
    frequencies = 1.0 / config.get("rope_theta", 10000.0) ** (np.arange(0, head, 2, dtype=np.float64) / head)
    angles = np.outer(np.arange(size), frequencies)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def write_onnx(config: dict, weights: dict[str, np.ndarray], path: Path) -> None:
    heads = config["num_attention_heads"]
    groups = config.get("num_key_value_heads", heads)
    head = config["hidden_size"] // heads
    nodes, tensors, inputs, outputs = [], [], [], []

    def constant(name: str, value: np.ndarray) -> str:
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, given: list[str], made: list[str], domain: str = "", **attributes: object) -> str:
        nodes.append(helper.make_node(kind, given, made, name=made[0], domain=domain, **attributes))
        return made[0]

    def wide(name: str) -> np.ndarray:
        return weights[name].astype(np.float32)

    def linear(x: str, name: str) -> str:
        product = node("MatMul", [x, constant(f"{name}.weight", wide(f"{name}.weight").T)], [f"{name}.product"])
        if f"{name}.bias" not in weights:
            return product
        return node("Add", [product, constant(f"{name}.bias", wide(f"{name}.bias"))], [f"{name}.sum"])

    def norm(x: str, name: str) -> str:
        weight = constant(f"{name}.weight", wide(f"{name}.weight"))
        epsilon = config["rms_norm_eps"]
        return node("SimplifiedLayerNormalization", [x, weight], [f"{name}.out"], axis=-1, epsilon=epsilon)

    def value(name: str, kind: int, shape: list) -> str:
        inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    ids = value("input_ids", TensorProto.INT64, ["batch", "tokens"])
    lengths = value("seqlens_k", TensorProto.INT32, ["batch"])
    total = value("total_sequence_length", TensorProto.INT32, [])
    cos, sin = rotary_tables(config, config["max_position_embeddings"])
    tables = [constant("cos", cos), constant("sin", sin)]
    x = node("Gather", [constant("embedding", wide("model.embed_tokens.weight")), ids], ["embedded"])
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        h = norm(x, f"{at}.input_layernorm")
        q, k, v = (linear(h, f"{at}.self_attn.{name}_proj") for name in "qkv")
        cache = ["batch", groups, f"past", head]
        past = [value(f"past_{layer}_{part}", TensorProto.FLOAT, cache) for part in ("key", "value")]
        now = [f"present_{layer}_{part}" for part in ("key", "value")]
        outputs.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", groups, "all", head]) for name in now)
        given = [q, k, v, *past, lengths, total, *tables]
        sizes = {"num_heads": heads, "kv_num_heads": groups, "do_rotary": 1, "rotary_interleaved": 0}
        mixed = node("GroupQueryAttention", given, [f"{at}.mixed", *now], domain="com.microsoft", **sizes)
        x = node("Add", [x, linear(mixed, f"{at}.self_attn.o_proj")], [f"{at}.middle"])
        g = norm(x, f"{at}.post_attention_layernorm")
        gate, up = linear(g, f"{at}.mlp.gate_proj"), linear(g, f"{at}.mlp.up_proj")
        sigmoid = node("Sigmoid", [gate], [f"{at}.sigmoid"])
        silu = node("Mul", [gate, sigmoid], [f"{at}.silu"])
        fed = linear(node("Mul", [silu, up], [f"{at}.gated"]), f"{at}.mlp.down_proj")
        x = node("Add", [x, fed], [f"{at}.out"])
    last = node("Slice", [x, *(constant(n, np.array([i], np.int64)) for n, i in [("from", -1), ("to", 2**62), ("axis", 1)])], ["last"])
    node("MatMul", [norm(last, "model.norm"), constant("head", wide("lm_head.weight").T)], ["logits"])
    outputs.insert(0, helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, config["vocab_size"]]))
    graph = helper.make_graph(nodes, "decoder", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def write_gguf(config: dict, weights: dict[str, np.ndarray], path: Path, half: bool) -> None:
    heads = config["num_attention_heads"]
    groups = config.get("num_key_value_heads", heads)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16 if half else gguf.LlamaFileType.ALL_F32)
    for name, stored in weights.items():
        module, kind = name.rsplit(".", 1)
        if module.startswith("model.layers."):
            _, _, layer, inner = module.split(".", 3)
            target = f"blk.{layer}.{GGUF_NAMES[inner]}.{kind}"
        else:
            target = f"{GGUF_NAMES[module]}.{kind}"
        array = stored.astype(np.float32)
        if ".q_proj." in name or ".k_proj." in name:
            # llama.cpp rotates neighbouring dimensions, Hugging Face halves: rows change places (convert_hf_to_gguf.py, `permute`).
            count = heads if ".q_proj." in name else groups
            parts = array.reshape(count, 2, array.shape[0] // count // 2, *array.shape[1:])
            array = parts.swapaxes(1, 2).reshape(array.shape)
        if half and array.ndim == 2:
            bf16 = gguf.GGMLQuantizationType.BF16
            writer.add_tensor(target, gguf.quantize(array, bf16), raw_dtype=bf16)
        else:
            writer.add_tensor(target, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    out.mkdir(parents=True, exist_ok=True)
    write_onnx(config, weights, out / "f32.onnx")
    write_gguf(config, weights, out / "f32.gguf", half=False)
    write_gguf(config, weights, out / "bf16.gguf", half=True)


if __name__ == "__main__":
    main()
