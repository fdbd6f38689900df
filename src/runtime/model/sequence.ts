import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Ops } from "../backends/ops.ts";
import type { KeyMask, RotaryValues, TokenContext } from "../backends/steps/steps.ts";
import type { KvCache } from "./kv-cache.ts";
import { ropeTable, rotatesWholeCache, type RopeTable } from "./rope.ts";

/** The tokens of one pass through the layers: T new ones of L in all, in each of B rows. */
export interface SequenceFacts {
  /** Positions of the new tokens, B rows of T. */
  readonly positions: readonly Int32Array[];
  /** Positions of all tokens, B rows of L; the new ones last. */
  readonly allPositions: readonly Int32Array[];
  /** 1 for a token, 0 for padding, B rows of L. */
  readonly visible: readonly Uint8Array[];
  readonly cache: KvCache | undefined;
  /** Tokens of the cache that stay; all of them when left out. */
  readonly keep?: number | undefined;
  /**
   * How many tokens of a text came at once, where the rest came one by one: what a rotary that depends on the length, and rotates
   * each token only when it comes, makes of a text that was generated. All of them when left out.
   */
  readonly prefill?: number | undefined;
}

/** Rotary tables and mask of one pass, shared by its layers; `dispose` frees them. */
export class Sequence {
  readonly #ops: Ops;
  readonly #new: RotaryValues | undefined;
  /** For the layers with a window, where their rotary is another. */
  readonly #windowed: RotaryValues | undefined;
  readonly #window: ModelConfig["window"];
  readonly #all: RotaryValues | undefined;
  readonly #keyMask: KeyMask;
  readonly #cache: KvCache | undefined;
  readonly #keep: number | undefined;
  readonly #isWindowed: (layer: number) => boolean;

  constructor(ops: Ops, config: ModelConfig, facts: SequenceFacts) {
    const keys = facts.allPositions[0]?.length ?? 0;
    this.#ops = ops;
    this.#new =
      config.rotaryDims === 0
        ? undefined
        : rotaryValues(ops, config, facts.positions, keys, facts.prefill);
    this.#windowed =
      config.windowRope === undefined
        ? undefined
        : rotaryValues(
            ops,
            { ...config, rope: config.windowRope },
            facts.positions,
            keys,
            facts.prefill,
          );
    // A window that no token has left yet hides nothing.
    this.#window =
      config.window !== undefined && keys > config.window.size ? config.window : undefined;
    this.#isWindowed = (layer) => config.window?.layers[layer] === true;
    this.#all = rotatesWholeCache(config.rope)
      ? rotaryValues(ops, config, facts.allPositions, keys)
      : undefined;
    this.#keyMask = facts.visible.some((row) => row.includes(0)) ? facts.visible : undefined;
    this.#cache = facts.cache;
    this.#keep = facts.keep;
  }

  context(layer: number): TokenContext {
    const isWindowed = this.#isWindowed(layer);
    return {
      newRotary: (isWindowed ? this.#windowed : undefined) ?? this.#new,
      allRotary: this.#all,
      keyMask: this.#keyMask,
      cache: this.#cache?.layer(layer, this.#keep),
      ...(isWindowed && this.#window !== undefined ? { window: this.#window.size } : {}),
    };
  }

  dispose(): void {
    for (const values of [this.#new, this.#windowed, this.#all]) {
      if (values === undefined) continue;
      this.#ops.free(values.cos);
      this.#ops.free(values.sin);
    }
  }
}

/** cos and sin, [B, 1, T, D]; [1, 1, T, D] when all rows have the same positions. */
function rotaryValues(
  ops: Ops,
  config: ModelConfig,
  rows: readonly Int32Array[],
  keyLength: number,
  prefill = keyLength,
): RotaryValues {
  const first = rows[0] ?? new Int32Array(0);
  const same = rows.every((row) => row.every((position, index) => position === first[index]));
  const distinct = same ? [first] : rows;
  // Tokens that came together have one table; those after them one each, for the length at which they came.
  const tables = distinct.flatMap((row) => [
    tableOf(config, row.subarray(0, prefill), Math.min(prefill, keyLength)),
    ...Array.from(row.subarray(prefill), (position, index) =>
      tableOf(config, Int32Array.of(position), prefill + index + 1),
    ),
  ]);
  const shape = [distinct.length, 1, first.length, config.rotaryDims];
  return {
    cos: ops.upload(joined(tables.map(({ cos }) => cos)), shape),
    sin: ops.upload(joined(tables.map(({ sin }) => sin)), shape),
    pairs: config.rotaryPairs,
  };
}

function tableOf(config: ModelConfig, positions: Int32Array, keyLength: number): RopeTable {
  return ropeTable(config.rope, config.rotaryDims, config.maxPositions, positions, keyLength);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let begin = 0;
  for (const part of parts) {
    whole.set(part, begin);
    begin += part.length;
  }
  return whole;
}
