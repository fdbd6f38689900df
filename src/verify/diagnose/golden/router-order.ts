import { layerName } from "../../../model/canonical-names.ts";
import { EXPERTS } from "../../../model/experts-network.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { takeRows } from "../hypotheses/tensor-edits.ts";
import { exchanges, expertWeights, routerInOrder } from "../hypotheses/expert-hypotheses.ts";
import type { Hypothesis } from "../hypotheses/hypothesis.ts";
import type { Changes, LocalLab } from "./local-lab.ts";
import type { SearchBudget } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";
import { tokensThatDiffer } from "./expert-tokens.ts";

/** Experts of a layer of which every two are tried in each other's place. */
const MOST_EXPERTS = 64;

/**
 * The order of a router's rows that puts most tokens right, by exchanging two rows as long as that helps: every order is made of such
 * exchanges, and a token is right as soon as the rows of its own experts are.
 */
export async function solvedRouter(
  lab: LocalLab,
  layer: number,
  { part, noise }: MeasuredPart,
  budget: SearchBudget,
): Promise<readonly Hypothesis[]> {
  const { experts, hiddenSize } = lab.laboratory.config;
  const name = layerName(layer, `${EXPERTS.router}.weight`);
  if (experts === undefined || experts.count > MOST_EXPERTS) return [];
  if (lab.laboratory.facts(name) === undefined) return [];
  const router = await lab.read(name);
  const wrong = async (order: readonly number[]): Promise<Wrong> => {
    const outputs = await lab.outputs(part, reordered(name, router, order));
    return {
      tokens: outputs
        .flatMap(({ ours, reference }) => tokensThatDiffer(ours, reference, hiddenSize, noise))
        .filter(Boolean).length,
      distance: outputs.reduce((sum, { ours, reference }) => sum + distance(ours, reference), 0),
    };
  };
  let order: readonly number[] = Array.from({ length: experts.count }, (_unused, row) => row);
  let least = await wrong(order);
  for (let isBetter = true; isBetter && least.tokens > 0;) {
    isBetter = false;
    let best = order;
    for (const exchanged of exchanges(order)) {
      if (!(await budget.spend())) return [];
      const left = await wrong(exchanged);
      if (!isLess(left, least)) continue;
      [best, least, isBetter] = [exchanged, left, true];
    }
    order = best;
  }
  if (least.tokens > 0) return [];
  const weights = expertWeights(layer, experts.count);
  const stored = weights.filter((one) => lab.laboratory.facts(one) !== undefined);
  return [routerInOrder(layer, order, stored)];
}

/** How wrong an order is: of orders that put as many tokens right the nearer one goes on. */
interface Wrong {
  readonly tokens: number;
  /** Sum of the differences' sizes. */
  readonly distance: number;
}

const isLess = (left: Wrong, right: Wrong): boolean =>
  left.tokens < right.tokens || (left.tokens === right.tokens && left.distance < right.distance);

function distance(ours: Float32Array, reference: Float32Array): number {
  return ours.reduce((sum, value, at) => sum + Math.abs(value - (reference[at] ?? 0)), 0);
}

function reordered(name: string, router: HostTensor, order: readonly number[]): Changes {
  return new Map([[name, takeRows(router, order)]]);
}
