import { createHash } from "node:crypto";
import { WbError } from "../../errors/wb-error.ts";
import { readNew } from "../file.ts";
import type { HttpSource } from "./http-source.ts";

/**
 * The source, held to the sha256 that the hub names: what is read in the file's order is hashed as it comes, and the read that
 * comes to the end of the file compares. Where a reader passes over bytes, or takes them in another order, nothing is compared, since
 * that would load the file twice.
 * @throws WbError WB3011 by the read that completes the file, where its bytes are not those that were uploaded.
 */
export function heldToDigest(source: HttpSource, expected: string): HttpSource {
  const hash = createHash("sha256");
  const { label, byteLength } = source;
  /** Bytes of the file's beginning that are hashed. */
  let hashed = 0;
  let found: string | undefined;
  const take = (begin: number, bytes: Uint8Array): void => {
    const end = begin + bytes.byteLength;
    if (found === undefined && begin <= hashed && end > hashed) {
      hash.update(bytes.subarray(hashed - begin));
      hashed = end;
      if (hashed === byteLength) found = hash.digest("hex");
    }
    if (found !== undefined && found !== expected)
      throw new WbError(
        "WB3011",
        `${label}: its publisher uploaded a file with sha256 ${expected}, its server sent one with ${found}`,
        { details: { path: label, expected, found } },
      );
  };
  const held: HttpSource = {
    ...source,
    read: (begin, length) => readNew(held, begin, length),
    readInto: async (begin, target) => {
      await source.readInto(begin, target);
      take(begin, target);
    },
  };
  return held;
}
