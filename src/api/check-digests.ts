import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { isFolder } from "../formats/open.ts";
import type { FileProblem } from "../formats/survey.ts";
import { WbError } from "../errors/wb-error.ts";
import { assemblyOf, wholeView } from "../mapping/assembly.ts";
import { MANIFEST } from "../mapping/converted-folder.ts";
import { streamAssembly } from "../mapping/read-assembly.ts";
import { recordIn } from "../model/config/fields.ts";
import { readSmall } from "../sources/places.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";

/** Largest manifest that is read, in bytes: a line a tensor. */
const MAX_MANIFEST_BYTES = 64 * 2 ** 20;

const CHUNK_BYTES = 2 ** 20;

/** What a manifest says of a tensor. */
interface Promised {
  readonly dtype: string;
  readonly shape: string;
  readonly sha256: string;
}

/**
 * Holds every tensor against the SHA-256 that the folder's manifest has of it; reads all weights once.
 * @throws WbError WB3913 where there is no manifest, or none that can be read.
 */
export async function digestProblems(
  path: string,
  checkpoint: Checkpoint,
  signal?: AbortSignal,
): Promise<readonly FileProblem[]> {
  const promised = await readManifest(path);
  const problems: FileProblem[] = [];
  const add = (tensor: string, message: string): void => {
    problems.push({ code: "WB3914", tensor, message: `${tensor}: ${message}` });
  };
  const left = new Set(promised.keys());
  for (const tensor of checkpoint.tensors) {
    const name = tensor.storedName ?? tensor.name;
    const expected = promised.get(name);
    left.delete(name);
    if (expected === undefined) add(name, `is not in ${MANIFEST}`);
    else {
      const wrong = await difference(tensor, expected, signal);
      if (wrong !== undefined) add(name, wrong);
    }
  }
  for (const name of left) add(name, `is in ${MANIFEST} and not in the weights`);
  return problems;
}

async function difference(
  tensor: StoredTensor,
  { dtype, shape, sha256 }: Promised,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (tensor.dtype !== dtype) return `expected ${dtype} as in ${MANIFEST}, found ${tensor.dtype}`;
  const found = tensor.shape.join(", ");
  if (found !== shape) return `expected shape [${shape}] as in ${MANIFEST}, found [${found}]`;
  const hash = createHash("sha256");
  await streamAssembly(
    assemblyOf(wholeView(tensor)),
    { chunkBytes: CHUNK_BYTES, signal },
    (chunk) => {
      hash.update(chunk);
      return Promise.resolve();
    },
  );
  const digest = hash.digest("hex");
  return digest === sha256
    ? undefined
    : `its bytes are not those that were written: expected SHA-256 ${sha256}, found ${digest}`;
}

async function readManifest(path: string): Promise<ReadonlyMap<string, Promised>> {
  const folder = (await isFolder(path)) ? path : dirname(path);
  const place = join(folder, MANIFEST);
  const bytes = await readSmall(place, MAX_MANIFEST_BYTES);
  if (bytes === undefined) throw noManifest(place, "there is no such file");
  const tensors = tensorsIn(new TextDecoder().decode(bytes));
  if (tensors === undefined) throw noManifest(place, "it names no tensors with their digests");
  return tensors;
}

function noManifest(path: string, why: string): WbError {
  return new WbError("WB3913", `${path}: ${why}`, { details: { path } });
}

function tensorsIn(text: string): ReadonlyMap<string, Promised> | undefined {
  const { tensors } = recordIn(text) ?? {};
  if (typeof tensors !== "object" || tensors === null) return undefined;
  const found = new Map<string, Promised>();
  for (const [name, value] of Object.entries(tensors)) {
    const promised = promisedOf(value);
    if (promised === undefined) return undefined;
    found.set(name, promised);
  }
  return found.size === 0 ? undefined : found;
}

function promisedOf(value: unknown): Promised | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { dtype, shape, sha256 } = value as Partial<Record<string, unknown>>;
  if (typeof dtype !== "string" || !Array.isArray(shape) || typeof sha256 !== "string")
    return undefined;
  return { dtype, shape: shape.join(", "), sha256 };
}
