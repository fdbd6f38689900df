import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { join } from "node:path";
import type { Assembly } from "../mapping/assembly.ts";
import { streamAssembly } from "../mapping/read-assembly.ts";
import { weightsDigest, type TensorDigest } from "../mapping/weights-digest.ts";
import { decodeValues } from "../tensor/decode.ts";
import { isSystemError } from "../errors/wb-error.ts";

/** What tells one set of weights from another. */
export interface WeightsIdentity {
  /** As in a manifest: over the tensors' own bytes. */
  readonly sha256: string;
  /** Over the values as float32, so that the same weights in another dtype have the same one. */
  readonly valuesSha256: string;
}

/** Metadata of a golden that name its weights. */
export const WEIGHTS_KEY = "weights_sha256";
export const VALUES_KEY = "weights_values_sha256";
export const TOKENIZER_KEY = "tokenizer_sha256";

const CHUNK_BYTES = 2 ** 20;

/** Reads all of a model's tensors once. */
export async function weightsIdentity(
  tensors: ReadonlyMap<string, Assembly>,
  signal?: AbortSignal,
): Promise<WeightsIdentity> {
  const stored = new Map<string, TensorDigest>();
  const values = new Map<string, TensorDigest>();
  for (const [name, assembly] of tensors) {
    const { dtype, shape } = assembly;
    const hash = createHash("sha256");
    const valueHash = createHash("sha256");
    await streamAssembly(assembly, { chunkBytes: CHUNK_BYTES, signal }, (chunk) => {
      hash.update(chunk);
      const decoded = dtype === "F32" ? undefined : decodeValues(chunk, dtype);
      if (decoded === undefined) valueHash.update(chunk);
      else valueHash.update(new Uint8Array(Float32Array.from(decoded).buffer));
      return Promise.resolve();
    });
    stored.set(name, { dtype, shape, sha256: hash.digest("hex") });
    values.set(name, { dtype: "F32", shape, sha256: valueHash.digest("hex") });
  }
  return { sha256: weightsDigest(stored), valuesSha256: weightsDigest(values) };
}

/** SHA-256 of a folder's tokenizer.model; undefined where there is none. */
export async function tokenizerDigest(folder: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(join(folder, "tokenizer.model")), hash);
  } catch (error) {
    if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    throw error;
  }
  return hash.digest("hex");
}
