import { expect, test } from "vitest";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { inverseFrequencies, ropeTable } from "../../src/runtime/model/rope.ts";
import { isRecord } from "../support/is-record.ts";
import { maxAbs } from "../support/max-abs.ts";
import { runPython } from "../support/python.ts";

const BASE = {
  model_type: "llama",
  hidden_size: 1024,
  num_attention_heads: 8,
  num_hidden_layers: 1,
  intermediate_size: 256,
  vocab_size: 100,
  max_position_embeddings: 2048,
};

/** LongRoPE's factors of the 64 pairs of BASE's heads. */
function pairFactors(most: number): readonly number[] {
  return Array.from({ length: 64 }, (_unused, pair) => 1 + (most * pair) / 64);
}

/** Every kind of rotary scaling in both spellings, with what each leaves out. */
const KINDS = [
  {},
  { rope_theta: 500_000 },
  { rope_scaling: { type: "linear", factor: 3 } },
  { rope_parameters: { rope_type: "linear", factor: 8.5, rope_theta: 20_000 } },
  {
    rope_theta: 500_000,
    max_position_embeddings: 131_072,
    rope_scaling: {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    },
  },
  { rope_scaling: { rope_type: "yarn", factor: 4 } },
  {
    rope_theta: 1e6,
    max_position_embeddings: 32_768,
    rope_scaling: {
      rope_type: "yarn",
      factor: 4,
      original_max_position_embeddings: 8192,
      truncate: false,
      beta_fast: 16,
      beta_slow: 2,
    },
  },
  { rope_scaling: { rope_type: "yarn", factor: 40, mscale: 0.72, mscale_all_dim: 1 } },
  { rope_parameters: { rope_type: "yarn", factor: 40, mscale: 0.7, attention_factor: 0.9 } },
  {
    max_position_embeddings: 16_384,
    rope_parameters: {
      rope_type: "yarn",
      rope_theta: 50_000,
      factor: null,
      original_max_position_embeddings: 2048,
    },
  },
  {
    rope_parameters: {
      rope_type: "longrope",
      short_factor: pairFactors(1),
      long_factor: pairFactors(3),
      original_max_position_embeddings: 1024,
    },
  },
  {
    rope_scaling: {
      rope_type: "longrope",
      short_factor: pairFactors(1.5),
      long_factor: pairFactors(9),
      original_max_position_embeddings: 64,
      factor: 4,
      attention_factor: 1.3,
    },
  },
  { rope_parameters: { rope_type: "proportional", partial_rotary_factor: 0.3, factor: 3 } },
  { rope_theta: 1e6, rope_parameters: { rope_type: "proportional" } },
  { rope_parameters: { rope_type: "default", partial_rotary_factor: 0.5 } },
  { rope_scaling: { type: "dynamic", factor: 2 } },
  { max_position_embeddings: 16_384, rope_scaling: { rope_type: "dynamic", factor: 2 } },
];

/** Near, within and beyond the contexts above. */
const POSITIONS = [0, 1, 17, 100, 1000, 2047, 8191];

/** A list of numbers, or of lists of them, one after another. */
function numbers(value: unknown): Float32Array {
  return Float32Array.from(Array.isArray(value) ? value.flat().map(Number) : []);
}

test("rotary tables of every kind are transformers' to the rounding", () => {
  const configs = KINDS.map((kind) => ({ ...BASE, ...kind }));
  const found = runPython(
    "rope_tables.py",
    configs.map((config) => ({ config, positions: POSITIONS })),
  );
  const tables: readonly unknown[] = Array.isArray(found) ? found : [];
  expect(tables).toHaveLength(KINDS.length);
  for (const [index, theirs] of tables.entries()) {
    if (!isRecord(theirs)) throw new Error("no tables");
    const config = parseModelConfig(JSON.stringify(configs[index]), "config.json");
    const { rope, headDim, maxPositions } = config;
    const length = Math.max(...POSITIONS) + 1;
    const ours = inverseFrequencies(rope, headDim, maxPositions, length);
    const frequencies = numbers(theirs["frequencies"]);
    expect(frequencies.length).toBe(headDim / 2);
    // Dimensions that stand still have none.
    const relative = frequencies.map((value, j) =>
      value === 0 ? Math.abs(ours[j] ?? 1) : Math.abs((ours[j] ?? 0) / value - 1),
    );
    // torch's power of a tensor may be one unit in the last place off the true one.
    expect([KINDS[index], Math.max(...relative) < 2 ** -22]).toEqual([KINDS[index], true]);
    const table = ropeTable(rope, headDim, maxPositions, POSITIONS, length);
    const worst = Math.max(
      maxAbs(table.cos, numbers(theirs["cos"])),
      maxAbs(table.sin, numbers(theirs["sin"])),
    );
    // One unit of a frequency is at most one of an angle, 2⁻¹¹ at 8191 radians.
    expect([KINDS[index], worst < 2 ** -11]).toEqual([KINDS[index], true]);
  }
});
