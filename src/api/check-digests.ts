import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { checkPublished } from "../convert/write/published.ts";
import { isFolder } from "../formats/open.ts";
import type { FileProblem } from "../formats/survey.ts";
import { WbError } from "../errors/wb-error.ts";
import { assemblyOf, wholeView } from "../mapping/assembly.ts";
import { damagedRecords } from "../mapping/archive-records.ts";
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

/** What became of holding weights against all digests that there are. */
export interface HeldWeights {
  readonly problems: readonly FileProblem[];
  /** What they were held against, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Holds weights against the digests that somebody wrote down: the folder's manifest, the CRC-32 of an archive's records, the SHA-256
 * under which a file was published. Reads all weights once for each.
 * @throws WbError WB3913 where there is none of them, or a manifest that cannot be read.
 */
export async function heldAgainstDigests(
  path: string,
  checkpoint: Checkpoint,
  signal?: AbortSignal,
): Promise<HeldWeights> {
  const parts = [
    await heldAgainstArchives(checkpoint, signal),
    await heldAsPublished(checkpoint, signal),
  ];
  const isHeld = parts.some(({ notes, problems }) => notes.length + problems.length > 0);
  const promised = await readManifest(path, isHeld);
  if (promised !== undefined) {
    const problems = await manifestProblems(promised, checkpoint, signal);
    parts.push({
      problems,
      notes: [`compared with ${MANIFEST}: SHA-256 of ${promised.size} tensors`],
    });
  }
  return {
    problems: parts.flatMap(({ problems }) => problems),
    notes: parts.flatMap(({ notes }) => notes),
  };
}

async function heldAgainstArchives(
  { tensors }: Checkpoint,
  signal: AbortSignal | undefined,
): Promise<HeldWeights> {
  const assemblies = tensors.map(
    (tensor) => [tensor.storedName ?? tensor.name, assemblyOf(wholeView(tensor))] as const,
  );
  const { records, damaged } = await damagedRecords(new Map(assemblies), signal);
  return {
    problems: damaged.map(({ tensors: [tensor = ""], evidence }) => ({
      code: "WB3104",
      tensor,
      message: `${tensor}: ${evidence}`,
    })),
    notes: records === 0 ? [] : [`compared with the archive: CRC-32 of ${records} records`],
  };
}

async function heldAsPublished(
  { files }: Checkpoint,
  signal: AbortSignal | undefined,
): Promise<HeldWeights> {
  const [problems, notes]: [FileProblem[], string[]] = [[], []];
  for (const file of files) {
    try {
      for (const { checked } of await checkPublished([file], signal))
        notes.push(
          checked === "digest"
            ? `compared with what was published: SHA-256 of ${file}`
            : `compared with what was published: ${file}, its size alone`,
        );
    } catch (error) {
      if (!(error instanceof WbError) || error.code !== "WB3011") throw error;
      problems.push({ code: error.code, file, message: error.message });
    }
  }
  return { problems, notes };
}

async function manifestProblems(
  promised: ReadonlyMap<string, Promised>,
  checkpoint: Checkpoint,
  signal: AbortSignal | undefined,
): Promise<readonly FileProblem[]> {
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

/** Undefined where there is none, and other digests hold. */
async function readManifest(
  path: string,
  isHeld: boolean,
): Promise<ReadonlyMap<string, Promised> | undefined> {
  const folder = (await isFolder(path)) ? path : dirname(path);
  const place = join(folder, MANIFEST);
  const bytes = await readSmall(place, MAX_MANIFEST_BYTES);
  if (bytes === undefined && isHeld) return undefined;
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
