// Linear layers: one or several matrices [outputs, inputs] on the same rows of x.
import { bytesInBlocks, isInBlocks, widenBlocks } from "./blocks";
import { argument, scratch, setArgument } from "./layout";
import { RANGE, TILE_W, dot, multiplyRange } from "./matrix";
import { Bfloat, Half, LANES, first, silu } from "./vector";

/** Outputs that a thread takes at a time, and rows of x that meet them: 64 rows of RANGE floats stay in a 512 KiB cache. */
const OUTPUTS: usize = 64;
const ROWS: usize = 64;

/** Bytes that a thread works in: widened rows of a matrix, and what a gate is multiplied by. */
export const LINEAR_SCRATCH: usize = 4 * (TILE_W * RANGE + ROWS * OUTPUTS);

/** How a layer is described, word by word: matrix, its type, bias or 0, result, outputs. */
const LAYER: usize = 20;

/** What a matrix is kept in; further numbers are those of blocks. */
const FLOAT = 0;
const HALF = 1;

const X = 0;
const ROW_COUNT = 1;
const INPUTS = 2;
const LAYERS = 3;
const COUNT = 4;
const GATED = 5;

/** Takes note of the work. @returns how many parts it has. */
export function describeLinear(
  x: usize,
  rows: usize,
  inputs: usize,
  layers: usize,
  count: usize,
  gated: bool,
): usize {
  setArgument(X, x);
  setArgument(ROW_COUNT, rows);
  setArgument(INPUTS, inputs);
  setArgument(LAYERS, layers);
  setArgument(COUNT, count);
  setArgument(GATED, gated ? 1 : 0);
  let parts: usize = 0;
  const results: usize = gated ? 1 : count;
  for (let i: usize = 0; i < results; i++) parts += partsOf(layers + i * LAYER);
  return rows == 0 ? 0 : parts;
}

/** Computes one part: OUTPUTS of the outputs of one layer. */
export function linearPart(index: usize): void {
  let layer = argument(LAYERS);
  let part = index;
  for (; part >= partsOf(layer); layer += LAYER) part -= partsOf(layer);
  const begin = part * OUTPUTS;
  const count = min(OUTPUTS, outputsOf(layer) - begin);
  const gated = argument(GATED) != 0;
  const rows = argument(ROW_COUNT);
  const step: usize = 4 * outputsOf(layer);
  for (let row: usize = 0; row < rows; row += ROWS) {
    const height = min(ROWS, rows - row);
    const y = resultOf(layer) + row * step + 4 * begin;
    multiply(layer, row, height, begin, count, y, step);
    if (!gated) continue;
    const up = scratch() + 4 * TILE_W * RANGE;
    multiply(layer + LAYER, row, height, begin, count, up, 4 * OUTPUTS);
    for (let i: usize = 0; i < height; i++) gate(y + i * step, up + 4 * i * OUTPUTS, count);
  }
}

/** y [height, count] = x · matrixᵀ + bias, of some rows of x and some outputs. */
function multiply(
  layer: usize,
  row: usize,
  height: usize,
  begin: usize,
  count: usize,
  y: usize,
  yStep: usize,
): void {
  const type = <i32>load<u32>(layer, 4);
  const x = argument(X) + 4 * row * argument(INPUTS);
  for (let i: usize = 0; i < height; i++) memory.fill(y + i * yStep, 0, 4 * count);
  if (isInBlocks(type)) multiplyBlocks(layer, type, x, height, begin, count, y, yStep);
  else if (type == FLOAT) multiplyBy<f32>(layer, x, height, begin, count, y, yStep);
  else if (type == HALF) multiplyBy<Half>(layer, x, height, begin, count, y, yStep);
  else multiplyBy<Bfloat>(layer, x, height, begin, count, y, yStep);
  const bias = <usize>load<u32>(layer, 8);
  if (bias == 0) return;
  for (let i: usize = 0; i < height; i++) addTo(y + i * yStep, bias + 4 * begin, count);
}

function multiplyBy<T>(
  layer: usize,
  x: usize,
  rows: usize,
  begin: usize,
  count: usize,
  y: usize,
  yStep: usize,
): void {
  const inputs = argument(INPUTS);
  const step = inputs * sizeof<T>();
  const matrix = <usize>load<u32>(layer) + begin * step;
  if (rows == 1) {
    // A matrix that is used once is read from its beginning to its end.
    for (let j: usize = 0; j < count; j++) {
      store<f32>(y + 4 * j, dot<T>(x, matrix + j * step, inputs, 0));
    }
    return;
  }
  for (let k: usize = 0; k < inputs; k += RANGE) {
    const size = min(RANGE, inputs - k);
    const right = matrix + k * sizeof<T>();
    multiplyRange<T>(x + 4 * k, rows, 4 * inputs, right, count, step, size, y, yStep, scratch());
  }
}

/** A few rows of the matrix are made float32 at a time, and meet x as rows of a matrix of float32 do. */
function multiplyBlocks(
  layer: usize,
  type: i32,
  x: usize,
  rows: usize,
  begin: usize,
  count: usize,
  y: usize,
  yStep: usize,
): void {
  const inputs = argument(INPUTS);
  const step = bytesInBlocks(type, inputs);
  const matrix = <usize>load<u32>(layer) + begin * step;
  const wide = scratch();
  for (let k: usize = 0; k < inputs; k += RANGE) {
    const size = min(RANGE, inputs - k);
    const right = matrix + bytesInBlocks(type, k);
    for (let j: usize = 0; j < count; j += TILE_W) {
      const some = min(TILE_W, count - j);
      for (let i: usize = 0; i < some; i++)
        widenBlocks(type, right + (j + i) * step, size, wide + 4 * i * RANGE);
      multiplyRange<f32>(
        x + 4 * k,
        rows,
        4 * inputs,
        wide,
        some,
        4 * RANGE,
        size,
        y + 4 * j,
        yStep,
        0,
      );
    }
  }
}

function addTo(y: usize, bias: usize, count: usize): void {
  let j: usize = 0;
  for (; j + LANES <= count; j += LANES) {
    const at = y + 4 * j;
    v128.store(at, f32x4.add(v128.load(at), v128.load(bias + 4 * j)));
  }
  for (; j < count; j++) store<f32>(y + 4 * j, load<f32>(y + 4 * j) + load<f32>(bias + 4 * j));
}

/** y = silu(y) · up. */
function gate(y: usize, up: usize, count: usize): void {
  let j: usize = 0;
  for (; j + LANES <= count; j += LANES) {
    const at = y + 4 * j;
    v128.store(at, f32x4.mul(silu(v128.load(at)), v128.load(up + 4 * j)));
  }
  for (; j < count; j++) {
    const at = y + 4 * j;
    store<f32>(at, first(silu(f32x4.splat(load<f32>(at)))) * load<f32>(up + 4 * j));
  }
}

function resultOf(layer: usize): usize {
  return <usize>load<u32>(layer, 12);
}

function outputsOf(layer: usize): usize {
  return <usize>load<u32>(layer, 16);
}

function partsOf(layer: usize): usize {
  return (outputsOf(layer) + OUTPUTS - 1) / OUTPUTS;
}
