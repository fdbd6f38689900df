import type { Value, Weight } from "../backends/ops.ts";
import { capped } from "../backends/steps/host.ts";
import { hostLogSums } from "../backends/steps/log-sums.ts";
import type { Decoder } from "./decoder.ts";

/** Tokens whose logits are in host memory at a time: of a vocabulary of 100,000, 16 take 6.4 MB. */
export const HOST_ROWS = 16;

/** What cross-entropies are computed with. */
type EntropyModel = Pick<Decoder, "ops" | "weights" | "config">;

/** Largest logit and sum of e^(logit − largest) of the bands of the vocabulary so far, and the logits that were asked for. */
interface RowSums {
  largest: number;
  sum: number;
  readonly logits: number[];
}

/**
 * −ln softmax(logits)[id] of each id that is asked for behind each token, in nats; NaN where a logit is none. A token's numbers do not
 * depend on those beside it, where the device keeps a row's bits.
 * @param states Normed hidden states of N tokens, [N, C].
 * @param wanted Ids of each of the N tokens.
 */
export async function tokenEntropies(
  model: EntropyModel,
  states: Value,
  wanted: readonly (readonly number[])[],
): Promise<readonly (readonly number[])[]> {
  const rows = wanted.map((ids): RowSums => ({
    largest: Number.NEGATIVE_INFINITY,
    sum: 0,
    logits: ids.map(() => Number.NaN),
  }));
  await model.weights.eachHeadBand(({ begin, end }, weight) => {
    const ids = wanted.map((list) => list.map((id) => (id < begin || id >= end ? -1 : id - begin)));
    for (const [row, sums] of bandSums(model, states, weight, ids).entries())
      addBand(rows[row], sums, ids[row] ?? []);
  });
  return rows.map(({ largest, sum, logits }) =>
    logits.map((logit) => largest - logit + Math.log(sum)),
  );
}

/** Of each row its largest, its sum, and its logits of `ids`, places in this band; −1 stands for another band's. */
function bandSums(
  { ops, config: { logitCap } }: EntropyModel,
  states: Value,
  weight: Weight,
  ids: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  if (ops.logSums !== undefined && logitCap === undefined) {
    const most = Math.max(1, ...ids.map(({ length }) => length));
    const wanted = new Int32Array(ids.length * most).fill(-1);
    for (const [row, list] of ids.entries()) wanted.set(list, row * most);
    const sums = ops.logSums(states, weight, wanted);
    return ids.map((_, row) => [...sums.subarray(row * (2 + most), (row + 1) * (2 + most))]);
  }
  const found: (readonly number[])[] = [];
  const width = weight.shape[0] ?? 0;
  for (let first = 0; first < ids.length; first += HOST_ROWS) {
    const some = ids.slice(first, first + HOST_ROWS);
    const product = ops.scope(() => ops.linear(ops.slice(states, 0, first, some.length), weight)); // [n, end − begin]
    const logits = ops.read(product);
    ops.free(product);
    if (logitCap !== undefined)
      for (let index = 0; index < logits.length; index++)
        logits[index] = capped(logits[index] ?? 0, logitCap);
    for (const [row, list] of some.entries())
      found.push(hostLogSums(logits.subarray(row * width, (row + 1) * width), list));
  }
  return found;
}

/** Joins a band's sums to those of the bands before it. */
function addBand(
  row: RowSums | undefined,
  [largest = Number.NaN, sum = Number.NaN, ...logits]: readonly number[],
  ids: readonly number[],
): void {
  if (row === undefined) return;
  // NaN wins.
  const most = row.largest >= largest ? row.largest : largest;
  row.sum = row.sum * Math.exp(row.largest - most) + sum * Math.exp(largest - most);
  row.largest = most;
  for (const [index, id] of ids.entries())
    if (id >= 0) row.logits[index] = logits[index] ?? Number.NaN;
}
