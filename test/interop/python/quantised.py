"""Quantised matrices by the libraries that make them, and what those make of them again.

{"do": "save", "folder": F}: writes one folder a format with model.safetensors and config.json, and F/NAME.npy with the library's own
values; gives the names. {"do": "check", "folder": F, "converted": G, "dtype": D}: counts the elements of G/NAME/model.safetensors that
are not the library's values in D, bit by bit.
"""

import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file

torch.manual_seed(3)
OUT, IN = 192, 256


def matrix(rows=OUT, columns=IN, dtype=torch.float32):
    return (torch.randn(rows, columns) * 0.05).to(dtype)


def fp8_block():
    """DeepSeek's: 128 x 128 blocks, the last ones cut off; dequantised by transformers where it can, else as DeepSeek's script does."""
    weight = matrix()
    scales = torch.empty(2, 2)
    codes = torch.empty(OUT, IN, dtype=torch.float8_e4m3fn)
    for i in range(2):
        for j in range(2):
            block = weight[i * 128 : (i + 1) * 128, j * 128 : (j + 1) * 128]
            scales[i, j] = block.abs().max() / 448
            codes[i * 128 : (i + 1) * 128, j * 128 : (j + 1) * 128] = (block / scales[i, j]).to(torch.float8_e4m3fn)
    whole = scales.repeat_interleave(128, 0).repeat_interleave(128, 1)[:OUT, :IN]
    values = codes.to(torch.float32) * whole
    state = {"a.weight": codes, "a.weight_scale_inv": scales}
    return state, {"quant_method": "fp8", "weight_block_size": [128, 128]}, values


def fp8_even():
    """The same with a grid that divides the matrix, dequantised by transformers' own operation."""
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize

    weight = matrix(256, 384)
    grid = weight.reshape(2, 128, 3, 128).abs().amax(dim=(1, 3)) / 448
    codes = (weight.reshape(2, 128, 3, 128) / grid[:, None, :, None]).reshape(256, 384).to(torch.float8_e4m3fn)
    values = Fp8Dequantize(None)._dequantize_one(codes, grid)
    state = {"a.weight": codes, "a.weight_scale_inv": grid}
    return state, {"quant_method": "fp8", "weight_block_size": [128, 128]}, values


def compressed(dtype, kind, bits=8):
    from compressed_tensors.quantization import QuantizationArgs, QuantizationStrategy
    from compressed_tensors.quantization.lifecycle.forward import dequantize, quantize

    weight = matrix(dtype=dtype)
    groups = 64
    if kind == "tensor":
        scale = (weight.abs().max() / 448).reshape(1)
        strategy, group = QuantizationStrategy.TENSOR, None
    elif kind == "channel":
        scale = weight.abs().amax(dim=1, keepdim=True) / 448
        strategy, group = QuantizationStrategy.CHANNEL, None
    else:
        scale = weight.reshape(OUT, -1, groups).abs().amax(dim=2) / (2 ** (bits - 1) - 1)
        strategy, group = QuantizationStrategy.GROUP, groups
    number = "float" if kind != "group" else "int"
    args = QuantizationArgs(num_bits=bits, type=number, strategy=strategy, group_size=group, symmetric=True)
    zero = torch.zeros_like(scale)
    codes = quantize(weight, scale, zero, args, dtype=torch.float8_e4m3fn if number == "float" else torch.int8)
    values = dequantize(codes, scale, args=args)
    config = {"quant_method": "compressed-tensors"}
    if number == "float":
        return {"a.weight": codes, "a.weight_scale": scale}, config, values
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

    packed = pack_to_int32(codes, bits)
    shape = torch.tensor([OUT, IN], dtype=torch.int64)
    return {"a.weight_packed": packed, "a.weight_scale": scale, "a.weight_shape": shape}, config, values


