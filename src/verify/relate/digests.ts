import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Assembly } from "../../mapping/assembly.ts";
import { streamAssembly } from "../../mapping/read-assembly.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import type { HostTensor } from "../compare/model-runner.ts";
import { inHalf } from "./common-half.ts";
import type { HalfDtype } from "../diagnose/hypotheses/tensor-edits.ts";

const CHUNK_BYTES = 2 ** 20;

/** Chunks after which signals get their turn. */
const TURN_CHUNKS = 8;

/**
 * A tensor's shape and values, as float32, as one text: equal digests are equal tensors, whatever their dtype.
 * @param half What the values are rounded to before.
 */
export async function valuesDigest(
  assembly: Assembly,
  signal?: AbortSignal,
  half?: HalfDtype,
): Promise<string> {
  const hash = createHash("sha256");
  hash.update(`${assembly.shape.join("x")}:`);
  let chunks = 0;
  await streamAssembly(assembly, { chunkBytes: CHUNK_BYTES, signal }, async (chunk) => {
    const isPlain = assembly.dtype === "F32" && half === undefined;
    const values = isPlain ? undefined : decodeValues(chunk, assembly.dtype);
    hash.update(values === undefined ? chunk : bytesOf(values, assembly.dtype, half));
    if (++chunks % TURN_CHUNKS === 0) await nextTurn();
  });
  return hash.digest("hex");
}

function bytesOf(values: Float64Array, dtype: Dtype, half: HalfDtype | undefined): Uint8Array {
  const { data } = inHalf({ shape: [values.length], data: Float32Array.from(values) }, dtype, half);
  return new Uint8Array(data.buffer);
}

/**
 * Names by digest. Tensors of one value throughout tell nothing about where they belong; they are left in.
 * @param halfOf What each tensor's values are rounded to before.
 */
export async function digestsOf(
  tensors: ReadonlyMap<string, Assembly>,
  names: Iterable<string>,
  signal?: AbortSignal,
  halfOf?: (name: string) => HalfDtype | undefined,
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const name of names) {
    const assembly = tensors.get(name);
    if (assembly !== undefined)
      digests.set(name, await valuesDigest(assembly, signal, halfOf?.(name)));
  }
  return digests;
}

/** The same of a tensor in memory. */
export function hostDigest({ shape, data }: HostTensor): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash("sha256")
    .update(`${shape.join("x")}:`)
    .update(bytes)
    .digest("hex");
}
