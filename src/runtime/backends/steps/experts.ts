import type { Ops, Value } from "../ops.ts";
import { routedBy } from "./routing.ts";
import type { ExpertChoice } from "./steps.ts";

type HostOps = Pick<Ops, "read" | "upload" | "free" | "scope" | "keep" | "vector">;

/** One token's share in an expert. */
interface Share {
  readonly token: number;
  readonly weight: number;
}

/**
 * For each token the weighted sum of what the experts give that it takes (Shazeer et al. 2017, arXiv 1701.06538, equations 1 and 3 to
 * 5), chosen and summed by the processor in float64: an expert sees the rows of its own tokens alone, and no expert is computed
 * that no token takes. A token's sum goes over its experts in their order, so that its bits do not depend on other tokens.
 */
export function chosenExperts(ops: HostOps, x: Value, choice: ExpertChoice): Value {
  const data = ops.read(x);
  const size = x.shape.at(-1) ?? 0;
  const sums = new Float64Array(data.length);
  const add = (shares: readonly Share[], work: (rows: Value) => Value): void => {
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
  const shares = sharesOf(ops.read(choice.scores), choice, correctionOf(ops, choice));
  for (const [expert, own] of shares.entries())
    if (own.length > 0) add(own, (rows) => choice.work(expert, rows));
  if (choice.shared !== undefined) {
    const { gate, work } = choice.shared;
    const own = Array.from(ops.read(gate), (score, token) => ({ token, weight: sigmoid(score) }));
    add(own, work);
  }
  return ops.upload(Float32Array.from(sums), x.shape);
}

/** What is added to each expert's score where experts are chosen. */
function correctionOf(ops: HostOps, { routing }: ExpertChoice): Float32Array | undefined {
  const weight = routing?.correction;
  if (weight === undefined) return undefined;
  let numbers: Float32Array | undefined;
  ops.scope(() => {
    numbers = ops.read(ops.vector(weight));
    return undefined;
  });
  return numbers;
}

/** For each expert the tokens that take it, and with which weight. */
function sharesOf(
  logits: Float32Array,
  choice: ExpertChoice,
  correction: Float32Array | undefined,
): readonly (readonly Share[])[] {
  const { count } = choice;
  const shares = Array.from({ length: count }, (): Share[] => []);
  for (let token = 0; token * count < logits.length; token++) {
    const own = logits.subarray(token * count, (token + 1) * count);
    for (const [expert, weight] of routedBy(own, choice, correction))
      shares[expert]?.push({ token, weight });
  }
  return shares;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
