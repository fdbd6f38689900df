import { WbError } from "../../../errors/wb-error.ts";

/** Bytes of a page of WebAssembly. */
export const PAGE_BYTES = 65536;

/** All that a module with 32-bit addresses can have, in pages: 4 GiB. */
export const MOST_PAGES = 65536;

/** Arrays begin at multiples of a cache line. */
const ALIGNMENT = 64;

/** Pages by which the memory grows at least: 16 MiB. */
const GROWTH_PAGES = 256;

/** A piece of the memory that nobody uses, in bytes; `end` not included. */
interface Gap {
  readonly begin: number;
  readonly end: number;
}

/** What grows: `WebAssembly.Memory`, or a smaller one in tests. */
export interface GrowingMemory {
  readonly buffer: ArrayBufferLike;
  /** @returns the pages before. @throws RangeError */
  grow(pages: number): number;
}

/** Gives out pieces of a WebAssembly memory: the smallest gap that is large enough, or more memory at its end. */
export class WasmMemory {
  readonly #memory: GrowingMemory;
  /** By address; two never touch. */
  readonly #gaps: Gap[] = [];
  readonly #taken = new Map<number, number>();
  #end: number;

  /** @param begin First byte that may be given out. */
  constructor(memory: GrowingMemory, begin: number) {
    this.#memory = memory;
    this.#end = memory.buffer.byteLength;
    if (begin < this.#end) this.#gaps.push({ begin, end: this.#end });
  }

  /** @returns the address of `bytes` that nobody else has. @throws WbError WB6003 when there is no room. */
  allocate(bytes: number, what: string): number {
    const size = Math.ceil(Math.max(1, bytes) / ALIGNMENT) * ALIGNMENT;
    const index = this.#smallest(size) ?? this.#grown(size, bytes, what);
    const { begin, end } = this.#gaps[index] ?? { begin: 0, end: 0 };
    if (begin + size === end) this.#gaps.splice(index, 1);
    else this.#gaps[index] = { begin: begin + size, end };
    this.#taken.set(begin, size);
    return begin;
  }

  free(address: number): void {
    const size = this.#taken.get(address);
    if (size === undefined) throw new WbError("WB7001", `nothing was allocated at ${address}`);
    this.#taken.delete(address);
    this.#release({ begin: address, end: address + size });
  }

  bytesAt(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, length);
  }

  floatsAt(address: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, length);
  }

  wordsAt(address: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, address, length);
  }

  #smallest(size: number): number | undefined {
    let best: number | undefined;
    let bestSize = Number.POSITIVE_INFINITY;
    for (const [index, { begin, end }] of this.#gaps.entries()) {
      const own = end - begin;
      if (own >= size && own < bestSize) [best, bestSize] = [index, own];
    }
    return best;
  }

  /** Makes the memory larger. @returns the index of the gap at its end. */
  #grown(size: number, bytes: number, what: string): number {
    const last = this.#gaps.at(-1);
    const there = last?.end === this.#end ? last.end - last.begin : 0;
    const needed = Math.ceil((size - there) / PAGE_BYTES);
    const before = this.#end / PAGE_BYTES;
    const wanted = Math.min(Math.max(needed, GROWTH_PAGES), MOST_PAGES - before);
    try {
      this.#memory.grow(Math.max(needed, wanted));
    } catch (error) {
      throw new WbError(
        "WB6003",
        `the WebAssembly memory of 4 GiB has no room for ${what} of ${bytes} bytes`,
        {
          hint: "Use fewer or shorter prompts, or native TensorFlow (`weighbridge native install`).",
          details: { bytes, limit: MOST_PAGES * PAGE_BYTES },
          cause: error,
        },
      );
    }
    const end = this.#memory.buffer.byteLength;
    this.#release({ begin: this.#end, end });
    this.#end = end;
    return this.#gaps.length - 1;
  }

  /** Puts a piece among the gaps, joined with those that it touches. */
  #release({ begin, end }: Gap): void {
    const found = this.#gaps.findIndex((gap) => gap.begin >= end);
    const after = found === -1 ? this.#gaps.length : found;
    const left = this.#gaps[after - 1];
    const right = this.#gaps[after];
    const joinsLeft = left?.end === begin;
    const joinsRight = right?.begin === end;
    const joined = {
      begin: joinsLeft ? left.begin : begin,
      end: joinsRight ? right.end : end,
    };
    const from = joinsLeft ? after - 1 : after;
    this.#gaps.splice(from, Number(joinsLeft) + Number(joinsRight), joined);
  }
}
