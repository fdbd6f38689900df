import { promisify } from "node:util";
import { gunzip, inflate, inflateRaw } from "node:zlib";
import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { memorySource } from "../../sources/file.ts";
import type { Budget } from "../context.ts";

const METHODS = {
  gzip: promisify(gunzip),
  zlib: promisify(inflate),
  deflate: promisify(inflateRaw),
} as const;

export type StreamKind = keyof typeof METHODS;

/**
 * Inflates a whole stream into memory, within the budget.
 * @throws WbError WB4003 when it is larger, or damaged.
 */
export async function inflateStream(
  source: ByteSource,
  kind: StreamKind,
  budget: Budget,
  label: string,
): Promise<ByteSource> {
  const maxOutputLength = budget.streamBytes;
  const what = `${label}: its ${kind} stream`;
  if (maxOutputLength <= 0)
    throw new WbError("WB4003", `${what} is not read: the file's streams are too large in all`, {
      details: { path: label },
    });
  // Deflate never makes less than a thousandth; what does not fit as it is cannot fit inflated.
  if (source.byteLength > maxOutputLength)
    throw new WbError("WB4003", `${what} has more than ${maxOutputLength} bytes`, {
      details: { path: label },
    });
  const bytes = await source.read(0, source.byteLength);
  try {
    const inflated = await METHODS[kind](bytes, { maxOutputLength });
    budget.inflated(inflated.byteLength);
    return memorySource(inflated, label);
  } catch (error) {
    budget.inflated(bytes.byteLength);
    if (!(error instanceof Error)) throw error;
    const isLarge = error instanceof RangeError;
    const problem = isLarge ? `has more than ${maxOutputLength} bytes` : "is damaged";
    throw new WbError("WB4003", `${what} ${problem}`, { details: { path: label }, cause: error });
  }
}