def asymmetric(dtype, bits, group, packed):
    """Codes with a zero for each scale: packed as pack-quantized has them, or whole as int-quantized."""
    from compressed_tensors.quantization import QuantizationArgs
    from compressed_tensors.quantization.lifecycle.forward import dequantize, quantize

    weight = matrix(dtype=dtype) + 0.03
    parts = weight.reshape(OUT, -1, group or IN)
    low, high = parts.amin(dim=2), parts.amax(dim=2)
    scale = ((high - low) / (2**bits - 1)).to(dtype)
    zero = (-(2 ** (bits - 1)) - low / scale).round().clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).to(torch.int8)
    args = QuantizationArgs(num_bits=bits, type="int", strategy="group" if group else "channel", group_size=group, symmetric=False)
    codes = quantize(weight, scale, zero, args, dtype=torch.int8)
    values = dequantize(codes, scale, zero, args=args)
    config = {"quant_method": "compressed-tensors"}
    if not packed:
        return {"a.weight": codes, "a.weight_scale": scale, "a.weight_zero_point": zero}, config, values
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

    state = {
        "a.weight_packed": pack_to_int32(codes, bits),
        "a.weight_scale": scale,
        "a.weight_shape": torch.tensor([OUT, IN], dtype=torch.int64),
        "a.weight_zero_point": pack_to_int32(zero, bits, packed_dim=0),
    }
    return state, config, values


def mxfp4():
    """gpt-oss' experts, whose values transformers computes in bfloat16."""
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    blocks = torch.randint(0, 256, (3, 40, 4, 16), dtype=torch.uint8)
    scales = torch.randint(100, 140, (3, 40, 4), dtype=torch.uint8)
    values = convert_moe_packed_tensors(blocks, scales)
    return {"a.weight_blocks": blocks, "a.weight_scales": scales}, {"quant_method": "mxfp4"}, values


def bnb_int8():
    from bitsandbytes import functional

    codes, scales, _ = functional.int8_vectorwise_quant(matrix(dtype=torch.float16))
    values = functional.int8_vectorwise_dequant(codes, scales)
    state = {"a.weight": codes, "a.SCB": scales, "a.weight_format": torch.tensor(0, dtype=torch.uint8)}
    return state, {"quant_method": "bitsandbytes"}, values


def bnb_4bit(kind, dtype, nested):
    from bitsandbytes import functional

    codes, state = functional.quantize_4bit(
        matrix(dtype=dtype), blocksize=64, quant_type=kind, compress_statistics=nested
    )
    values = functional.dequantize_4bit(codes, state)
    parts = {f"a.weight.{key}": value for key, value in state.as_dict(packed=True).items()}
    return {"a.weight": codes, **parts}, {"quant_method": "bitsandbytes"}, values


def bits_of(words, bits, count):
    """Codes of each row of int32 words as one string of bits, the lowest first."""
    wide = words.to(torch.int64) & 0xFFFFFFFF
    flat = ((wide.unsqueeze(-1) >> torch.arange(32)) & 1).reshape(words.shape[0], -1)[:, : count * bits]
    return (flat.reshape(words.shape[0], count, bits) * (1 << torch.arange(bits))).sum(-1)


def words_of(codes, bits):
    """The way back of bits_of."""
    flat = ((codes.to(torch.int64).unsqueeze(-1) >> torch.arange(bits)) & 1).reshape(codes.shape[0], -1, 32)
    wide = (flat * (1 << torch.arange(32))).sum(-1)
    return torch.where(wide >= 2**31, wide - 2**32, wide).to(torch.int32)


