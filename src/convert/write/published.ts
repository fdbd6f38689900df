import { basename } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { openPlace } from "../../sources/places.ts";
import { publishedDigest } from "../../sources/published.ts";
import { sourceDigest } from "../../sources/source-digest.ts";

/** Largest file of a server that is loaded once more for its digest, in bytes. */
const MAX_SECOND_LOAD_BYTES = 32 * 2 ** 20;

/** A source file whose publisher's digest is known, as the manifest records it. */
export interface PublishedSource {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** "digest": the whole file was read and has it. "size": the server says that it has it, and its size is the listed one; its bytes were compared only if they happened to be read in order. */
  readonly checked: "digest" | "size";
}

/**
 * Holds every source whose publisher's digest is known against it: files of this machine and small ones of servers by reading them
 * whole; of large ones on servers, which would be loaded twice, the size was compared when they were opened.
 * @param most Bytes of the largest file that is loaded twice.
 * @throws WbError WB3011 for a file that is not what its publisher uploaded.
 */
export async function checkPublished(
  sources: readonly string[],
  signal: AbortSignal | undefined,
  most = MAX_SECOND_LOAD_BYTES,
): Promise<readonly PublishedSource[]> {
  const found: PublishedSource[] = [];
  for (const path of sources) {
    const published = await publishedDigest(path);
    if (published === undefined) continue;
    const { sha256: expected, isLocal } = published;
    const source = await openPlace(path, signal);
    try {
      const bytes = source.byteLength;
      const isRead = isLocal || bytes <= most;
      if (isRead) {
        const sha256 = await sourceDigest(source, signal);
        if (sha256 !== expected)
          throw new WbError(
            "WB3011",
            `${path}: its publisher uploaded a file with sha256 ${expected}, this one has ${sha256}`,
            { details: { path, expected, found: sha256 } },
          );
      }
      const checked = isRead ? "digest" : "size";
      found.push({ file: basename(path), bytes, sha256: expected, checked });
    } finally {
      await source.close();
    }
  }
  return found;
}
