import { openFileSource } from "../checkpoint/sources.ts";
import { WbError } from "../errors/wb-error.ts";
import { fileBytes, segmentBytes, type FilePlan, type OutputTensor } from "./file-plan.ts";
import { startReadBack, type RangeDigest, type ReadBack } from "./read-back.ts";

export interface VerificationOptions {
  readonly signal?: AbortSignal | undefined;
  onBytes(count: number, item: string): void;
}

/**
 * Reads a file back from the disk, tensor by tensor, and compares digests. A tensor is read as soon as it was written, in
 * another thread, while the next is being written.
 */
export class Verification {
  readonly #file: FilePlan;
  readonly #options: VerificationOptions;
  readonly #digests = new Map<string, Promise<RangeDigest>>();
  #reader: ReadBack | undefined;

  constructor(file: FilePlan, options: VerificationOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Says that a tensor's bytes are in the file at `path`, from `begin`. */
  written(path: string, tensor: OutputTensor, begin: number): void {
    this.#reader ??= startReadBack(path);
    const digest = this.#reader.digest(begin, begin + tensor.byteLength, false);
    // `finish` tells of a failure; without this, Node would call it unhandled until then.
    digest.catch(() => undefined);
    this.#digests.set(tensor.name, digest);
  }

  /**
   * Waits for all tensors of the finished file, and compares them with what was written.
   * @throws WbError WB1901.
   */
  async finish(
    path: string,
    expected: ReadonlyMap<string, { readonly sha256: string }>,
  ): Promise<void> {
    let position = 0;
    for (const segment of this.#file.segments) {
      const begin = position;
      position += segmentBytes(segment);
      if (segment.kind !== "tensor") continue;
      const { tensor } = segment;
      if (!this.#digests.has(tensor.name)) this.written(path, tensor, begin);
      this.#options.signal?.throwIfAborted();
      const found = (await this.#digests.get(tensor.name))?.sha256;
      const wanted = expected.get(tensor.name)?.sha256;
      if (found === undefined || found !== wanted) {
        throw new WbError(
          "WB1901",
          `${path}: tensor ${tensor.name} was written with SHA-256 ${String(wanted)}, read back it is ${String(found)}`,
        );
      }
      this.#options.onBytes(tensor.byteLength, tensor.name);
    }
    const source = await openFileSource(path);
    await source.close();
    if (this.#digests.size === expected.size && source.byteLength === fileBytes(this.#file)) return;
    throw new WbError(
      "WB1901",
      `${path}: has ${source.byteLength} bytes, expected ${fileBytes(this.#file)}`,
    );
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }
}
