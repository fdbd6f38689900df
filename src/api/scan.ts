import { dirname, join } from "node:path";
import { isFolder } from "../formats/open.ts";
import {
  MAX_INDEX_BYTES,
  oversized,
  parseIndex,
  type WeightIndex,
} from "../formats/sets/index-file.ts";
import {
  scanFile,
  type FileScan,
  type ScannedGlobal,
  type ScanReason,
} from "../formats/scan-file.ts";
import { listPlace, openPlace } from "../sources/places.ts";
import type { FileSource } from "../sources/file.ts";
import { WbError } from "../errors/wb-error.ts";

interface Scanned {
  readonly path: string;
  readonly found: FileScan;
}

/** How files are scanned. */
export interface ScanOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What loading the files in Python would import. */
export interface ScanResult {
  /** "safe" when every global is on the list and nothing else is wrong. */
  readonly verdict: "safe" | "unsafe";
  readonly globals: readonly ScannedGlobal[];
  readonly reasons: readonly ScanReason[];
  /** Files that were read. */
  readonly files: readonly { readonly path: string; readonly format: FileScan["format"] }[];
  readonly notes: readonly string[];
}

/**
 * Lists every global that the pickles of a file name, without running anything; of an index all its shards, of a folder
 * all files that are weights or pickles.
 * @throws WbError of class 3 or 4 for a file that cannot be read to the end of its pickles and shows nothing unsafe.
 */
export async function scan(path: string, options: ScanOptions = {}): Promise<ScanResult> {
  return (await isFolder(path)) ? scanFolder(path, options) : scanOne(path, options);
}

async function scanOne(path: string, options: ScanOptions): Promise<ScanResult> {
  const source = await openPlace(path, options.signal);
  try {
    const found = await scanFile(source, options.signal);
    if (found.format !== "index") return resultOf([{ path, found }], []);
    const index = await readIndex(source);
    return resultOf(await scanShards(index, index.files, options), []);
  } finally {
    await source.close();
  }
}

async function readIndex(source: FileSource): Promise<WeightIndex> {
  if (source.byteLength > MAX_INDEX_BYTES) throw oversized(source.label, source.byteLength);
  return parseIndex(await source.read(0, source.byteLength), source.label);
}

/** @throws WbError WB3601 for a shard that is an index itself, as conversion does. */
async function scanShards(
  index: WeightIndex,
  files: readonly string[],
  options: ScanOptions,
): Promise<readonly Scanned[]> {
  const shards: Scanned[] = [];
  for (const file of files) {
    const path = join(dirname(index.path), file);
    const found = await scanPath(path, options);
    if (found.format === "index")
      throw new WbError("WB3601", `${index.path}: names ${path} as a shard, an index itself`);
    shards.push({ path, found });
  }
  return shards;
}

async function scanFolder(folder: string, options: ScanOptions): Promise<ScanResult> {
  const scanned: Scanned[] = [];
  const notes: string[] = [];
  const names = await listPlace(folder);
  for (const name of names.toSorted()) {
    const path = join(folder, name);
    try {
      const found = await scanPath(path, options);
      if (found.format !== "index") scanned.push({ path, found });
      else if (INDEX_NAME.test(name)) scanned.push(...(await scanBelow(path, options)));
    } catch (error) {
      // Texts, configurations and tokenizers hold no pickles, and folders behind links are not followed.
      if (!(error instanceof WbError)) throw error;
      if (NOT_WEIGHTS.has(error.code)) continue;
      notes.push(error.message);
    }
  }
  if (scanned.length === 0) {
    throw new WbError(
      "WB3006",
      `${folder}: nothing to scan${notes.map((note) => `; ${note}`).join("")}`,
    );
  }
  return resultOf(scanned, notes);
}

/** Other JSON files, such as config.json, look the same from their first byte. */
const INDEX_NAME = /\.index(\.[\w-]+)?\.json$/;

/** The shards that an index names in folders below its own; those beside it are scanned with its folder. */
async function scanBelow(path: string, options: ScanOptions): Promise<readonly Scanned[]> {
  const source = await openPlace(path, options.signal);
  try {
    const index = await readIndex(source);
    const below = index.files.filter((file) => file.includes("/"));
    return await scanShards(index, below, options);
  } finally {
    await source.close();
  }
}

const NOT_WEIGHTS: ReadonlySet<string> = new Set(["WB4001", "WB3002", "WB3005", "WB3007"]);

async function scanPath(path: string, options: ScanOptions): Promise<FileScan> {
  const source = await openPlace(path, options.signal);
  try {
    return await scanFile(source, options.signal);
  } finally {
    await source.close();
  }
}

function resultOf(scanned: readonly Scanned[], notes: readonly string[]): ScanResult {
  const globals = scanned.flatMap(({ found }) => found.globals);
  const reasons = scanned.flatMap(({ found }) => found.reasons);
  const isUnsafe = reasons.length > 0 || globals.some(({ allowed }) => !allowed);
  return {
    verdict: isUnsafe ? "unsafe" : "safe",
    globals,
    reasons,
    files: scanned.map(({ path, found }) => ({ path, format: found.format })),
    notes: [...scanned.flatMap(({ found }) => found.notes), ...notes],
  };
}
