import type { Axis } from "../../model/axes.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { halvesFromInterleaved, inverse } from "../diagnose/hypotheses/tensor-edits.ts";
import { einops, type NamedSize } from "./einops.ts";
import type { Relation } from "./relation.ts";
import { axesOf, blockOrder, partOrder, rollOf, type Order } from "./row-order.ts";
import { describeRuns, movedRuns } from "./runs.ts";

/** What is known of the tensor whose rows or columns were moved. */
export interface OrderContext {
  /** Whether another order gives the same values: rows that are alike may stand in either one's place. */
  readonly fits?: (order: Order) => boolean;
  readonly config: ModelConfig | undefined;
  /** What the axis runs over; undefined where the tensor is none of a known model. */
  readonly over: Axis | undefined;
}

/** Parts of parallel ranks that a sentence lists. */
const MAX_PARTS = 64;

/** Ranks that a vocabulary is cut for: by more a roll is a shift of rows. */
const MAX_RANKS = 8;

/**
 * What a permutation of rows or columns is called. The text says what the order is; nothing is said of it that was not compared
 * with it entry by entry.
 */
export function nameOrder(found: Order, axis: "rows" | "columns", context: OrderContext): Relation {
  const { cause, text, order = found } = wordsOf(found, axis, context);
  const digits = axesOf(order);
  const expression =
    digits === undefined ? undefined : einops(digits, axis, sizesOf(context.config));
  const relation =
    expression === undefined
      ? `${axis} [${order.slice(0, 8).join(", ")}${order.length > 8 ? ", …" : ""}]`
      : `${expression.forward}; undone by ${expression.backward}`;
  return { cause, text, relation, isHarmless: false, claim: { kind: "order", axis, order } };
}

type Words = Pick<Relation, "cause" | "text"> & {
  /** The order that the words are true of, where it is not the one that was found. */
  readonly order?: Order;
};

function wordsOf(order: Order, axis: "rows" | "columns", context: OrderContext): Words {
  const { config, over } = context;
  const isOfWholeHeads = over === "heads·headDim" || over === "kvHeads·headDim";
  const isOfHeads = over === undefined || isOfWholeHeads || over === "headDim";
  const rotary =
    config !== undefined && isOfHeads && axis === "rows"
      ? rotaryWords(order.length, config, context.fits ?? ((other) => same(order, other)))
      : undefined;
  if (rotary !== undefined) return rotary;
  const heads = config !== undefined && isOfHeads ? blockOrder(order, config.headDim) : undefined;
  if (heads !== undefined && heads.length <= MAX_PARTS)
    return {
      cause: "head-order",
      text: `${axis} of whole heads stand in another order: place i holds head ${heads.join(", ")} of the other side`,
    };
  const halves =
    config !== undefined && isOfWholeHeads && config.headDim % 2 === 0
      ? blockOrder(order, config.headDim / 2)
      : undefined;
  if (halves !== undefined && halves.length <= MAX_PARTS)
    return {
      cause: "head-order",
      text: `${axis} of half heads stand in another order: place i holds half head ${halves.join(", ")} of the other side`,
    };
  const roll = rollOf(order);
  const isOfRanks =
    roll === undefined || ((order.length / roll) % 1 === 0 && order.length / roll <= MAX_RANKS);
  if (roll !== undefined && !(isOfRanks && over !== undefined)) {
    const one = axis === "rows" ? "row" : "column";
    // Whichever way round is the shorter.
    const steps = roll > order.length / 2 ? `− ${order.length - roll}` : `+ ${roll}`;
    return {
      cause: "row-shifted",
      text: `${one} i holds ${one} i ${steps} of the other side, round the end`,
    };
  }
  return partsText(order, axis, config, over);
}

