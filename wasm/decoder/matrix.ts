// Products of rows with rows. Each sum has one order, whatever else is computed beside it: blocks of BLOCK products one after
// another, each lane by lane, then the lanes, then what is left of four; so that a token's result does not depend on its batch,
// nor on where a prompt is cut.
import { LANES, VECTOR, lane, lanes, sum, sums } from "./vector";

/** Products that are summed lane by lane in one go. */
export const BLOCK: usize = 128;

/** Elements of rows that are multiplied in one go: TILE_X + TILE_W rows of them stay in a 32 KiB cache. A multiple of BLOCK. */
export const RANGE: usize = 1024;

/** Rows of x and of a matrix that meet in registers: 8 sums, 5 operands and a product in 15 registers. */
const TILE_X: usize = 2;
export const TILE_W: usize = 4;

/** total + x · w over `size` elements, of one row of each. */
export function dot<T>(x: usize, w: usize, size: usize, total: f32): f32 {
  let rest = size;
  if (sizeof<T>() < 4) {
    // Two blocks at once: where an element takes half the bytes, memory is faster than one chain of sums.
    for (; rest >= 2 * BLOCK; rest -= 2 * BLOCK) {
      let a = f32x4.splat(0);
      let b = f32x4.splat(0);
      const end = x + 4 * BLOCK;
      for (; x < end; x += VECTOR) {
        a = f32x4.add(a, f32x4.mul(v128.load(x), lanes<T>(w)));
        b = f32x4.add(b, f32x4.mul(v128.load(x, 4 * BLOCK), lanes<T>(w + BLOCK * sizeof<T>())));
        w += LANES * sizeof<T>();
      }
      x += 4 * BLOCK;
      w += BLOCK * sizeof<T>();
      total = total + sum(a) + sum(b);
    }
  }
  while (rest >= LANES) {
    const whole = min(rest, BLOCK) & ~(LANES - 1);
    let a = f32x4.splat(0);
    const end = x + 4 * whole;
    for (; x < end; x += VECTOR) {
      a = f32x4.add(a, f32x4.mul(v128.load(x), lanes<T>(w)));
      w += LANES * sizeof<T>();
    }
    total += sum(a);
    rest -= whole;
  }
  for (; rest > 0; rest--) {
    total += load<f32>(x) * lane<T>(w);
    x += 4;
    w += sizeof<T>();
  }
  return total;
}

/** y[j] += x · w[j] of TILE_W rows of w. Steps are in bytes. */
function tileOfOne(x: usize, w: usize, wStep: usize, size: usize, y: usize): void {
  for (let j: usize = 0; j < TILE_W; j++) {
    store<f32>(y + 4 * j, dot<f32>(x, w + j * wStep, size, load<f32>(y + 4 * j)));
  }
}

/** y[i][j] += x[i] · w[j] of TILE_X rows of x and TILE_W of w, all float32. */
function tile(
  x: usize,
  xStep: usize,
  w: usize,
  wStep: usize,
  size: usize,
  y: usize,
  yStep: usize,
): void {
  let x1 = x + xStep;
  let w1 = w + wStep;
  let w2 = w1 + wStep;
  let w3 = w2 + wStep;
  let total0 = v128.load(y);
  let total1 = v128.load(y + yStep);
  let rest = size;
  while (rest >= LANES) {
    const whole = min(rest, BLOCK) & ~(LANES - 1);
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let a2 = f32x4.splat(0);
    let a3 = f32x4.splat(0);
    let b0 = f32x4.splat(0);
    let b1 = f32x4.splat(0);
    let b2 = f32x4.splat(0);
    let b3 = f32x4.splat(0);
    const end = x + 4 * whole;
    for (; x < end; x += VECTOR) {
      const p = v128.load(x);
      const q = v128.load(x1);
      const r0 = v128.load(w);
      a0 = f32x4.add(a0, f32x4.mul(p, r0));
      b0 = f32x4.add(b0, f32x4.mul(q, r0));
      const r1 = v128.load(w1);
      a1 = f32x4.add(a1, f32x4.mul(p, r1));
      b1 = f32x4.add(b1, f32x4.mul(q, r1));
      const r2 = v128.load(w2);
      a2 = f32x4.add(a2, f32x4.mul(p, r2));
      b2 = f32x4.add(b2, f32x4.mul(q, r2));
      const r3 = v128.load(w3);
      a3 = f32x4.add(a3, f32x4.mul(p, r3));
      b3 = f32x4.add(b3, f32x4.mul(q, r3));
      x1 += VECTOR;
      w += VECTOR;
      w1 += VECTOR;
      w2 += VECTOR;
      w3 += VECTOR;
    }
    total0 = f32x4.add(total0, sums(a0, a1, a2, a3));
    total1 = f32x4.add(total1, sums(b0, b1, b2, b3));
    rest -= whole;
  }
  for (; rest > 0; rest--) {
    const r = f32x4(0, 0, 0, 0);
    const right = f32x4.replace_lane(
      f32x4.replace_lane(
        f32x4.replace_lane(f32x4.replace_lane(r, 0, load<f32>(w)), 1, load<f32>(w1)),
        2,
        load<f32>(w2),
      ),
      3,
      load<f32>(w3),
    );
    total0 = f32x4.add(total0, f32x4.mul(f32x4.splat(load<f32>(x)), right));
    total1 = f32x4.add(total1, f32x4.mul(f32x4.splat(load<f32>(x1)), right));
    x += 4;
    x1 += 4;
    w += 4;
    w1 += 4;
    w2 += 4;
    w3 += 4;
  }
  v128.store(y, total0);
  v128.store(y + yStep, total1);
}

/** `count` elements as float32. */
export function widenAll<T>(from: usize, count: usize, to: usize): void {
  let i: usize = 0;
  for (; i + LANES <= count; i += LANES) v128.store(to + 4 * i, lanes<T>(from + i * sizeof<T>()));
  for (; i < count; i++) store<f32>(to + 4 * i, lane<T>(from + i * sizeof<T>()));
}

/**
 * y[i][j] += x[i] · w[j] over `size` ≤ RANGE elements, of any number of rows of both. Steps are in bytes.
 * @param wide memory for TILE_W · RANGE float32, used where w is in a half type.
 */
export function multiplyRange<T>(
  x: usize,
  xRows: usize,
  xStep: usize,
  w: usize,
  wRows: usize,
  wStep: usize,
  size: usize,
  y: usize,
  yStep: usize,
  wide: usize,
): void {
  let j: usize = 0;
  for (; j + TILE_W <= wRows; j += TILE_W) {
    let right = w + j * wStep;
    let rightStep = wStep;
    if (!isFloat<T>()) {
      for (let k: usize = 0; k < TILE_W; k++)
        widenAll<T>(right + k * wStep, size, wide + 4 * k * RANGE);
      right = wide;
      rightStep = 4 * RANGE;
    }
    let i: usize = 0;
    for (; i + TILE_X <= xRows; i += TILE_X) {
      tile(x + i * xStep, xStep, right, rightStep, size, y + i * yStep + 4 * j, yStep);
    }
    for (; i < xRows; i++) tileOfOne(x + i * xStep, right, rightStep, size, y + i * yStep + 4 * j);
  }
  for (; j < wRows; j++) {
    for (let i: usize = 0; i < xRows; i++) {
      const at = y + i * yStep + 4 * j;
      store<f32>(at, dot<T>(x + i * xStep, w + j * wStep, size, load<f32>(at)));
    }
  }
}
