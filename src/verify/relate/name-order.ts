import type { ModelConfig } from "../../model/config/model-config.ts";
import { halvesFromInterleaved, inverse } from "../diagnose/tensor-edits.ts";
import { einops, type NamedSize } from "./einops.ts";
import type { Relation } from "./relation.ts";
import { axesOf, blockOrder, rollOf, type Order } from "./row-order.ts";

/**
 * What a permutation of rows or columns is called. The text says what the order is; nothing is said of it that was not compared
 * with it entry by entry.
 */
export function nameOrder(
  order: Order,
  axis: "rows" | "columns",
  config: ModelConfig | undefined,
): Relation | undefined {
  const digits = axesOf(order);
  const expression = digits === undefined ? undefined : einops(digits, axis, sizesOf(config));
  const relation =
    expression === undefined
      ? `${axis} [${order.slice(0, 8).join(", ")}${order.length > 8 ? ", …" : ""}]`
      : `${expression.forward}; undone by ${expression.backward}`;
  const say = (cause: Relation["cause"], text: string): Relation => ({
    cause,
    text,
    relation,
    isHarmless: false,
  });
  const rotary = config === undefined ? undefined : rotaryText(order, config);
  if (rotary !== undefined && axis === "rows") return say("rotary-permuted", rotary);
  const size = config?.headDim ?? 0;
  const blocks = blockOrder(order, size);
  if (blocks !== undefined && size > 1 && blocks.length <= MAX_HEADS)
    return say(
      "head-order",
      `${axis} of whole heads stand in another order: place i holds head ${blocks.join(", ")} of the other side`,
    );
  const roll = rollOf(order);
  if (roll !== undefined)
    return say(
      "row-shifted",
      `${axis === "rows" ? "row" : "column"} i holds ${axis === "rows" ? "row" : "column"} i + ${roll} of the other side, round the end`,
    );
  const half = order.length / 2;
  if (order.every((from, index) => from === (index + half) % order.length))
    return say("fused-order", `its two halves of ${axis} stand in each other's place`);
  if (expression === undefined) return undefined;
  return say(
    digits?.length === 2 ? "rank-order" : "qkv-split-order",
    `the ${axis} are the other side's with their axes in another order: ${expression.forward}`,
  );
}

/** Heads that a sentence lists. */
const MAX_HEADS = 64;

function sizesOf(config: ModelConfig | undefined): readonly NamedSize[] {
  if (config === undefined) return [];
  const { heads, kvHeads, headDim } = config;
  return [
    { name: "two", size: 2 },
    { name: "heads", size: heads },
    { name: "kv", size: kvHeads },
    { name: "groups", size: heads / kvHeads },
    { name: "half", size: headDim / 2 },
    { name: "headDim", size: headDim },
  ].filter(({ size }) => Number.isSafeInteger(size) && size > 1);
}

/**
 * Interleaved rotary pairs brought to halves, or the other way round, for some number of heads, instead of for the right one or
 * on top of it. The right number is how many heads these rows are.
 */
function rotaryText(order: Order, { headDim, rotaryDims }: ModelConfig): string | undefined {
  const heads = order.length / headDim;
  if (!Number.isSafeInteger(heads)) return undefined;
  for (const dims of new Set([rotaryDims, headDim])) {
    const right = halvesFromInterleaved(heads, headDim, dims);
    if (same(order, inverse(right)))
      return "rows in interleaved rotary pairs, where the other side has halves";
    if (same(order, right))
      return "rows in halves, where the other side has interleaved rotary pairs";
  }
  const right = halvesFromInterleaved(heads, headDim, headDim);
  const unpaired = inverse(right);
  for (const count of headCounts(order.length)) {
    if (count === heads) continue;
    const size = order.length / count;
    const other = halvesFromInterleaved(count, size, size);
    // Permuted to halves for `count` heads, where the other side was for `heads`; and the other way round.
    const there = other.map((row) => unpaired[row] ?? -1);
    if (same(order, there))
      return `rows permuted from rotary pairs to halves for ${count} heads instead of ${heads}`;
    const back = inverse(other).map((row) => right[row] ?? -1);
    if (same(order, back))
      return `rows permuted from halves to rotary pairs for ${count} heads instead of ${heads}`;
  }
  return undefined;
}

/** Every number of heads that so many rows can be, with an even size of one. */
export function headCounts(rows: number): readonly number[] {
  return Array.from({ length: rows }, (_unused, index) => index + 1).filter(
    (count) => rows % count === 0 && (rows / count) % 2 === 0,
  );
}

function same(left: Order, right: Order): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
