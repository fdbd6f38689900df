import { layerName } from "../../../model/canonical-names.ts";
import { layerOf } from "../../../model/layer-number.ts";
import { EXPERTS } from "../../../model/experts-network.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { ATTENTION, MLP } from "../../../model/network.ts";
import { axesOf, isIdentity, isPermutation, rowOrder, type Order } from "../../relate/row-order.ts";
import { einops } from "../../relate/einops.ts";
import { describeRuns, movedRuns } from "../../relate/runs.ts";
import { rowsByRank } from "../hypotheses/attention-hypotheses.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import type { Pair } from "./pair.ts";
import { inverse, reinterpreted, sameValues, stacked } from "../hypotheses/tensor-edits.ts";

/** Ranks that a fused matrix may have been cut for. */
const MAX_RANKS = 64;

/** Modules that are stored as one matrix in some files. */
interface Fused {
  readonly modules: readonly string[];
  /** What they are called in an expression, and in a sentence. */
  readonly short: readonly string[];
  readonly words: string;
  /** What another order of their rows is called. */
  readonly cause: "qkv-split-order" | "fused-order";
}

const ATTENTION_PARTS: Fused = {
  modules: [ATTENTION.query, ATTENTION.key, ATTENTION.value],
  short: ["q", "k", "v"],
  words: "q, k and v",
  cause: "qkv-split-order",
};

function gated(gate: string, up: string): Fused {
  return {
    modules: [gate, up],
    short: ["gate", "up"],
    words: "gate and up",
    cause: "fused-order",
  };
}

/** What is fused in a layer: queries, keys and values, and the gate and up of its network or of each expert. */
function fusedIn(config: ModelConfig | undefined): readonly Fused[] {
  const experts = Array.from({ length: config?.experts?.count ?? 0 }, (_unused, expert) => {
    const of = (module: string): string => module.replace("{e}", String(expert));
    return gated(of(EXPERTS.gate), of(EXPERTS.up));
  });
  return [ATTENTION_PARTS, gated(MLP.gate, MLP.up), ...experts];
}

/**
 * Rows of queries, keys and values, or of gate and up, that went from one to another of them: a fused matrix that was cut in another
 * way than it was put together. The biases go with the weights' rows, or are looked at by themselves.
 */
export async function fusedOrder(
  pair: Pair,
  wrong: Set<string>,
  config: ModelConfig | undefined,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  const layers = new Set([...wrong].map(layerOf));
  for (const layer of layers) {
    if (layer === undefined) continue;
    for (const [fused, suffix] of fusedIn(config).flatMap((one) =>
      ["weight", "bias"].map((kind) => [one, kind] as const),
    )) {
      const names = fused.modules.map((part) => layerName(layer, `${part}.${suffix}`));
      const own = names.filter((name) => wrong.has(name));
      if (own.length < 2 || !names.every((name) => pair.isReadable(name))) continue;
      const ours = stacked(await Promise.all(names.map(pair.readOurs)));
      const reference = stacked(await Promise.all(names.map(pair.readReference)));
      if (sameValues(reinterpreted(ours), reference)) {
        for (const name of own) wrong.delete(name);
        found.push({
          cause: "transposed",
          tensors: own,
          ...commonLayer(own),
          evidence: `the rows of ${fused.words}, one above the other, are stored as [in, out]; transposed, they are the other side's`,
          claims: [{ tensor: names.join(" "), kind: "transposed" }],
          after: 0,
        });
        continue;
      }
      const order = rowOrder(ours, reference);
      if (order === undefined || !isPermutation(order) || isIdentity(order)) continue;
      for (const name of own) wrong.delete(name);
      const sizes = names.map((name) => pair.ours.get(name)?.shape[0] ?? 0);
      found.push({
        ...wordsOf(order, sizes, fused),
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
  { short, words, cause }: Fused,
): Pick<Diagnosis, "cause" | "evidence" | "relation"> {
  for (let ranks = 2; ranks <= MAX_RANKS; ranks++) {
    if (sizes.some((size) => size % ranks !== 0)) continue;
    const joined = rowsByRank(sizes, ranks);
    if (same(order, joined) || same(order, inverse(joined))) {
      const relation = `${ranks} ranks, each [${short.join(" | ")}]`;
      const pieces = short.length === 3 ? "thirds" : "halves";
      const how = same(order, joined)
        ? `were joined plainly and then cut into ${pieces}`
        : "were taken apart where there were none";
      return {
        cause: "rank-order",
        evidence: `the rows of ${words} are the other side's, each once: the parts of ${ranks} parallel ranks, [${short.join(" | ")}] each, ${how}`,
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
    cause,
    evidence: `the rows of [${short.join(" | ")}] are the other side's, each once, in another order: ${shown}`,
    relation: shown,
  };
}

function same(left: Order, right: Order): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
