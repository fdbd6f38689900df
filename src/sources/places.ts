import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { cachedSnapshot, isOffline } from "./remote/hub.ts";
import { isRemote, parsePlace } from "./remote/place.ts";
import { listRemoteFolder, listRemoteFolders, openRemoteSource } from "./remote/remote-files.ts";
import { openFileSource, pathError, type FileSource } from "./file.ts";

// A place is a path of this machine, an https address or hf:org/name@revision. `join` and `dirname` work on all three, so that
// code that reads folders, indexes and the files beside them need not know which it is.

/** Opens a file of any place. @throws WbError of `openFileSource` and `openRemoteSource`. */
export async function openPlace(path: string, signal?: AbortSignal): Promise<FileSource> {
  const place = await localPlace(path);
  return isRemote(place) ? openRemoteSource(place, signal) : openFileSource(place);
}

/**
 * A path of this machine for what the hub's cache holds, where HF_HUB_OFFLINE forbids to ask the hub; any other path as it is.
 * @throws WbError WB6053 for what is not there.
 */
export async function localPlace(path: string): Promise<string> {
  if (!isRemote(path) || !isOffline()) return path;
  const place = parsePlace(path);
  if (place.kind === "web")
    throw new WbError("WB6053", `${path}: not read, since HF_HUB_OFFLINE is set`, {
      details: { path },
    });
  return join(await cachedSnapshot(place), place.path);
}

/**
 * Names of the files in a folder of any place; none for the folder of a web address, whose server has no list.
 * @throws WbError WB3001, WB6002.
 */
export async function listPlace(folder: string): Promise<string[]> {
  const place = await localPlace(folder);
  if (isRemote(place)) return [...((await listRemoteFolder(place)) ?? [])];
  try {
    const entries = await readdir(place, { withFileTypes: true });
    // Links may lead to files: the Hugging Face cache is made of them.
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map(({ name }) => name);
  } catch (error) {
    if (isSystemError(error)) throw pathError(folder, "folder", "listed", error);
    throw error;
  }
}

/** Names of the folders in a folder of any place, sorted; none for a web address. @throws WbError WB6002. */
export async function listFolders(folder: string): Promise<readonly string[]> {
  const place = await localPlace(folder);
  if (isRemote(place)) return listRemoteFolders(place);
  try {
    const entries = await readdir(place, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw new WbError("WB6002", `${folder}: cannot be listed`, {
      details: { path: folder },
      cause: error,
    });
  }
}

/**
 * All bytes of a small file of any place, or undefined where there is none.
 * @throws WbError WB3002 for a file beyond `maxBytes`.
 */
export async function readSmall(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  let source: FileSource;
  try {
    source = await openPlace(path);
  } catch (error) {
    if (error instanceof WbError && error.code === "WB3001") return undefined;
    throw error;
  }
  try {
    if (source.byteLength <= maxBytes) return await source.read(0, source.byteLength);
    throw new WbError(
      "WB3002",
      `${path}: expected at most ${maxBytes} bytes, found ${source.byteLength}`,
      { details: { path, found: source.byteLength } },
    );
  } finally {
    await source.close();
  }
}

/** What tells the version of a remote file from others, for --resume. */
export async function remoteVersion(path: string): Promise<string> {
  const source = await openRemoteSource(path);
  await source.close();
  return source.version;
}
