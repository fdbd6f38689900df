// base + scaling · B · A in WebAssembly (AssemblyScript, compiled by scripts/generate/wasm.mjs), bit for bit as a chain of fused multiply-adds over the rank in float32
// gives it, then scaled, added and rounded, each once. Eight columns at a time. Where the result has 16 bits, two bounds of the product come first, which cost a tenth:
// all that follows is monotone, so that two bounds with one result leave no other. What they leave open is computed exactly.
import { eightBounded } from "./bounded";
import { eightExact } from "./exact";
import { Values } from "./values";

/** Bytes of a block of eight columns beside the base: for the last columns of a row. */
const REST = memory.data(32, 16);

/** Bytes of factors that are passed through for all rows in turn, in the processor's nearest cache. */
const PANEL_BYTES: i32 = 2 ** 14;

/** Grids below which a sum that is subnormal in float32 may be inexact in float64: see exact.ts. */
const LEAST_PRODUCT: f64 = 2.0 ** -120;

/** Where the bounds are bounds: no sum overflows, and what products lose that are subnormal is far less. */
const LEAST_BOUND: f64 = 2.0 ** -60;
const MOST_BOUND: f64 = 2.0 ** 60;
const MOST_RANK: i32 = 4096;

/**
 * Adds to `rows` × `columns` elements at `base`, in place. `down` has a row's `rank` factors in float32, row by row; `along` those of eight columns for
 * each of the ranks, block by block, with zeros behind the last column. `norms` are the columns' Euclidean norms, `least` the least magnitude in `along` but 0.
 */
export function merge(
  base: usize,
  dtype: i32,
  rows: i32,
  columns: i32,
  down: usize,
  along: usize,
  norms: usize,
  rank: i32,
  least: f64,
  scaling: f32,
): void {
  const width: i32 = dtype == Values.F32 ? 4 : 2;
  const blocks = (columns + 7) >> 3;
  const blockBytes = 32 * rank;
  const panel = max(1, PANEL_BYTES / max(1, blockBytes));
  for (let first = 0; first < blocks; first += panel) {
    const end = min(blocks, first + panel);
    for (let row = 0; row < rows; row++) {
      const factors = down + <usize>row * 4 * rank;
      const isSmall = !(leastOf(factors, rank) * least >= LEAST_PRODUCT);
      const bound = dtype == Values.F32 || rank > MOST_RANK ? NaN : boundOf(factors, rank);
      const isBounded = bound == 0 || (bound >= LEAST_BOUND && bound <= MOST_BOUND);
      for (let block = first; block < end; block++) {
        const values = along + <usize>block * blockBytes;
        const place = base + (<usize>row * columns + 8 * <usize>block) * width;
        const rest = min(8, columns - 8 * block);
        let at = place;
        if (rest < 8) {
          // Any numbers behind the row's end that are none of the cases to be computed exactly.
          memory.fill(REST, 0x3f, 32);
          memory.copy(REST, place, rest * width);
          at = REST;
        }
        if (
          !isBounded ||
          !eightBounded(
            at,
            dtype,
            factors,
            values,
            norms + 32 * <usize>block,
            rank,
            <f32>bound,
            scaling,
          )
        )
          eightExact(at, dtype, factors, values, rank, isSmall, scaling);
        if (rest < 8) memory.copy(place, REST, rest * width);
      }
    }
  }
}

/** The least magnitude of `rank` numbers but 0; infinity where all are. */
function leastOf(values: usize, rank: i32): f64 {
  let least: f64 = Infinity;
  for (let k = 0; k < rank; k++) {
    const value = Math.abs(<f64>load<f32>(values + 4 * <usize>k));
    if (value < least && value > 0) least = value;
  }
  return least;
}

/**
 * How far two float32 sums of the same `rank` products can be apart, over the norm of the other factors. Each is off the true sum by rank + 1 roundings of
 * at most the sum of magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), which is at most the product of both norms; 14 more roundings
 * cover those of the bounds themselves and terms of second order.
 */
function boundOf(values: usize, rank: i32): f64 {
  let squares: f64 = 0;
  for (let k = 0; k < rank; k++) {
    const value = <f64>load<f32>(values + 4 * <usize>k);
    squares += value * value;
  }
  return Math.sqrt(squares) * <f64>(2 * rank + 16) * 2.0 ** -24;
}
