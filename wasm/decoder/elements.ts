// Work on each row or element, and copies in another order; memory takes more of its time than sums, so that it is not shared.
import { LANES, first, silu, sum } from "./vector";

/** result [rows, size] = weight · x / sqrt(mean(x²) + epsilon). */
export function rmsNorm(
  x: usize,
  weight: usize,
  epsilon: f32,
  rows: usize,
  size: usize,
  result: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    const from = x + 4 * row * size;
    const to = result + 4 * row * size;
    let squares = f32x4.splat(0);
    let i: usize = 0;
    for (; i + LANES <= size; i += LANES) {
      const v = v128.load(from + 4 * i);
      squares = f32x4.add(squares, f32x4.mul(v, v));
    }
    let all = sum(squares);
    for (; i < size; i++) all += load<f32>(from + 4 * i) * load<f32>(from + 4 * i);
    const factor: f32 = <f32>(1 / Math.sqrt(<f64>all / <f64>size + <f64>epsilon));
    for (i = 0; i + LANES <= size; i += LANES) {
      const normed = f32x4.mul(v128.load(from + 4 * i), f32x4.splat(factor));
      v128.store(to + 4 * i, f32x4.mul(normed, v128.load(weight + 4 * i)));
    }
    for (; i < size; i++)
      store<f32>(to + 4 * i, load<f32>(from + 4 * i) * factor * load<f32>(weight + 4 * i));
  }
}

/**
 * x · cos + [−x2, x1] · sin of the halves of each row; x [batch, heads, tokens, size], cos and sin [tables, tokens, size]
 * with one table, or one for each row of the batch.
 */
export function rotate(
  x: usize,
  cos: usize,
  sin: usize,
  tables: usize,
  batch: usize,
  heads: usize,
  tokens: usize,
  size: usize,
  result: usize,
): void {
  const half = size / 2;
  for (let row: usize = 0; row < batch * heads * tokens; row++) {
    const table: usize = tables == 1 ? 0 : row / (heads * tokens);
    const at: usize = 4 * (table * tokens + (row % tokens)) * size;
    const c = cos + at;
    const s = sin + at;
    const low = x + 4 * row * size;
    const high = low + 4 * half;
    const to = result + 4 * row * size;
    let i: usize = 0;
    for (; i + LANES <= half; i += LANES) {
      const j: usize = 4 * i;
      const k: usize = 4 * (half + i);
      const a = v128.load(low + j);
      const b = v128.load(high + j);
      const left = f32x4.mul(a, v128.load(c + j));
      const right = f32x4.mul(b, v128.load(c + k));
      v128.store(to + j, f32x4.sub(left, f32x4.mul(b, v128.load(s + j))));
      v128.store(to + k, f32x4.add(right, f32x4.mul(a, v128.load(s + k))));
    }
    for (; i < half; i++) {
      const j: usize = 4 * i;
      const k: usize = 4 * (half + i);
      const a = load<f32>(low + j);
      const b = load<f32>(high + j);
      store<f32>(to + j, a * load<f32>(c + j) - b * load<f32>(s + j));
      store<f32>(to + k, b * load<f32>(c + k) + a * load<f32>(s + k));
    }
  }
}

/** result = left + right, element by element. */
export function add(left: usize, right: usize, count: usize, result: usize): void {
  let i: usize = 0;
  for (; i + LANES <= count; i += LANES) {
    v128.store(result + 4 * i, f32x4.add(v128.load(left + 4 * i), v128.load(right + 4 * i)));
  }
  for (; i < count; i++)
    store<f32>(result + 4 * i, load<f32>(left + 4 * i) + load<f32>(right + 4 * i));
}

/** result = left · right, element by element. */
export function multiply(left: usize, right: usize, count: usize, result: usize): void {
  let i: usize = 0;
  for (; i + LANES <= count; i += LANES) {
    v128.store(result + 4 * i, f32x4.mul(v128.load(left + 4 * i), v128.load(right + 4 * i)));
  }
  for (; i < count; i++)
    store<f32>(result + 4 * i, load<f32>(left + 4 * i) * load<f32>(right + 4 * i));
}

/** result = x · sigmoid(x), element by element. */
export function siluAll(x: usize, count: usize, result: usize): void {
  let i: usize = 0;
  for (; i + LANES <= count; i += LANES) v128.store(result + 4 * i, silu(v128.load(x + 4 * i)));
  for (; i < count; i++) store<f32>(result + 4 * i, first(silu(f32x4.splat(load<f32>(x + 4 * i)))));
}

/** `count` pieces of `size` bytes; each step leads from one piece to the next. */
export function copyPieces(
  from: usize,
  fromStep: usize,
  to: usize,
  toStep: usize,
  size: usize,
  count: usize,
): void {
  for (let i: usize = 0; i < count; i++) memory.copy(to + i * toStep, from + i * fromStep, size);
}

/** A copy of float32 of the four sizes a to d, which are at steps of that many elements from each other. */
export function permute(
  from: usize,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  c: usize,
  cStep: usize,
  d: usize,
  dStep: usize,
  to: usize,
): void {
  let at = to;
  for (let i: usize = 0; i < a; i++) {
    for (let j: usize = 0; j < b; j++) {
      for (let k: usize = 0; k < c; k++) {
        const row = from + 4 * (i * aStep + j * bStep + k * cStep);
        if (dStep == 1) memory.copy(at, row, 4 * d);
        else
          for (let l: usize = 0; l < d; l++) store<u32>(at + 4 * l, load<u32>(row + 4 * l * dStep));
        at += 4 * d;
      }
    }
  }
}

/** Side of the squares in which a matrix is transposed. */
const SQUARE: usize = 32;

/** Rows of `columns` elements become columns of a matrix whose rows are `step` elements long. */
export function turn<T>(from: usize, rows: usize, columns: usize, to: usize, step: usize): void {
  for (let left: usize = 0; left < columns; left += SQUARE) {
    const right = min(columns, left + SQUARE);
    for (let column = left; column < right; column++) {
      for (let row: usize = 0; row < rows; row++) {
        store<T>(
          to + (column * step + row) * sizeof<T>(),
          load<T>(from + (row * columns + column) * sizeof<T>()),
        );
      }
    }
  }
}

/** Exponent of a binary16; all of it is set in an infinity and in what is not a number. */
const HALF_EXPONENT: i16 = 0x7c00;

/** Whether all of `count` binary16 are finite. */
export function areFinite(from: usize, count: usize): bool {
  const exponent = i16x8.splat(HALF_EXPONENT);
  let i: usize = 0;
  for (; i + 8 <= count; i += 8) {
    if (v128.any_true(i16x8.eq(v128.and(v128.load(from + 2 * i), exponent), exponent)))
      return false;
  }
  for (; i < count; i++) {
    if ((load<i16>(from + 2 * i) & HALF_EXPONENT) == HALF_EXPONENT) return false;
  }
  return true;
}
