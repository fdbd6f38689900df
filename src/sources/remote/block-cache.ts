/** Bytes of a block: short reads are answered from whole blocks. */
export const BLOCK_BYTES = 2 ** 18;
/** Blocks that are kept: 16 MiB of the file. */
const MAX_BLOCKS = 64;
/** Blocks that one request brings when blocks are asked for one after another: 4 MiB. */
const MAX_RUN = 16;

/** Blocks of a file, the least recently used given up first. */
export class BlockCache {
  readonly #byteLength: number;
  readonly #fetch: (begin: number, target: Uint8Array) => Promise<void>;
  readonly #blocks = new Map<number, Promise<Uint8Array>>();
  /** The block behind the last that was fetched, and how many came with it. */
  #next = 0;
  #run = 0;

  /** @param fetch Fills its target from the file. */
  constructor(byteLength: number, fetch: (begin: number, target: Uint8Array) => Promise<void>) {
    this.#byteLength = byteLength;
    this.#fetch = fetch;
  }

  /** Fills `target` from `begin`; the range is inside the file. */
  async readInto(begin: number, target: Uint8Array): Promise<void> {
    const end = begin + target.byteLength;
    for (let at = begin; at < end;) {
      const index = Math.floor(at / BLOCK_BYTES);
      const block = await this.#block(index);
      const from = at - index * BLOCK_BYTES;
      const part = block.subarray(from, Math.min(block.byteLength, from + end - at));
      target.set(part, at - begin);
      at += part.byteLength;
    }
  }

  clear(): void {
    this.#blocks.clear();
  }

  /** Two readers of one block wait for the same request; one that failed is not kept. */
  #block(index: number): Promise<Uint8Array> {
    const known = this.#blocks.get(index);
    if (known === undefined) return this.#load(index);
    // Used last, given up last.
    this.#blocks.delete(index);
    this.#blocks.set(index, known);
    return known;
  }

  /** Fetches a block, and ever more of those behind it while reading goes on in order. */
  #load(index: number): Promise<Uint8Array> {
    this.#run = index === this.#next ? Math.min(MAX_RUN, Math.max(1, this.#run * 2)) : 1;
    const last = Math.ceil(this.#byteLength / BLOCK_BYTES) - 1;
    let count = 1;
    while (count < this.#run && index + count <= last && !this.#blocks.has(index + count)) count++;
    this.#next = index + count;
    const bytes = this.#fetchRun(index, count);
    const blocks = Array.from({ length: count }, (_unused, offset) =>
      bytes.then((all) => all.subarray(offset * BLOCK_BYTES, (offset + 1) * BLOCK_BYTES)),
    );
    for (const [offset, block] of blocks.entries()) {
      // Who waits for a block hears of the failure; nobody may be waiting for those behind it.
      block.catch(() => this.#blocks.delete(index + offset));
      this.#blocks.set(index + offset, block);
    }
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
    return blocks[0] ?? bytes;
  }

  async #fetchRun(index: number, count: number): Promise<Uint8Array> {
    const begin = index * BLOCK_BYTES;
    const bytes = new Uint8Array(Math.min(count * BLOCK_BYTES, this.#byteLength - begin));
    await this.#fetch(begin, bytes);
    return bytes;
  }
}
