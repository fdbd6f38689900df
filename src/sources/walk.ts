import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { localPlace } from "./places.ts";
import { isRemote } from "./remote/place.ts";
import { listRemoteRefused, listRemoteTree } from "./remote/remote-files.ts";

/** Something in a folder or below it. */
export type PlaceEntry =
  | { readonly kind: "file"; readonly path: string }
  /** What is there and cannot be looked into: a folder that may not be listed, a link to a folder, a device. */
  | { readonly kind: "closed"; readonly path: string; readonly why: string };

/** Folders within folders; published models have at most four. */
const MAX_DEPTH = 32;

/** Entries of one place in all; the largest repositories have some ten thousand. */
const MAX_ENTRIES = 200_000;

/**
 * All files of a folder of any place and of the folders below it, sorted by path.
 * @throws WbError WB3001, WB6002 for the folder itself; what is wrong below it is told of as an entry.
 */
export async function walkPlace(folder: string): Promise<readonly PlaceEntry[]> {
  const place = await localPlace(folder);
  if (isRemote(place)) {
    const files = await listRemoteTree(place);
    const entries = files
      .toSorted()
      .map((file): PlaceEntry => ({ kind: "file", path: join(folder, file) }));
    const why = "listed by the hub under a name that is no path inside the repository";
    const refused = await listRemoteRefused(place);
    return [
      ...entries,
      ...refused.map((name): PlaceEntry => ({ kind: "closed", path: `${folder}: ${name}`, why })),
    ];
  }
  const entries: PlaceEntry[] = [];
  await walk(place, folder, 0, entries);
  return entries;
}

async function walk(
  place: string,
  shown: string,
  depth: number,
  entries: PlaceEntry[],
): Promise<void> {
  for (const entry of await list(place, shown, depth, entries)) {
    const path = join(shown, entry.name);
    if (entries.length >= MAX_ENTRIES) {
      entries.push({ kind: "closed", path: shown, why: `more than ${MAX_ENTRIES} entries` });
      return;
    }
    // Links may lead to files: the Hugging Face cache is made of them. Where they lead is told when they are opened.
    if (entry.isFile() || entry.isSymbolicLink()) entries.push({ kind: "file", path });
    else if (!entry.isDirectory())
      entries.push({ kind: "closed", path, why: "a FIFO, a socket or a device" });
    else if (depth >= MAX_DEPTH)
      entries.push({ kind: "closed", path, why: `in more than ${MAX_DEPTH} folders` });
    else await walk(join(place, entry.name), path, depth + 1, entries);
  }
}

async function list(
  place: string,
  shown: string,
  depth: number,
  entries: PlaceEntry[],
): Promise<readonly Dirent[]> {
  try {
    const found = await readdir(place, { withFileTypes: true });
    return found.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (depth > 0) {
      entries.push({ kind: "closed", path: shown, why: `cannot be listed (${error.code})` });
      return [];
    }
    if (error.code === "ENOENT")
      throw new WbError("WB3001", `${shown}: no such folder`, {
        details: { path: shown },
        cause: error,
      });
    throw new WbError("WB6002", `${shown}: cannot be listed`, {
      details: { path: shown },
      cause: error,
    });
  }
}
