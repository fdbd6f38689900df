import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Assembly } from "../../mapping/assembly.ts";
import { streamAssembly } from "../../mapping/read-assembly.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { HostTensor } from "../compare/model-runner.ts";

const CHUNK_BYTES = 2 ** 20;

/** Chunks after which signals get their turn. */
const TURN_CHUNKS = 8;

/** A tensor's shape and values, as float32, as one text: equal digests are equal tensors, whatever their dtype. */
export async function valuesDigest(assembly: Assembly, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  hash.update(`${assembly.shape.join("x")}:`);
  let chunks = 0;
  await streamAssembly(assembly, { chunkBytes: CHUNK_BYTES, signal }, async (chunk) => {
    const values = assembly.dtype === "F32" ? undefined : decodeValues(chunk, assembly.dtype);
    hash.update(values === undefined ? chunk : new Uint8Array(Float32Array.from(values).buffer));
    if (++chunks % TURN_CHUNKS === 0) await nextTurn();
  });
  return hash.digest("hex");
}

/** Names by digest. Tensors of one value throughout tell nothing about where they belong; they are left in. */
export async function digestsOf(
  tensors: ReadonlyMap<string, Assembly>,
  names: Iterable<string>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const name of names) {
    const assembly = tensors.get(name);
    if (assembly !== undefined) digests.set(name, await valuesDigest(assembly, signal));
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
