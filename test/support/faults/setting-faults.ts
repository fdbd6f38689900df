import { frequenciesOf, LLAMA3, llama3Frequencies } from "./bases.ts";
import type { Fault } from "./fault.ts";
import type { PlainSpec } from "./plain-decoder.ts";

const SEEN = ["pair", "states", "logits"] as const;

/** config.json says something else than what the reference has, or the reference was computed in another way. */
export const SETTING_FAULTS: readonly Fault[] = [
  set("theta 500000 for 10000", "tied", { rope_theta: 500_000 }),
  set("theta an odd number", "tied", { rope_theta: 12_345 }),
  set("eps 1e-2 for 1e-6", "internlm", { rms_norm_eps: 1e-2 }),
  set("eps 1e-6 for 1e-5", "tied", { rms_norm_eps: 1e-6 }),
  set("llama3 scaling lost", "grouped", { rope_scaling: null }),
  set("llama3 factor 32 for 8", "grouped", { rope_scaling: llama3(32, LLAMA3.original) }),
  set("llama3 original length 160 for 80", "grouped", { rope_scaling: llama3(8, 160) }),
  set("linear scaling added", "tied", { rope_scaling: { type: "linear", factor: 4 } }),
  set("heads of twice the size", "internlm", { num_attention_heads: 2, num_key_value_heads: 2 }),
  set("theta and eps lost together", "tied", { rope_theta: 1_000_000, rms_norm_eps: 1e-3 }),
  set("llama3 scaling and theta lost together", "grouped", {
    rope_scaling: null,
    rope_theta: 500_000,
  }),
  computed("another activation (gelu)", "grouped", (spec) => ({ ...spec, activation: "gelu" })),
  computed("a rotary table left over from a longer prompt", "internlm", (spec) => ({
    ...spec,
    // Dynamic NTK for 96 tokens of a context of 64, at factor 1: base · (1 · 96/64 − 0)^(d/(d−2)).
    frequencies: frequenciesOf(10_000 * 1.5 ** (16 / 14), 16),
  })),
  computed("all of each head rotated, GLM", "chatglm2", (spec) => ({
    ...spec,
    rotaryDims: 16,
    frequencies: frequenciesOf(10_000, 16),
  })),
  computed("llama3 scaling of any original length", "grouped", (spec) => ({
    ...spec,
    frequencies: llama3Frequencies(LLAMA3.theta, 8, LLAMA3.factor, 211),
  })),
];

function llama3(factor: number, original: number): Record<string, unknown> {
  return {
    rope_type: "llama3",
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: original,
  };
}

function set(name: string, base: Fault["base"], fields: Record<string, unknown>): Fault {
  return {
    name,
    kind: "settings",
    base,
    causes: ["config-mismatch"],
    modes: SEEN,
    make: (model) => {
      Object.assign(model.config, fields);
      return [];
    },
  };
}

function computed(
  name: string,
  base: Fault["base"],
  golden: (spec: PlainSpec) => PlainSpec,
): Fault {
  return {
    name,
    kind: "settings",
    base,
    causes: ["config-mismatch"],
    modes: ["states", "logits"],
    make: () => [],
    golden,
  };
}
