import type { ExpertsConfig } from "../../model/config/model-config.ts";
import type { Ops, Value } from "../backends/ops.ts";
import { routedBy } from "./routing.ts";

type HostOps = Pick<Ops, "read" | "upload" | "free" | "scope">;

/** A network on rows [1, n, C], of the same shape. */
export type RowsWork = (rows: Value) => Value;

/** Which experts each token takes, and what they compute. */
export interface ExpertChoice {
  /** The router's, [B, T, E]. */
  readonly scores: Value;
  readonly settings: Omit<ExpertsConfig, "layers" | "size">;
  /** What is added to the scores [E] where experts are chosen; the weights are those without. */
  readonly correction?: Float32Array | undefined;
  /** One more, that all tokens take, weighted by the sigmoid of `gate` [B, T, 1]. */
  readonly shared?: { readonly gate: Value; readonly work: RowsWork } | undefined;
  /**
   * Calls `use` once for each of these experts, in their order, with what it computes. The weights of one are only good during its
   * call, so that those of one expert at a time need be there.
   */
  each(experts: readonly number[], use: (expert: number, work: RowsWork) => void): Promise<void>;
}

/** One token's share in an expert. */
interface Share {
  readonly token: number;
  readonly weight: number;
}

/**
 * For each token of [B, T, C] the weighted sum of what the experts give that it takes (Shazeer et al. 2017, arXiv 1701.06538, equations
 * 1 and 3 to 5), chosen and summed by the processor in float64: an expert sees the rows of its own tokens alone, and no expert is
 * asked for that no token takes. A token's sum goes over its experts in their order, so that its bits do not depend on other tokens.
 * @returns A value [B, T, C] that the caller frees.
 */
export async function chosenExperts(ops: HostOps, x: Value, choice: ExpertChoice): Promise<Value> {
  const data = ops.read(x);
  const size = x.shape.at(-1) ?? 0;
  const sums = new Float64Array(data.length);
  const add = (shares: readonly Share[], work: RowsWork): void => {
    const rows = new Float32Array(shares.length * size);
    for (const [row, { token }] of shares.entries())
      rows.set(data.subarray(token * size, (token + 1) * size), row * size);
    const given = ops.scope(() => work(ops.upload(rows, [1, shares.length, size])));
    const results = ops.read(given);
    ops.free(given);
    for (const [row, { token, weight }] of shares.entries()) {
      for (let channel = 0; channel < size; channel++) {
        const at = token * size + channel;
        sums[at] = (sums[at] ?? 0) + weight * (results[row * size + channel] ?? 0);
      }
    }
  };
  const shares = sharesOf(ops.read(choice.scores), choice);
  const chosen = [...shares.keys()].filter((expert) => (shares[expert]?.length ?? 0) > 0);
  await choice.each(chosen, (expert, work) => {
    add(shares[expert] ?? [], work);
  });
  if (choice.shared !== undefined) {
    const { gate, work } = choice.shared;
    const own = Array.from(ops.read(gate), (score, token) => ({ token, weight: sigmoid(score) }));
    add(own, work);
  }
  return ops.upload(Float32Array.from(sums), x.shape);
}

/** For each expert the tokens that take it, and with which weight. */
function sharesOf(
  logits: Float32Array,
  { settings, correction }: ExpertChoice,
): readonly (readonly Share[])[] {
  const { count } = settings;
  const shares = Array.from({ length: count }, (): Share[] => []);
  for (let token = 0; token * count < logits.length; token++) {
    const own = logits.subarray(token * count, (token + 1) * count);
    for (const [expert, weight] of routedBy(own, settings, correction))
      shares[expert]?.push({ token, weight });
  }
  return shares;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
