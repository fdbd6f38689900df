import { blockType } from "../../formats/gguf/block-types.ts";
import { decodeBlocks } from "../../formats/gguf/decode-blocks.ts";
import { WbError } from "../../errors/wb-error.ts";
import { checkWeightDtype, toFloat32 } from "../backends/cast.ts";
import type { WeightSource } from "./weights.ts";

/** A table of embeddings in host memory as its file has it; rows are made float32 when they are looked up. */
export class EmbeddingTable {
  readonly #bytes: Uint8Array;
  readonly #rowBytes: number;
  readonly #decode: (row: Uint8Array) => Float32Array;

  private constructor(bytes: Uint8Array, rows: number, decode: (row: Uint8Array) => Float32Array) {
    this.#bytes = bytes;
    this.#rowBytes = bytes.byteLength / rows;
    this.#decode = decode;
  }

  /** Undefined for one that is stored as [C, vocab]: it has no rows to look up; they are read as they are asked for. */
  static async read(source: WeightSource, name: string): Promise<EmbeddingTable | undefined> {
    if (source.readBlocks !== undefined && source.facts(name)?.blocks !== undefined) {
      const { bytes, type, shape } = await source.readBlocks(name);
      return new EmbeddingTable(bytes, shape[0] ?? 1, (row) => dequantised(row, type));
    }
    const { bytes, dtype, shape, transposed } = await source.read(name);
    if (transposed) return undefined;
    const stored = checkWeightDtype(dtype, name);
    return new EmbeddingTable(bytes, shape[0] ?? 1, (row) => toFloat32(row, stored));
  }

  /** Row `index`, [C]. */
  row(index: number): Float32Array {
    const begin = index * this.#rowBytes;
    return this.#decode(this.#bytes.subarray(begin, begin + this.#rowBytes));
  }
}

/** The numbers of whole blocks. */
function dequantised(bytes: Uint8Array, name: string): Float32Array {
  const type = blockType(name);
  if (type === undefined) throw new WbError("WB7001", `there are no blocks of ${name}`);
  return decodeBlocks(bytes, type);
}
