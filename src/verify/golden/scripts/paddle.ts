import { moduleOf } from "../../../model/canonical-names.ts";
import { FAMILIES } from "../../../model/families.ts";
import { ATTENTION, EMBEDDINGS, FINAL_NORM, HEAD, MLP, NORMS } from "../../../model/network.ts";

/** What stored names of models with LLaMA's block have in front, as Python strings. */
const PREFIXES = [
  ...new Set(
    FAMILIES.filter(({ network }) => network.block === "llama").flatMap(({ prefixes }) => prefixes),
  ),
]
  .sort()
  .map((prefix) => `"${prefix}."`)
  .join(", ");

const withoutModel = (name: string): string => name.replace("model.", "");
const TABLE = withoutModel(EMBEDDINGS);
const NORM = withoutModel(moduleOf(FINAL_NORM));

/** Records a golden file with paddle alone, from model_state.pdparams in PaddleNLP's names or Hugging Face's. */
export const PADDLE_SCRIPT = `#!/usr/bin/env python3
"""Records a golden file for weighbridge from Paddle: InternLM, LLaMA and Qwen2, rotary without scaling.

    pip install paddlepaddle safetensors numpy
    python record_golden.py MODEL golden.safetensors --input-ids 1,290,6389 --input-ids 1,98,43

MODEL is a folder with config.json and model_state.pdparams. PaddleNLP is not needed: the forward pass is written out here.
Everything is computed in float32, and the logits once more in float64, so that the golden tells its own error.
"""
import argparse
import json
import os

import numpy
import paddle
import paddle.nn.functional as F
from safetensors.numpy import save_file


def load(folder, name):
    state = paddle.load(os.path.join(folder, name), return_numpy=True)
    weights = {}
    for key, value in state.items():
        if key == "StructuredToParameterName@@" or not hasattr(value, "shape"):
            continue
        if value.dtype == numpy.uint16:  # bfloat16 is kept as its bits
            value = (value.astype(numpy.uint32) << 16).view(numpy.float32)
        key = next((key[len(prefix):] for prefix in (${PREFIXES}) if key.startswith(prefix)), key)
        weights[key] = paddle.to_tensor(value.astype(numpy.float32))
    return weights


def transpose_linears(weights, config):
    """To [in, out], which F.linear of Paddle takes; told by a matrix that is not square."""
    gate = weights["layers.0.${MLP.gate}.weight"]
    if list(gate.shape) == [config["hidden_size"], config["intermediate_size"]]:
        return weights
    return {
        key: value.t() if value.ndim == 2 and key != "${TABLE}" else value for key, value in weights.items()
    }


def rms_norm(x, weight, eps):
    return x * paddle.rsqrt(paddle.mean(x * x, axis=-1, keepdim=True) + eps) * weight


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + paddle.concat([-x[..., half:], x[..., :half]], axis=-1) * sin


class Model:
    def __init__(self, weights, config):
        self.weights = weights
        self.config = config
        self.heads = config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads") or self.heads
        self.head_dim = config["hidden_size"] // self.heads

    def linear(self, x, name):
        return F.linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))

    def norm(self, x, name):
        return rms_norm(x, self.weights[name + ".weight"], self.config["rms_norm_eps"])

    def attention(self, x, layer):
        tokens = x.shape[0]
        at = f"layers.{layer}."
        q = self.linear(x, at + "${ATTENTION.query}").reshape([tokens, self.heads, self.head_dim]).transpose([1, 0, 2])
        k = self.linear(x, at + "${ATTENTION.key}").reshape([tokens, self.kv_heads, self.head_dim]).transpose([1, 0, 2])
        v = self.linear(x, at + "${ATTENTION.value}").reshape([tokens, self.kv_heads, self.head_dim]).transpose([1, 0, 2])
        theta = self.config.get("rope_theta") or 10000.0
        frequencies = 1.0 / theta ** (paddle.arange(0, self.head_dim, 2, dtype="float32") / self.head_dim)
        angles = paddle.outer(paddle.arange(tokens, dtype="float32"), frequencies)
        angles = paddle.concat([angles, angles], axis=-1)
        q, k = (rotate(t, paddle.cos(angles).astype(t.dtype), paddle.sin(angles).astype(t.dtype)) for t in (q, k))
        k, v = (paddle.repeat_interleave(t, self.heads // self.kv_heads, axis=0) for t in (k, v))
        scores = paddle.matmul(q, k, transpose_y=True) / self.head_dim**0.5
        mask = paddle.triu(paddle.full([tokens, tokens], -1e30, dtype=scores.dtype), diagonal=1)
        mixed = paddle.matmul(F.softmax(scores + mask, axis=-1), v)
        return self.linear(mixed.transpose([1, 0, 2]).reshape([tokens, self.heads * self.head_dim]), at + "${ATTENTION.output}")

    def forward(self, ids):
        layers = self.config["num_hidden_layers"]
        x = self.weights["${TABLE}"][paddle.to_tensor(ids)]
        states = [x]
        for layer in range(layers):
            at = f"layers.{layer}."
            x = x + self.attention(self.norm(x, at + "${NORMS[0]}"), layer)
            y = self.norm(x, at + "${NORMS[1]}")
            gated = F.silu(self.linear(y, at + "${MLP.gate}")) * self.linear(y, at + "${MLP.up}")
            x = x + self.linear(gated, at + "${MLP.down}")
            states.append(x)
        states[-1] = self.norm(x, "${NORM}")
        if "${HEAD}" in self.weights:
            head = self.weights["${HEAD}"]  # PaddleFormers keeps it as [vocab, hidden]
            logits = paddle.matmul(states[-1], head, transpose_y=head.shape[0] != x.shape[-1])
        else:
            logits = paddle.matmul(states[-1], self.weights["${TABLE}"], transpose_y=True)
        return logits, states

    def greedy(self, ids, count, penalty):
        ids = list(ids)
        for _ in range(count):
            last = self.forward(ids)[0][-1].numpy().astype(numpy.float32)
            seen = list(set(ids))
            last[seen] = numpy.where(last[seen] < 0, last[seen] * numpy.float32(penalty), last[seen] / numpy.float32(penalty))
            ids.append(int(last.argmax()))
        return ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--input-ids", action="append", required=True)
    parser.add_argument("--weights", default="model_state.pdparams")
    parser.add_argument("--greedy-tokens", type=int, default=16)
    parser.add_argument("--no-hidden-states", action="store_true")
    parser.add_argument("--no-float64", action="store_true", help="no logits in float64, which need 8 bytes a parameter")
    parser.add_argument("--max-positions", type=int, default=40, help="logit rows kept for each prompt, from its end")
    args = parser.parse_args()

    with open(os.path.join(args.model, "config.json"), encoding="utf8") as file:
        config = json.load(file)
    if config.get("rope_scaling") or (config.get("rotary") or {}).get("type") == "dynamic":
        parser.error("this script knows no rotary scaling")
    weights = transpose_linears(load(args.model, args.weights), config)
    model = Model(weights, config)

    tensors = {}
    with paddle.no_grad():
        for n, text in enumerate(args.input_ids):
            ids = [int(part) for part in text.split(",")]
            logits, states = model.forward(ids)
            kept = min(len(ids), args.max_positions)
            tensors[f"prompt.{n}.input_ids"] = numpy.array(ids, dtype=numpy.int32)
            tensors[f"prompt.{n}.logits"] = numpy.ascontiguousarray(logits.numpy()[-kept:])
            if kept < len(ids):
                tensors[f"prompt.{n}.positions"] = numpy.arange(len(ids) - kept, len(ids), dtype=numpy.int32)
            for layer, state in enumerate([] if args.no_hidden_states else states):
                tensors[f"prompt.{n}.hidden_states.{layer}"] = state.numpy()
            if args.greedy_tokens > 0:
                tensors[f"prompt.{n}.greedy_ids"] = numpy.array(model.greedy(ids, args.greedy_tokens, 1.0), dtype=numpy.int32)
                tensors[f"prompt.{n}.greedy_rp1.1_ids"] = numpy.array(model.greedy(ids, args.greedy_tokens, 1.1), dtype=numpy.int32)
        if not args.no_float64:
            wide = Model({key: value.astype("float64") for key, value in weights.items()}, config)
            for n, text in enumerate(args.input_ids):
                ids = [int(part) for part in text.split(",")]
                logits = wide.forward(ids)[0].numpy()[-min(len(ids), args.max_positions) :]
                tensors[f"prompt.{n}.logits_f64"] = numpy.ascontiguousarray(logits)
    save_file(tensors, args.out, metadata={"producer": f"paddle {paddle.__version__}", "dtype": "float32"})
    print(f"{args.out}: {len(args.input_ids)} prompts, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
`;
