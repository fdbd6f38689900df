import { layerName } from "../../../model/canonical-names.ts";
import { layerOf } from "../../../model/layer-number.ts";
import { ATTENTION } from "../../../model/network.ts";
import { axesOf, isIdentity, isPermutation, rowOrder, type Order } from "../../relate/row-order.ts";
import { einops } from "../../relate/einops.ts";
import { describeRuns, movedRuns } from "../../relate/runs.ts";
import { rowsByRank } from "../hypotheses/attention-hypotheses.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import type { Pair } from "./pair.ts";
import { inverse, stacked } from "../hypotheses/tensor-edits.ts";

/** Ranks that a fused matrix may have been cut for. */
const MAX_RANKS = 64;

const PARTS = [ATTENTION.query, ATTENTION.key, ATTENTION.value];

/**
 * Rows of queries, keys and values that went from one to another of them: a fused matrix that was cut in another way than it was
 * put together. The biases go with the weights' rows, or are looked at by themselves.
 */
export async function fusedOrder(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  const layers = new Set([...wrong].map(layerOf));
  for (const layer of layers) {
    if (layer === undefined) continue;
    for (const suffix of ["weight", "bias"]) {
      const names = PARTS.map((part) => layerName(layer, `${part}.${suffix}`));
      const own = names.filter((name) => wrong.has(name));
      if (own.length < 2 || !names.every((name) => pair.isReadable(name))) continue;
      const ours = stacked(await Promise.all(names.map(pair.readOurs)));
      const reference = stacked(await Promise.all(names.map(pair.readReference)));
      const order = rowOrder(ours, reference);
      if (order === undefined || !isPermutation(order) || isIdentity(order)) continue;
      for (const name of own) wrong.delete(name);
      const sizes = names.map((name) => pair.ours.get(name)?.shape[0] ?? 0);
      found.push({
        ...wordsOf(order, sizes),
        tensors: own,
        ...commonLayer(own),
        claims: [{ tensor: names.join(" "), kind: "order", axis: "rows", order }],
        after: 0,
      });
    }
  }
  return found;
}

function wordsOf(
  order: Order,
  sizes: readonly number[],
): Pick<Diagnosis, "cause" | "evidence" | "relation"> {
  for (let ranks = 2; ranks <= MAX_RANKS; ranks++) {
    if (sizes.some((size) => size % ranks !== 0)) continue;
    const joined = rowsByRank(sizes, ranks);
    if (same(order, joined) || same(order, inverse(joined))) {
      const relation = `${ranks} ranks, each [q | k | v]`;
      const how = same(order, joined)
        ? "were joined plainly and then cut into thirds"
        : "were taken apart where there were none";
      return {
        cause: "rank-order",
        evidence: `the rows of q, k and v are the other side's, each once: the parts of ${ranks} parallel ranks, [q | k | v] each, ${how}`,
        relation,
      };
    }
  }
  const digits = axesOf(order);
  const shown =
    digits === undefined
      ? describeRuns(movedRuns(order), "rows")
      : einops(digits, "rows", []).forward;
  return {
    cause: "qkv-split-order",
    evidence: `the rows of [q | k | v] are the other side's, each once, in another order: ${shown}`,
    relation: shown,
  };
}

function same(left: Order, right: Order): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
