// llama.cpp's quantisers in WebAssembly (AssemblyScript, compiled by scripts/generate/wasm.mjs): float32 operations one by one, as its reference code does them
// on processors without fused multiply-add.
import { offsetBlock, weightedOffsetBlock } from "./offset-block";
import { signedBlock } from "./signed-block";
import { smallBlocks } from "./small-block";
import { fineBlock, weightedFineBlock } from "./three-bits";
import { coarseBlock, weightedCoarseBlock } from "./two-bits";

/** Super-blocks that are made in one call at most. */
const MOST: i32 = 64;
const INPUT = memory.data(4 * 256 * 64, 16);
/** What an importance matrix has for the input's columns. */
const COLUMNS = memory.data(4 * 256 * 64, 16);
/** Small blocks of so many numbers take more: 24 bytes for 32. */
const OUTPUT = memory.data(210 * 64, 16);

export function most(): i32 {
  return MOST;
}
export function input(): usize {
  return INPUT;
}
export function columns(): usize {
  return COLUMNS;
}
export function output(): usize {
  return OUTPUT;
}

function numbers(block: i32): usize {
  return INPUT + 1024 * <usize>block;
}
function weights(block: i32): usize {
  return COLUMNS + 1024 * <usize>block;
}
function made(block: i32, bytes: i32): usize {
  return OUTPUT + <usize>(bytes * block);
}

/** Each makes the first `count` super-blocks of the input, and gives the number of those it could, `count` unless one cannot be said. */
export function q2k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!coarseBlock(numbers(block), made(block, 84))) return block;
  return count;
}
export function q3k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!fineBlock(numbers(block), made(block, 110))) return block;
  return count;
}
export function q4k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!offsetBlock(numbers(block), made(block, 144), 15, -1, 20)) return block;
  return count;
}
export function q5k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!offsetBlock(numbers(block), made(block, 176), 31, -0.5, 15)) return block;
  return count;
}
export function q6k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!signedBlock(numbers(block), 0, made(block, 210))) return block;
  return count;
}

/** The same with an importance matrix: the input is of one row. */
export function weightedQ2k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!weightedCoarseBlock(numbers(block), weights(block), made(block, 84))) return block;
  return count;
}
export function weightedQ3k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!weightedFineBlock(numbers(block), weights(block), made(block, 110))) return block;
  return count;
}
export function weightedQ4k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!weightedOffsetBlock(numbers(block), weights(block), made(block, 144), 15)) return block;
  return count;
}
export function weightedQ5k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!weightedOffsetBlock(numbers(block), weights(block), made(block, 176), 31)) return block;
  return count;
}
export function weightedQ6k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!signedBlock(numbers(block), weights(block), made(block, 210))) return block;
  return count;
}

/** The first `count` blocks of 32 numbers of the input, which is of one row with that mean square. */
function small(count: i32, square: f32, bytes: i32, bits: i32, hasOffset: bool): i32 {
  for (let block = 0; block < count; block += 4) {
    const at = 128 * <usize>block;
    const own = min(4, count - block);
    const found = smallBlocks(
      INPUT + at,
      COLUMNS + at,
      made(block, bytes),
      own,
      square,
      bits,
      hasOffset,
    );
    if (found < own) return block + found;
  }
  return count;
}
export function weightedQ40(count: i32, square: f32): i32 {
  return small(count, square, 18, 4, false);
}
export function weightedQ41(count: i32, square: f32): i32 {
  return small(count, square, 20, 4, true);
}
export function weightedQ50(count: i32, square: f32): i32 {
  return small(count, square, 22, 5, false);
}
export function weightedQ51(count: i32, square: f32): i32 {
  return small(count, square, 24, 5, true);
}
