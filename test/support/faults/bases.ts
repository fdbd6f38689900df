import {
  f32Bits,
  f32BitsToBf16,
  f32BitsToF16,
  bf16ToF32Bits,
  f16ToF32Bits,
} from "../../../src/tensor/float-bits.ts";
import { EditableModel, type FloatDtype, type Values } from "../editable-model.ts";
import { Draws } from "./draws.ts";
import type { PlainSpec } from "./plain-decoder.ts";

/** Models that mistakes are made in, with weights that look trained: uneven rows and columns, heavy tails, uneven norms. */
export type BaseName = "internlm" | "grouped" | "baichuan" | "chatglm2" | "tied";

export interface Base {
  readonly name: BaseName;
  readonly model: EditableModel;
  readonly spec: PlainSpec;
  readonly vocab: number;
}

interface Shape {
  readonly seed: number;
  readonly dtype: FloatDtype;
  readonly vocab: number;
  readonly ffn: number;
  readonly biases: readonly string[];
  readonly isFused: boolean;
  readonly spec: PlainSpec;
  readonly config: Record<string, unknown>;
}

/** Positions for which a base of the rotary table gives these frequencies. */
export function frequenciesOf(theta: number, dims: number): readonly number[] {
  return Array.from({ length: dims / 2 }, (_unused, pair) => theta ** ((-2 * pair) / dims));
}

/** Llama 3's: long waves are slowed by the factor, short ones stay, those between are blended. */
export function llama3Frequencies(
  theta: number,
  dims: number,
  factor: number,
  original: number,
): readonly number[] {
  return frequenciesOf(theta, dims).map((frequency) => {
    const wave = (2 * Math.PI) / frequency;
    if (wave < original / 4) return frequency;
    if (wave > original) return frequency / factor;
    const blend = (original / wave - 1) / (4 - 1);
    return (1 - blend) * (frequency / factor) + blend * frequency;
  });
}

export const LLAMA3 = { theta: 10_000, factor: 8, original: 80 } as const;

const SHAPES: Readonly<Record<BaseName, Shape>> = {
  internlm: {
    seed: 11,
    dtype: "F16",
    vocab: 320,
    ffn: 168,
    biases: ["q_proj", "k_proj", "v_proj", "o_proj"],
    isFused: false,
    spec: plain({ layers: 6, heads: 4, kvHeads: 4, headDim: 16, eps: 1e-6 }),
    config: {
      architectures: ["InternLMForCausalLM"],
      model_type: "internlm",
      bias: true,
      rotary: { base: 10_000, type: "dynamic" },
    },
  },
  grouped: {
    seed: 12,
    dtype: "BF16",
    vocab: 384,
    ffn: 176,
    biases: [],
    isFused: false,
    spec: {
      ...plain({ layers: 6, heads: 8, kvHeads: 2, headDim: 8, eps: 1e-5 }),
      frequencies: llama3Frequencies(LLAMA3.theta, 8, LLAMA3.factor, LLAMA3.original),
    },
    config: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      attention_bias: false,
      rope_theta: LLAMA3.theta,
      rope_scaling: {
        rope_type: "llama3",
        factor: LLAMA3.factor,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: LLAMA3.original,
      },
    },
  },
  baichuan: {
    seed: 13,
    dtype: "F32",
    vocab: 296,
    ffn: 104,
    biases: [],
    isFused: false,
    spec: plain({ layers: 4, heads: 5, kvHeads: 5, headDim: 8, eps: 1e-6 }),
    config: { architectures: ["BaiChuanForCausalLM"], model_type: "baichuan" },
  },
  chatglm2: {
    seed: 14,
    dtype: "F16",
    vocab: 352,
    ffn: 120,
    biases: ["q_proj", "k_proj", "v_proj"],
    isFused: true,
    spec: {
      ...plain({ layers: 4, heads: 4, kvHeads: 2, headDim: 16, eps: 1e-5 }),
      rotaryDims: 8,
      pairs: "neighbours",
      frequencies: frequenciesOf(10_000, 8),
    },
    config: {
      architectures: ["ChatGLMModel"],
      model_type: "chatglm",
      add_bias_linear: false,
      add_qkv_bias: true,
      kv_channels: 16,
      multi_query_attention: true,
      multi_query_group_num: 2,
      num_layers: 4,
      ffn_hidden_size: 120,
      padded_vocab_size: 352,
      layernorm_epsilon: 1e-5,
      original_rope: true,
      post_layer_norm: true,
      rmsnorm: true,
      apply_residual_connection_post_layernorm: false,
      seq_length: 64,
    },
  },
  tied: {
    seed: 15,
    dtype: "BF16",
    vocab: 336,
    ffn: 128,
    biases: [],
    isFused: false,
    spec: { ...plain({ layers: 12, heads: 6, kvHeads: 3, headDim: 8, eps: 1e-5 }), tied: true },
    config: { architectures: ["LlamaForCausalLM"], model_type: "llama", rope_theta: 10_000 },
  },
};

