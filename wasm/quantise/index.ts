// llama.cpp's K types in WebAssembly (AssemblyScript, compiled by scripts/generate/wasm.mjs): float32 operations one by one, as its reference code does them on
// processors without fused multiply-add.
import { offsetBlock } from "./offset-block";
import { signedBlock } from "./signed-block";

/** Super-blocks that are made in one call at most. */
const MOST: i32 = 64;
const INPUT = memory.data(4 * 256 * 64, 16);
const OUTPUT = memory.data(210 * 64, 16);

export function most(): i32 {
  return MOST;
}
export function input(): usize {
  return INPUT;
}
export function output(): usize {
  return OUTPUT;
}

/** Each makes the first `count` super-blocks of the input, and gives the number of those it could, `count` unless one cannot be said. */
export function q4k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!offsetBlock(INPUT + 1024 * <usize>block, OUTPUT + 144 * <usize>block, 15, -1, 20))
      return block;
  return count;
}
export function q5k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!offsetBlock(INPUT + 1024 * <usize>block, OUTPUT + 176 * <usize>block, 31, -0.5, 15))
      return block;
  return count;
}
export function q6k(count: i32): i32 {
  for (let block = 0; block < count; block++)
    if (!signedBlock(INPUT + 1024 * <usize>block, OUTPUT + 210 * <usize>block)) return block;
  return count;
}
