import { Readable, pipeline } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { checkRange, readNew } from "../../sources/file.ts";

/** Bytes of a record that is kept whole once it was inflated; larger ones are streamed anew for each pass. */
const MAX_KEPT_BYTES = 64 * 2 ** 20;
const INPUT_BYTES = 2 ** 18;

/** What a deflated record must become. */
export interface InflatedFacts {
  readonly byteLength: number;
  readonly crc32: number;
  /** What messages call it. */
  readonly where: string;
}

/** The record of an archive that was inflated last: the others are inflated again when they are asked for. */
export interface InflateMemory {
  kept: { readonly of: ByteSource; readonly bytes: Promise<Uint8Array> } | undefined;
}

/**
 * A deflated record as its plain bytes, inflated when they are read: forwards without memory, anew from the beginning for what
 * is behind. Its length and its checksum are checked at the end of every pass.
 */
export function inflatedSource(
  deflated: ByteSource,
  facts: InflatedFacts,
  memory: InflateMemory,
): ByteSource {
  const { byteLength } = facts;
  const { label } = deflated;
  let stream: Inflation | undefined;
  const readInto = async (begin: number, target: Uint8Array): Promise<void> => {
    checkRange(label, byteLength, begin, target.byteLength);
    if (byteLength <= MAX_KEPT_BYTES) {
      if (memory.kept?.of !== deflated)
        memory.kept = { of: deflated, bytes: new Inflation(deflated, facts).readWhole() };
      target.set((await memory.kept.bytes).subarray(begin, begin + target.byteLength));
      return;
    }
    if (stream === undefined || stream.position > begin) stream = new Inflation(deflated, facts);
    await stream.skipTo(begin);
    await stream.readInto(target);
  };
  // One reading at a time: a stream has one position.
  let last: Promise<void> = Promise.resolve();
  const source: ByteSource = {
    label,
    byteLength,
    read: (begin, length) => readNew(source, begin, length),
    readInto: (begin, target) => {
      const next = last.then(() => readInto(begin, target));
      last = next.catch(() => undefined);
      return next;
    },
  };
  return source;
}

/** One pass over a deflated record. */
class Inflation {
  readonly #chunks: AsyncIterator<unknown>;
  readonly #facts: InflatedFacts;
  #rest: Uint8Array = new Uint8Array(0);
  #checksum = 0;
  #received = 0;
  /** Of the next byte that is given out. */
  position = 0;

  constructor(deflated: ByteSource, facts: InflatedFacts) {
    this.#facts = facts;
    const inflate = createInflateRaw({ chunkSize: INPUT_BYTES });
    // The failure of either stream is thrown by the loop that reads the last.
    pipeline(Readable.from(inputOf(deflated)), inflate, () => undefined);
    this.#chunks = inflate[Symbol.asyncIterator]();
  }

  async readWhole(): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.#facts.byteLength);
    await this.readInto(bytes);
    return bytes;
  }

  async skipTo(position: number): Promise<void> {
    while (this.position < position) {
      if (this.#rest.byteLength === 0) await this.#pull();
      const count = Math.min(this.#rest.byteLength, position - this.position);
      this.#rest = this.#rest.subarray(count);
      this.position += count;
    }
  }

  async readInto(target: Uint8Array): Promise<void> {
    let filled = 0;
    while (filled < target.byteLength) {
      if (this.#rest.byteLength === 0) await this.#pull();
      const part = this.#rest.subarray(0, target.byteLength - filled);
      target.set(part, filled);
      filled += part.byteLength;
      this.#rest = this.#rest.subarray(part.byteLength);
      this.position += part.byteLength;
    }
    if (this.position === this.#facts.byteLength) await this.#finish();
  }

  async #pull(): Promise<void> {
    const { byteLength, where } = this.#facts;
    const chunk = await this.#next();
    if (chunk === undefined)
      throw damaged(where, `inflates to ${this.#received} bytes, expected ${byteLength}`);
    this.#received += chunk.byteLength;
    if (this.#received > byteLength)
      throw damaged(where, `inflates to more than the ${byteLength} bytes that it names`);
    this.#checksum = crc32(chunk, this.#checksum);
    this.#rest = chunk;
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#chunks.next();
      const value: unknown = next.value;
      return next.done !== true && value instanceof Uint8Array ? value : undefined;
    } catch (error) {
      if (error instanceof WbError) throw error;
      throw damaged(this.#facts.where, "is not deflated data", error);
    }
  }

  async #finish(): Promise<void> {
    const { byteLength, crc32: expected, where } = this.#facts;
    if ((await this.#next()) !== undefined)
      throw damaged(where, `inflates to more than the ${byteLength} bytes that it names`);
    if (expected !== 0 && this.#checksum !== expected)
      throw wrongChecksum(where, expected, this.#checksum);
  }
}

async function* inputOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let begin = 0; begin < source.byteLength; begin += INPUT_BYTES)
    yield await source.read(begin, Math.min(INPUT_BYTES, source.byteLength - begin));
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** In words: a record whose checksum does not hold. */
export function otherChecksum(where: string, expected: number, found: number): string {
  return `${where}: its bytes have CRC-32 ${hex(found)}, the archive says ${hex(expected)}`;
}

/** What a checksum that does not hold is called. */
export function wrongChecksum(where: string, expected: number, found: number): WbError {
  const details = { where, expected, found };
  return new WbError("WB3104", otherChecksum(where, expected, found), { details });
}

function damaged(where: string, problem: string, cause?: unknown): WbError {
  return new WbError("WB3102", `${where}: ${problem}`, { details: { where }, cause });
}
