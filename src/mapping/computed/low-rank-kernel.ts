import type { NamedCalls } from "../../tensor/named-calls.ts";
import { openModule } from "../../tensor/wasm-module.ts";
import { LOW_RANK_WASM, LOW_RANK_WASM_PARAMETERS } from "./low-rank-wasm.ts";

/** Dtypes of a base as the kernel counts them (wasm/low-rank/values.ts). */
const DTYPE = { F32: 0, F16: 1, BF16: 2 } as const;

/** Columns that the kernel computes at once. */
const BLOCK = 8;

const PAGE_BYTES = 2 ** 16;

/** Norms outside of these make no bounds: the kernel computes exactly where one is infinite. */
const LEAST_NORM = 2 ** -60;
const MOST_NORM = 2 ** 60;

/** The factors along the rows of a matrix, as the kernel reads them. */
export interface Along {
  readonly rank: number;
  readonly columns: number;
  /** Eight columns of each rank in turn; zeros behind the last column. */
  readonly values: Float32Array;
  /** Euclidean norms of the columns. */
  readonly norms: Float32Array;
  /** The least magnitude but 0. */
  readonly least: number;
}

/** @param values `rank` rows of `columns` numbers. */
export function alongOf(values: Float32Array, rank: number, columns: number): Along {
  const padded = Math.ceil(columns / BLOCK) * BLOCK;
  const blocks = new Float32Array(rank * padded);
  const squares = new Float64Array(padded);
  let least = Infinity;
  for (let k = 0; k < rank; k++)
    for (let column = 0; column < columns; column++) {
      const value = values[k * columns + column] ?? Number.NaN;
      const within = column % BLOCK;
      blocks[(column - within) * rank + k * BLOCK + within] = value;
      squares[column] = (squares[column] ?? 0) + value * value;
      const magnitude = Math.abs(value);
      if (magnitude > 0 && magnitude < least) least = magnitude;
    }
  const norms = Float32Array.from(squares, (square) => {
    const norm = Math.max(LEAST_NORM, Math.sqrt(square));
    return norm <= MOST_NORM ? norm : Infinity;
  });
  return { rank, columns, values: blocks, norms, least };
}

/** Rows of a base and of the factors beside it. */
export interface LowRankRows {
  readonly dtype: keyof typeof DTYPE;
  readonly rows: number;
  /** Little-endian, row by row. */
  readonly base: Uint8Array;
  /** `rank` numbers a row. */
  readonly down: Float32Array;
  readonly scaling: number;
}

/** One thread's kernel; its memory serves one matrix after the other. */
class LowRankKernel {
  readonly #memory: WebAssembly.Memory;
  readonly #merge: NamedCalls<typeof LOW_RANK_WASM_PARAMETERS>["merge"];
  readonly #begin: number;
  #along: Along | undefined;

  constructor() {
    const { memory, calls } = openModule(LOW_RANK_WASM, LOW_RANK_WASM_PARAMETERS);
    this.#memory = memory;
    this.#merge = calls.merge;
    // Behind what the module itself keeps.
    this.#begin = memory.buffer.byteLength;
  }

  merge(along: Along, { dtype, rows, base, down, scaling }: LowRankRows): Uint8Array {
    const { rank, columns, values, norms, least } = along;
    const normsAt = this.#begin + aligned(values.byteLength);
    const downAt = normsAt + aligned(norms.byteLength);
    const baseAt = downAt + aligned(down.byteLength);
    const missing = baseAt + base.byteLength - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    const { buffer } = this.#memory;
    if (this.#along !== along) {
      new Float32Array(buffer, this.#begin, values.length).set(values);
      new Float32Array(buffer, normsAt, norms.length).set(norms);
      this.#along = along;
    }
    new Float32Array(buffer, downAt, down.length).set(down);
    const bytes = new Uint8Array(buffer, baseAt, base.byteLength);
    bytes.set(base);
    this.#merge({
      base: baseAt,
      dtype: DTYPE[dtype],
      rows,
      columns,
      down: downAt,
      along: this.#begin,
      norms: normsAt,
      rank,
      least,
      scaling,
    });
    return bytes.slice();
  }
}

function aligned(byteLength: number): number {
  return Math.ceil(byteLength / 16) * 16;
}

let kernel: LowRankKernel | undefined;

/**
 * base + scaling · product, as stored: the product by fused multiply-adds in float32 over the rank, then scaled, added and rounded to the base's dtype, each once.
 * The bits do not depend on the processor, but for those of a NaN.
 */
export function mergedRows(along: Along, rows: LowRankRows): Uint8Array {
  kernel ??= new LowRankKernel();
  return kernel.merge(along, rows);
}
