// What the module offers. Addresses and sizes are in bytes where they are not counts; all numbers are float32 unless a type is told.
import { attentionScratchBytes, describeAttention } from "./attention";
import { turn } from "./elements";
import { ATTENTION, LINEAR, share } from "./jobs";
import { setScratch } from "./layout";
import { LINEAR_SCRATCH, describeLinear } from "./linear";

export {
  add,
  areFinite,
  copyPieces,
  multiply,
  permute,
  rmsNorm,
  rotate,
  siluAll,
} from "./elements";
export { fail, serve, setWorkers } from "./jobs";
export { attentionScratchBytes } from "./attention";

/** Bytes that each thread needs for `linear`. */
export function linearScratchBytes(): usize {
  return LINEAR_SCRATCH;
}

/**
 * x · matrixᵀ + bias of each layer stored at `layers`; gated, silu of the first one's result times the second's.
 * @returns false when a worker failed.
 */
export function linear(
  x: usize,
  rows: usize,
  inputs: usize,
  layers: usize,
  count: usize,
  gated: bool,
  scratch: usize,
): bool {
  setScratch(scratch, LINEAR_SCRATCH);
  return share(LINEAR, describeLinear(x, rows, inputs, layers, count, gated));
}

/** softmax(q kᵀ / √size) v of the last `tokens` of `length` tokens; see `describeAttention`. @returns as above. */
export function attention(
  queries: usize,
  keys: usize,
  values: usize,
  visible: usize,
  result: usize,
  batch: usize,
  heads: usize,
  groups: usize,
  tokens: usize,
  size: usize,
  length: usize,
  keyCapacity: usize,
  valueCapacity: usize,
  scratch: usize,
): bool {
  setScratch(scratch, attentionScratchBytes(length));
  const parts = describeAttention(
    queries,
    keys,
    values,
    visible,
    result,
    batch,
    heads,
    groups,
    tokens,
    size,
    length,
    keyCapacity,
    valueCapacity,
  );
  return share(ATTENTION, parts);
}

/** `turn` of elements of two and of four bytes. */
export function turn16(from: usize, rows: usize, columns: usize, to: usize, step: usize): void {
  turn<u16>(from, rows, columns, to, step);
}

export function turn32(from: usize, rows: usize, columns: usize, to: usize, step: usize): void {
  turn<u32>(from, rows, columns, to, step);
}
