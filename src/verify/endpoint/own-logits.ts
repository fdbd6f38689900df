import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Laboratory, Override } from "../compare/model-runner.ts";
import type { RunOptions } from "../compare/run-model.ts";
import { ShakenCopies, type ShakeOptions } from "../compare/shaken.ts";
import { LogRow } from "./log-row.ts";

/** Token ids, and the positions whose logits are wanted. */
export interface Wanted {
  readonly ids: readonly number[];
  readonly positions: readonly number[];
}

/** Our own distributions behind every wanted position of every sequence. */
export type Distributions = readonly (readonly LogRow[])[];

/** Distributions, and those of copies whose states were shaken by one rounding unit. */
export interface ShakenDistributions {
  readonly own: Distributions;
  /** Which sequence each copy is of, and its distributions. */
  readonly copies: readonly { readonly of: number; readonly rows: readonly LogRow[] }[];
}

export interface OwnOptions extends RunOptions {
  readonly override?: Override | undefined;
  readonly config?: ModelConfig | undefined;
}

/** Runs the model over sequences, each layer once. */
export async function distributionsOn(
  laboratory: Laboratory,
  wanted: readonly Wanted[],
  options: OwnOptions = {},
): Promise<Distributions> {
  const shake = { compute: "f32", tokens: 0 } as const;
  return (await run(laboratory, wanted, shake, false, options)).own;
}

/** The same with shaken copies of the shortest sequences: what rounding makes of each value. */
export async function shakenDistributionsOn(
  laboratory: Laboratory,
  wanted: readonly Wanted[],
  shake: ShakeOptions,
  options: OwnOptions = {},
): Promise<ShakenDistributions> {
  return run(laboratory, wanted, shake, true, options);
}

async function run(
  laboratory: Laboratory,
  wanted: readonly Wanted[],
  shake: ShakeOptions,
  isShaken: boolean,
  options: OwnOptions,
): Promise<ShakenDistributions> {
  const ids = wanted.map((one) => one.ids);
  const positions = wanted.map((one) => one.positions);
  const copies = new ShakenCopies(ids, shake);
  const with_ = <T>(entries: readonly T[]): readonly T[] =>
    isShaken ? copies.withCopies(entries) : entries;
  const runner = await laboratory.open(options.override, options.config);
  try {
    let states = await runner.embed(with_(ids));
    if (isShaken) states = copies.shake(states);
    for (let layer = 0; layer < runner.layers; layer++) {
      options.signal?.throwIfAborted();
      const next = await runner.runLayer(layer, states);
      states = isShaken ? copies.shake(next, states) : next;
      options.onLayer?.(layer + 1, runner.layers);
    }
    const normed = await runner.finalNorm(states);
    const logits = await runner.head(isShaken ? copies.shake(normed) : normed, with_(positions));
    const rows = logits.map((values) => split(values, runner.outputWidth));
    return {
      own: rows.slice(0, ids.length),
      copies: with_(ids.map((_ids, index) => index))
        .slice(ids.length)
        .map((of, copy) => ({ of, rows: rows[ids.length + copy] ?? [] })),
    };
  } finally {
    await runner.close();
  }
}

function split(values: Float32Array, width: number): readonly LogRow[] {
  return Array.from(
    { length: values.length / width },
    (_unused, row) => new LogRow(values.subarray(row * width, (row + 1) * width)),
  );
}
