import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isSystemError } from "../errors/wb-error.ts";
import { localPlace } from "./places.ts";
import { isRemote } from "./remote/place.ts";
import { remoteDigest } from "./remote/remote-files.ts";

/** What a file's publisher uploaded, as the hub tells it of large files. */
export interface Published {
  /** Of the whole file, in lower-case hexadecimal. */
  readonly sha256: string;
  /** Whether the file is on this machine, where it can be read whole again at no one's cost. */
  readonly isLocal: boolean;
}

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * The digest under which a file was published: by the hub's list of its repository, by its name in the cache of Hugging Face's own
 * tools (`models--org--name/blobs/<sha256>`), or by what they note beside a download (`.cache/huggingface/download`). Undefined
 * where nobody said one: small files, files of other origin.
 */
export async function publishedDigest(path: string): Promise<Published | undefined> {
  const place = await localPlace(path);
  if (isRemote(place)) {
    const sha256 = await remoteDigest(place);
    return sha256 === undefined ? undefined : { sha256, isLocal: false };
  }
  const sha256 = (await digestInCache(place)) ?? (await digestOfDownload(place));
  return sha256 === undefined ? undefined : { sha256, isLocal: true };
}

async function digestInCache(path: string): Promise<string | undefined> {
  const blob = await realpath(path);
  const folder = dirname(blob);
  const isCache = basename(folder) === "blobs" && basename(dirname(folder)).startsWith("models--");
  return isCache && SHA256.test(basename(blob)) ? basename(blob) : undefined;
}

/** Three lines: the commit, the entity tag, the time. */
async function digestOfDownload(path: string): Promise<string | undefined> {
  const notes = join(dirname(path), ".cache/huggingface/download", `${basename(path)}.metadata`);
  try {
    const [, etag = ""] = (await readFile(notes, "utf8")).split("\n");
    return SHA256.test(etag.trim()) ? etag.trim() : undefined;
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
