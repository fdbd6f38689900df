import { f16ToF32Bits, f32BitsToF16 } from "../../tensor/float-bits.ts";
import { COMPUTE_NAME, type ComputeKind } from "../compare/tolerance.ts";
import type { Golden } from "./read.ts";

/** What a golden was computed in, and how that is known. */
export interface Arithmetic {
  readonly compute: ComputeKind;
  readonly why: string;
}

/** Different values at least before their grid says something: a few may be on any. */
const MIN_VALUES = 32;

/** torch's names, and the short ones. */
const STATED: ReadonlyMap<string, ComputeKind> = new Map([
  ["float32", "f32"],
  ["f32", "f32"],
  ["float16", "f16"],
  ["f16", "f16"],
  ["half", "f16"],
  ["bfloat16", "bf16"],
  ["bf16", "bf16"],
]);

/**
 * What a golden was computed in. Its values decide where all of them are of a half dtype: a stamp is easily wrong, and no float32
 * computation gives such values. Else the metadata do.
 */
export function arithmeticOf({ prompts, metadata }: Golden): Arithmetic {
  const grid = gridOf([
    ...prompts.map(({ logits }) => logits),
    // The first states are embeddings: bfloat16 weights have such values in any arithmetic.
    ...prompts.flatMap(({ hiddenStates }) => hiddenStates.slice(1)),
  ]);
  const written = metadata.get("dtype");
  const stated = STATED.get((written ?? "").replace("torch.", ""));
  if (grid !== undefined) {
    const told = stated === undefined || stated === grid ? "" : `, though it says ${written ?? ""}`;
    return {
      compute: grid,
      why: `every value of the golden is a ${COMPUTE_NAME[grid]}${told}`,
    };
  }
  if (stated !== undefined) return { compute: stated, why: `the golden says ${written ?? ""}` };
  return { compute: "f32", why: "the golden's values need float32" };
}

/** The coarsest half dtype that holds every value exactly. */
function gridOf(arrays: readonly Float32Array[]): ComputeKind | undefined {
  const seen = new Set<number>();
  let [isBf16, isF16] = [true, true];
  for (const values of arrays) {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (const word of words) {
      if (isBf16 && (word & 0xffff) !== 0) isBf16 = false;
      if (isF16 && f16ToF32Bits(f32BitsToF16(word)) >>> 0 !== word) isF16 = false;
      if (!isBf16 && !isF16) return undefined;
      if (seen.size < MIN_VALUES) seen.add(word);
    }
  }
  if (seen.size < MIN_VALUES) return undefined;
  return isBf16 ? "bf16" : "f16";
}

const COARSENESS: readonly ComputeKind[] = ["f32", "f16", "bf16"];

/** The one of two that keeps less of a number. */
export function coarserCompute(left: ComputeKind, right: ComputeKind): ComputeKind {
  return COARSENESS.indexOf(left) >= COARSENESS.indexOf(right) ? left : right;
}
