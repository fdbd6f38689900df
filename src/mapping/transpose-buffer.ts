import type { ElementBytes } from "./element-copy.ts";
import type { NamedCalls } from "../tensor/named-calls.ts";
import { openModule } from "../tensor/wasm-module.ts";
import { TRANSPOSE_WASM, TRANSPOSE_WASM_PARAMETERS } from "./transpose-wasm.ts";

/** Bytes of the rows that are transposed together; they stay in the processor's cache. */
const GROUP_BYTES = 2 ** 21;

/** Rows that are transposed together at most: each gives this many elements in a row of the result. */
const GROUP_ROWS = 128;

/** Rows that are transposed together at least, so that whole blocks come of them. */
const BLOCK_ROWS = 8;

/** Bytes between the end of a row and the next, so that rows of 2ⁿ bytes do not all fall into one cache set. */
const ROW_PADDING_BYTES = 64;

const PAGE_BYTES = 2 ** 16;

/** `to[column][row] = from[row][column]`: addresses in the instance's memory and strides in bytes, sizes in elements. */
type Transpose = NamedCalls<typeof TRANSPOSE_WASM_PARAMETERS>["transpose1"];

/** Rows of a matrix as stored in a file, which become columns of a result. */
export interface RowGroup {
  /** Memory for them, `rowStride` bytes from the first byte of one to that of the next. */
  readonly bytes: Uint8Array;
  readonly rowStride: number;
  /** How many fit. */
  readonly rows: number;
}

/**
 * A buffer that can be used again and again, with room beside it for the rows of a matrix of which the buffer is to hold the
 * transposition: both must be in the memory of one WebAssembly instance.
 */
export class TransposeBuffer {
  readonly #memory: WebAssembly.Memory;
  readonly #transpose: Readonly<Record<ElementBytes, Transpose>>;

  constructor() {
    const { memory, calls } = openModule(TRANSPOSE_WASM, TRANSPOSE_WASM_PARAMETERS);
    this.#memory = memory;
    this.#transpose = {
      1: calls.transpose1,
      2: calls.transpose2,
      4: calls.transpose4,
      8: calls.transpose8,
    };
    this.take(0);
  }

  /** The first `byteLength` bytes, with any content. What was taken before is not valid any more. */
  take(byteLength: number): Uint8Array {
    const missing = GROUP_BYTES + byteLength - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    return new Uint8Array(this.#memory.buffer, GROUP_BYTES, byteLength);
  }

  /** Columns of a matrix that can be transposed together: so many that some rows of them fit. */
  static mostColumns(elementBytes: ElementBytes): number {
    return Math.floor((GROUP_BYTES / BLOCK_ROWS - ROW_PADDING_BYTES) / elementBytes);
  }

  /** Room for rows of `columns` elements each; the same room for every call. */
  group(columns: number, elementBytes: ElementBytes): RowGroup {
    const rowStride = Math.ceil((columns * elementBytes) / 16) * 16 + ROW_PADDING_BYTES;
    const fitting = Math.floor(GROUP_BYTES / rowStride);
    const rows = Math.min(GROUP_ROWS, fitting - (fitting % BLOCK_ROWS));
    return { bytes: new Uint8Array(this.#memory.buffer, 0, rows * rowStride), rowStride, rows };
  }

  /**
   * Transposes the first `rows` rows of `columns` elements of a group: element (row, column) comes to byte
   * `begin + column · stride + row · elementBytes` of what was taken.
   */
  transpose(
    { rowStride }: RowGroup,
    rows: number,
    columns: number,
    elementBytes: ElementBytes,
    target: { readonly begin: number; readonly stride: number },
  ): void {
    const { begin, stride } = target;
    this.#transpose[elementBytes]({
      from: 0,
      fromStride: rowStride,
      to: GROUP_BYTES + begin,
      toStride: stride,
      rows,
      columns,
    });
  }
}
