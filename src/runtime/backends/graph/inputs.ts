import type { ModelConfig } from "../../../model/config/model-config.ts";
import { ropeTable, rotatesWholeCache } from "../../model/rope.ts";
import { LOWEST } from "../ops.ts";
import type { Feed } from "./session.ts";

/** New tokens of a step, of those that the cache is told of. */
export interface StepTokens {
  /** Index of the first among the L tokens. */
  readonly begin: number;
  /** T */
  readonly count: number;
  /** Rotary positions of the tokens that the cache will have after the whole text: B rows. */
  readonly positions: readonly Int32Array[];
  /** 1 for a token, 0 for padding: B rows. */
  readonly visible: readonly Uint8Array[];
}

/** Sizes of a graph's step. */
export interface StepSizes {
  readonly config: ModelConfig;
  /** B of the graph; rows beyond the text's own see nothing. */
  readonly batch: number;
  /** Tokens that the cache has room for. */
  readonly room: number;
}

/** Which of the B·G·room rows of the cache new keys and values go to: [B·G·T]. */
export function cacheRows({ config, batch, room }: StepSizes, begin: number, count: number): Feed {
  const rows = Array.from({ length: batch * config.kvHeads }, (_, head) =>
    Array.from({ length: count }, (_unused, index) => head * room + begin + index),
  );
  const data = Int32Array.from(rows.flat());
  return { name: "rows", shape: [data.length], data };
}

/** What is added to scores, [B, 1, H/G · T, room]: 0 for the visible keys up to a query's own, else the lowest number. */
export function maskOf({ config, batch, room }: StepSizes, tokens: StepTokens): Feed {
  const { begin, count, visible } = tokens;
  const heads = config.heads / config.kvHeads;
  const data = new Float32Array(batch * heads * count * room).fill(LOWEST.f32);
  for (const [row, seen] of visible.entries()) {
    for (let query = 0; query < heads * count; query++) {
      const at = (row * heads * count + query) * room;
      const last = begin + (query % count);
      for (let key = 0; key <= last; key++) if (seen[key] === 1) data[at + key] = 0;
    }
  }
  return { name: "mask", shape: [batch, 1, heads * count, room], data };
}

/** cos and signed sin of the new tokens, [B, 1, T, R]. */
export function newRotary(sizes: StepSizes, tokens: StepTokens): readonly Feed[] {
  const { begin, count, positions } = tokens;
  const rows = positions.map((row) => row.subarray(begin, begin + count));
  return rotaryFeeds("", sizes, rows, count, positions[0]?.length ?? 0);
}

/** cos and signed sin of all tokens, [B, 1, room, R], where cached keys are rotated at each step. */
export function allRotary(sizes: StepSizes, tokens: StepTokens): readonly Feed[] {
  if (!rotatesWholeCache(sizes.config.rope)) return [];
  const { positions } = tokens;
  return rotaryFeeds("all-", sizes, positions, sizes.room, positions[0]?.length ?? 0);
}

function rotaryFeeds(
  which: string,
  { config, batch }: StepSizes,
  rows: readonly Int32Array[],
  length: number,
  keyLength: number,
): readonly Feed[] {
  const size = length * config.rotaryDims;
  const cos = new Float32Array(batch * size);
  const sin = new Float32Array(batch * size);
  for (const [row, positions] of rows.entries()) {
    const { rope, rotaryDims, maxPositions } = config;
    const table = ropeTable(rope, rotaryDims, maxPositions, positions, keyLength);
    cos.set(table.cos, row * size);
    // The first half of each token's is negated, as `RolledRotary` says.
    const isFirst = (index: number): boolean => index % rotaryDims < rotaryDims / 2;
    const signed = table.sin.map((value, index) => (isFirst(index) ? -value : value));
    sin.set(signed, row * size);
  }
  const shape = [batch, 1, length, config.rotaryDims];
  return [
    { name: `${which}cos`, shape, data: cos },
    { name: `${which}signed-sin`, shape, data: sin },
  ];
}