function partsText(
  order: Order,
  axis: "rows" | "columns",
  config: ModelConfig | undefined,
  over: Axis | undefined,
): Words {
  const parts = partOrder(order, MAX_PARTS);
  const isFused = over === "2·ffn" || over === undefined;
  if (parts?.length === 2 && isFused)
    return {
      cause: "fused-order",
      text: `its two halves of ${axis} stand in each other's place`,
    };
  const moved = order.flatMap((from, place) => (from === place ? [] : [place]));
  if (moved.length === 2 && over === "vocab")
    return {
      cause: "swapped",
      text: `${axis} ${moved.join(" and ")} stand in each other's place`,
    };
  const digits = axesOf(order);
  const expression = digits === undefined ? "" : einops(digits, axis, sizesOf(config)).forward;
  // [gate | up] in turn by rows, or the other way round: two axes, one of which is the two of them.
  if (isFused && digits?.length === 2 && digits.some(({ size }) => size === 2))
    return {
      cause: over === undefined ? "rank-order" : "fused-order",
      text: `the ${axis} are the other side's with their axes in another order: ${expression}`,
    };
  if (parts !== undefined)
    return {
      cause: "rank-order",
      text: `its ${parts.length} parts along ${axis} stand in the order ${parts.join(", ")} of the other side, as parts of parallel ranks joined in another order do`,
    };
  if (digits !== undefined)
    return {
      cause: "rank-order",
      text: `the ${axis} are the other side's with their axes in another order: ${expression}`,
    };
  return {
    cause: over === "vocab" ? "row-shifted" : "rank-order",
    text: `the ${axis} are the other side's, each once, in another order: ${describeRuns(movedRuns(order), axis)}`,
  };
}

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
 * @param fits Whether rows in an order have the values that were found.
 */
function rotaryWords(
  rows: number,
  config: ModelConfig,
  fits: (order: Order) => boolean,
): Words | undefined {
  const { headDim, rotaryDims, rotaryPairs } = config;
  const heads = rows / headDim;
  if (!Number.isSafeInteger(heads)) return undefined;
  const counts = new Set([config.heads, config.kvHeads]);
  for (const dims of new Set([rotaryDims, headDim])) {
    const right = halvesFromInterleaved(heads, headDim, dims);
    for (const order of [right, inverse(right)])
      if (fits(order)) return permuted(pairsText(rotaryPairs, order === right), order);
  }
  const right = halvesFromInterleaved(heads, headDim, headDim);
  const unpaired = inverse(right);
  for (const count of headCounts(rows)) {
    if (count === heads) continue;
    const size = rows / count;
    const other = halvesFromInterleaved(count, size, size);
    // Permuted for another of the model's counts where nothing was to be permuted, as a key is with the queries' (llama.cpp, issue 3364).
    for (const order of counts.has(count) ? [other, inverse(other)] : [])
      if (fits(order)) {
        const way = order === other ? "rotary pairs to halves" : "halves to rotary pairs";
        return permuted(
          `rows permuted from ${way} for ${count} heads, where there are ${heads}`,
          order,
        );
      }
    // Permuted to halves for `count` heads, where the other side was for `heads`; and the other way round.
    const there = other.map((row) => unpaired[row] ?? -1);
    if (fits(there))
      return permuted(
        `rows permuted from rotary pairs to halves for ${count} heads instead of ${heads}`,
        there,
      );
    const back = inverse(other).map((row) => right[row] ?? -1);
    if (fits(back))
      return permuted(
        `rows permuted from halves to rotary pairs for ${count} heads instead of ${heads}`,
        back,
      );
  }
  return undefined;
}

function permuted(text: string, order: Order): Words {
  return { cause: "rotary-permuted", text, order };
}

/** The other side has the pairs that the model asks for: ours went to halves or to pairs from there. */
function pairsText(pairs: ModelConfig["rotaryPairs"], isToHalves: boolean): string {
  const isToOther = isToHalves === (pairs === "neighbours");
  const [own, other] =
    pairs === "halves"
      ? ["halves", "interleaved rotary pairs"]
      : ["neighbouring rotary pairs", "halves"];
  return isToOther
    ? `rows in ${other}, where the other side has ${own}`
    : `rows permuted from ${other} to ${own} once more than the other side's`;
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
