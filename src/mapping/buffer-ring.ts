import { TransposeBuffer } from "./transpose-buffer.ts";

/**
 * Bytes of the buffers of one piece of work together. To transpose a matrix takes a read of each row of the source for every chunk, a few
 * KiB long in the shares of this; shorter ones would cost more than what they bring.
 */
export const BUFFER_BYTES = 96 * 2 ** 20;

/**
 * A few buffers in turn, so that one is filled while the one before is at work. One ring may serve many tensors, one after
 * another, so that a conversion allocates its memory once.
 */
export class BufferRing {
  /** Bytes of a chunk at most that any of them will hold. */
  readonly chunkBytes: number;
  readonly #buffers: readonly TransposeBuffer[];
  #turn = 0;

  /**
   * @param count One where nothing is to be read ahead.
   * @param byteLength Of all together.
   */
  constructor(count = 2, byteLength = BUFFER_BYTES) {
    this.chunkBytes = Math.floor(byteLength / count);
    this.#buffers = Array.from({ length: count }, () => new TransposeBuffer());
  }

  /** Whether a buffer can be filled while another is at work. */
  get readsAhead(): boolean {
    return this.#buffers.length > 1;
  }

  /** The next buffer; what was in it before is not valid any more. */
  next(): TransposeBuffer {
    const buffer = this.#buffers[this.#turn % this.#buffers.length] ?? new TransposeBuffer();
    this.#turn++;
    return buffer;
  }
}