def gptq(bits, version, ordered=True):
    """As AutoGPTQ's QuantLinear packs and unpacks, with a random order of groups where act-order was used."""
    groups = 4
    codes = torch.randint(0, 2**bits, (IN, OUT))
    zeros = torch.randint(1, 2**bits, (groups, OUT))
    scales = (torch.rand(groups, OUT) * 0.02 + 0.001).half()
    index = torch.arange(IN) // (IN // groups)
    if not ordered:
        index = index[torch.randperm(IN)]
    stored = zeros if version == "gptq_v2" else zeros - 1
    state = {
        "a.qweight": words_of(codes.T.contiguous(), bits).T.contiguous(),
        "a.qzeros": words_of(stored, bits),
        "a.scales": scales,
        "a.g_idx": index.to(torch.int32),
    }
    assert torch.equal(bits_of(state["a.qweight"].T, bits, IN).T, codes)
    values = (scales[index] * (codes - zeros[index]).half()).T.contiguous()
    config = {"quant_method": "gptq", "bits": bits, "group_size": IN // groups, "checkpoint_format": version}
    return state, config, values


def awq():
    """As AutoAWQ's gemm packs: code i of eight stands at place [0, 2, 4, 6, 1, 3, 5, 7] of the word."""
    groups = 2
    codes = torch.randint(0, 16, (IN, OUT))
    zeros = torch.randint(0, 16, (groups, OUT))
    scales = (torch.rand(groups, OUT) * 0.02 + 0.001).half()

    def packed(x):
        order = [0, 2, 4, 6, 1, 3, 5, 7]
        return words_of(x.reshape(x.shape[0], -1, 8)[:, :, order].reshape(x.shape[0], -1), 4)

    whole = scales.repeat_interleave(IN // groups, 0)
    values = ((codes - zeros.repeat_interleave(IN // groups, 0)).half() * whole).T.contiguous()
    state = {"a.qweight": packed(codes), "a.qzeros": packed(zeros), "a.scales": scales}
    config = {"quant_method": "awq", "bits": 4, "group_size": IN // groups, "version": "gemm", "zero_point": True}
    return state, config, values


FORMATS = {
    "fp8-block": fp8_block,
    "fp8-even": fp8_even,
    "fp8-tensor-bf16": lambda: compressed(torch.bfloat16, "tensor"),
    "fp8-channel-f32": lambda: compressed(torch.float32, "channel"),
    "int4-group-bf16": lambda: compressed(torch.bfloat16, "group", 4),
    "int8-group-f16": lambda: compressed(torch.float16, "group", 8),
    "int4-zeros-bf16": lambda: asymmetric(torch.bfloat16, 4, 64, True),
    "int4-zeros-channel-f16": lambda: asymmetric(torch.float16, 4, None, True),
    "int8-zeros-f32": lambda: asymmetric(torch.float32, 8, 64, True),
    "int8-whole-zeros-bf16": lambda: asymmetric(torch.bfloat16, 8, None, False),
    "int8-whole-zeros-groups": lambda: asymmetric(torch.float32, 8, 64, False),
    "mxfp4": mxfp4,
    "bnb-int8": bnb_int8,
    "bnb-nf4-bf16": lambda: bnb_4bit("nf4", torch.bfloat16, False),
    "bnb-nf4-nested-f16": lambda: bnb_4bit("nf4", torch.float16, True),
    "bnb-fp4-nested-f32": lambda: bnb_4bit("fp4", torch.float32, True),
    **{f"gptq-{bits}": lambda bits=bits: gptq(bits, "gptq") for bits in (2, 3, 4, 8)},
    "gptq-v2": lambda: gptq(4, "gptq_v2"),
    "gptq-act-order": lambda: gptq(4, "gptq", ordered=False),
    "awq": awq,
}


def save(folder):
    for name, make in FORMATS.items():
        state, config, values = make()
        os.makedirs(os.path.join(folder, name))
        state = {key: value.contiguous() for key, value in state.items()}
        save_file(state, os.path.join(folder, name, "model.safetensors"))
        with open(os.path.join(folder, name, "config.json"), "w") as file:
            json.dump({"architectures": ["UnknownForCausalLM"], "quantization_config": config}, file)
        torch.save(values, os.path.join(folder, f"{name}.values"))
    return list(FORMATS)


def check(folder, converted, dtype):
    wanted_dtype = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}[dtype]
    whole = {2: torch.int16, 4: torch.int32}
    differences = {}
    for name in FORMATS:
        wanted = torch.load(os.path.join(folder, f"{name}.values"), weights_only=True).to(wanted_dtype)
        found = load_file(os.path.join(converted, f"{name}-{dtype}", "model.safetensors"))
        assert list(found) == ["a.weight"], list(found)
        found = found["a.weight"]
        assert found.dtype == wanted_dtype and found.shape == wanted.shape, (name, found.dtype, found.shape)
        bits = whole[found.element_size()]
        if "fp4" in name:
            # The sign of code 8, which is nothing, is that of the library's kernel for the processor at hand.
            found, wanted = found.where(found != 0, 0), wanted.where(wanted != 0, 0)
        differences[f"{name} {dtype}"] = int((found.view(bits) != wanted.contiguous().view(bits)).sum())
    return differences


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    if asked["do"] == "save":
        print(json.dumps(save(asked["folder"])))
    else:
        print(json.dumps(check(asked["folder"], asked["converted"], asked["dtype"])))
