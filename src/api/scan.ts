import { dirname, join } from "node:path";
import { WbError } from "../errors/wb-error.ts";
import { isFolder } from "../formats/open.ts";
import { isIndexName, MAX_INDEX_BYTES, parseIndex } from "../formats/sets/index-file.ts";
import { Findings, type ScannedGlobal, type ScanReason } from "../scan/findings.ts";
import { notUnderstood, type FileState } from "../scan/judgement.ts";
import { scanFile, type FileScan } from "../scan/scan-file.ts";
import { openPlace } from "../sources/places.ts";
import { walkPlace } from "../sources/walk.ts";

/** How files are scanned. */
export interface ScanOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A file of the place, and what was made of it. */
export interface ScannedFile {
  readonly file: string;
  /** Examined by its content, harmless by its kind, or not understood. */
  readonly state: FileState;
  /** What it is, and why it is harmless or not understood. */
  readonly why: string;
}

/** What loading the files in Python would import. */
export interface ScanResult {
  /**
   * "unsafe" when a name is not on the list or anything else is wrong; "incomplete" when a file was not understood; "safe"
   * when every file was.
   */
  readonly verdict: "safe" | "unsafe" | "incomplete";
  readonly globals: readonly ScannedGlobal[];
  readonly reasons: readonly ScanReason[];
  /** Every file of the place. */
  readonly files: readonly ScannedFile[];
}

/**
 * Says of every file of a place whether it was examined, is harmless by its kind or is not understood, and lists every global
 * that its pickles name, without running anything. Of an index all its shards are looked at, of a folder all that is below it.
 * @throws WbError when the place itself cannot be opened.
 */
export async function scan(path: string, options: ScanOptions = {}): Promise<ScanResult> {
  if (await isFolder(path)) return resultOf(await scanFolder(path, options));
  // What cannot be opened at all is an error of the call, and no verdict on anything.
  await (await openPlace(path, options.signal)).close();
  const scanned = [await scanFile(path, options.signal)];
  return resultOf([...scanned, ...(await scanShards(path, new Set([path]), options))]);
}

async function scanFolder(folder: string, options: ScanOptions): Promise<readonly FileScan[]> {
  const entries = await walkPlace(folder);
  if (entries.length === 0)
    throw new WbError("WB3006", `${folder}: nothing to scan`, { details: { path: folder } });
  const scanned: FileScan[] = [];
  for (const entry of entries) {
    scanned.push(
      entry.kind === "file"
        ? await scanFile(entry.path, options.signal)
        : { findings: new Findings(entry.path), judgement: notUnderstood(entry.why) },
    );
  }
  const seen = new Set(entries.map(({ path }) => path));
  for (const { path } of entries) {
    if (isIndexName(path)) scanned.push(...(await scanShards(path, seen, options)));
  }
  return scanned;
}

/** The shards that a file names, where it is an index, and that were not scanned yet. */
async function scanShards(
  path: string,
  seen: Set<string>,
  options: ScanOptions,
): Promise<readonly FileScan[]> {
  const scanned: FileScan[] = [];
  const index = await readIndex(path);
  if (index.problem !== undefined) {
    const findings = new Findings(path);
    findings.takeUnsafe(index.problem);
    scanned.push({ findings, judgement: notUnderstood(index.problem.message) });
  }
  for (const file of index.files) {
    const shard = join(dirname(path), file);
    if (seen.has(shard)) continue;
    seen.add(shard);
    scanned.push(await scanFile(shard, options.signal));
  }
  return scanned;
}

interface IndexFiles {
  readonly files: readonly string[];
  /** Why its shards are not known, where the file should be an index. */
  readonly problem?: WbError;
}

async function readIndex(path: string): Promise<IndexFiles> {
  try {
    const source = await openPlace(path);
    try {
      const head = await source.read(0, Math.min(HEAD_BYTES, source.byteLength));
      const isObject = Buffer.from(head).toString("latin1").trimStart().startsWith("{");
      if (!isObject || source.byteLength > MAX_INDEX_BYTES) return { files: [] };
      return { files: parseIndex(await source.read(0, source.byteLength), path).files };
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    // Other objects of JSON, such as config.json, are no index, and need not be.
    const isMeant = isIndexName(path) || error.code.startsWith("WB5");
    return isMeant ? { files: [], problem: error } : { files: [] };
  }
}

/** Bytes of white space and the first brace of an index. */
const HEAD_BYTES = 64;

function resultOf(scanned: readonly FileScan[]): ScanResult {
  const isUnsafe = scanned.some(({ findings }) => findings.isUnsafe);
  const isOpen = scanned.some(({ judgement }) => judgement.state === "not-understood");
  const understood = isOpen ? "incomplete" : "safe";
  return {
    verdict: isUnsafe ? "unsafe" : understood,
    globals: scanned.flatMap(({ findings }) => findings.globals),
    reasons: scanned.flatMap(({ findings }) => findings.reasons),
    files: filesOf(scanned),
  };
}

/** Each file once: of two judgements of an index, as a text and as an index, the worse. */
function filesOf(scanned: readonly FileScan[]): readonly ScannedFile[] {
  const files = new Map<string, ScannedFile>();
  for (const { findings, judgement } of scanned) {
    if (files.get(findings.file)?.state !== "not-understood")
      files.set(findings.file, { file: findings.file, ...judgement });
  }
  return [...files.values()];
}