function plain(
  sizes: Pick<PlainSpec, "layers" | "heads" | "kvHeads" | "headDim" | "eps">,
): PlainSpec {
  return {
    ...sizes,
    hidden: sizes.heads * sizes.headDim,
    rotaryDims: sizes.headDim,
    pairs: "halves",
    frequencies: frequenciesOf(10_000, sizes.headDim),
    activation: "silu",
    tied: false,
  };
}

export const BASE_NAMES: readonly BaseName[] = [
  "internlm",
  "grouped",
  "baichuan",
  "chatglm2",
  "tied",
];

export function baseOf(name: BaseName): Base {
  const shape = SHAPES[name];
  const { spec, vocab } = shape;
  const config = {
    hidden_act: "silu",
    hidden_size: spec.hidden,
    intermediate_size: shape.ffn,
    max_position_embeddings: 64,
    num_attention_heads: spec.heads,
    num_hidden_layers: spec.layers,
    num_key_value_heads: spec.kvHeads,
    rms_norm_eps: spec.eps,
    tie_word_embeddings: spec.tied,
    torch_dtype: { F16: "float16", BF16: "bfloat16", F32: "float32" }[shape.dtype],
    vocab_size: vocab,
    ...shape.config,
  };
  return { name, model: new EditableModel(config, weightsOf(shape)), spec, vocab };
}

function weightsOf({
  spec,
  vocab,
  ffn,
  biases,
  isFused,
  seed,
  dtype,
}: Shape): ReadonlyMap<string, Values> {
  const draws = new Draws(seed);
  const { hidden, heads, kvHeads, headDim, layers } = spec;
  const tensors = new Map<string, Values>();
  const matrix = (name: string, out: number, input: number, size: number): void => {
    tensors.set(name, rounded(trained(draws, out, input, size), dtype));
  };
  const vector = (name: string, length: number, make: () => number): void => {
    tensors.set(
      name,
      rounded({ shape: [length], data: Float32Array.from({ length }, make) }, dtype),
    );
  };
  matrix("model.embed_tokens.weight", vocab, hidden, 0.4 * Math.sqrt(hidden));
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string): string => `model.layers.${layer}.${name}`;
    const deep = 1 / Math.sqrt(2 * layers);
    const project = (name: string, out: number, input: number, size: number): void => {
      matrix(at(`self_attn.${name}.weight`), out, input, size);
      if (biases.includes(name))
        vector(
          at(`self_attn.${name}.bias`),
          out,
          () => (name === "k_proj" ? 1.5 : 0.3) * draws.normal(),
        );
    };
    project("q_proj", heads * headDim, hidden, 1.3);
    project("k_proj", kvHeads * headDim, hidden, 1.3);
    project("v_proj", kvHeads * headDim, hidden, 1);
    project("o_proj", hidden, heads * headDim, 2 * deep);
    if (isFused) matrix(at("mlp.gate_up_proj.weight"), 2 * ffn, hidden, 1.2);
    else {
      matrix(at("mlp.gate_proj.weight"), ffn, hidden, 1.2);
      matrix(at("mlp.up_proj.weight"), ffn, hidden, 1.2);
    }
    matrix(at("mlp.down_proj.weight"), hidden, ffn, 2 * deep);
    for (const norm of ["input_layernorm", "post_attention_layernorm"])
      vector(at(`${norm}.weight`), hidden, () => normWeight(draws, 0.5 + 0.1 * layer));
  }
  vector("model.norm.weight", hidden, () => normWeight(draws, 2));
  if (!spec.tied) matrix("lm_head.weight", vocab, hidden, 1);
  return tensors;
}

/** Trained norms are uneven, and a few channels of theirs stand far out. */
function normWeight(draws: Draws, mean: number): number {
  return mean * draws.spread(0.25) * (draws.even() < 0.03 ? 4 : 1);
}

/** Rows and columns of uneven size, and some elements far out, as training leaves them. */
function trained(draws: Draws, out: number, input: number, size: number): Values {
  const rows = Array.from({ length: out }, () => draws.spread(0.25));
  const columns = Array.from({ length: input }, () => draws.spread(0.3));
  const data = Float32Array.from({ length: out * input }, (_unused, at) => {
    const tail = draws.even() < 0.003 ? 5 : 1;
    const scale = (rows[Math.floor(at / input)] ?? 1) * (columns[at % input] ?? 1);
    return (size / Math.sqrt(input)) * scale * tail * draws.normal();
  });
  return { shape: [out, input], data };
}

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** Values as a dtype holds them. */
export function rounded(values: Values, dtype: FloatDtype): Values {
  if (dtype === "F32") return { ...values, dtype };
  const data = values.data.map((value) => {
    const bits = f32Bits(value);
    words[0] =
      dtype === "F16" ? f16ToF32Bits(f32BitsToF16(bits)) : bf16ToF32Bits(f32BitsToBf16(bits));
    return floats[0] ?? 0;
  });
  return { shape: values.shape, data, dtype };
}
