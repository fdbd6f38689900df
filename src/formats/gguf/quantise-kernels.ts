import type { NamedCalls } from "../../tensor/named-calls.ts";
import { openModule } from "../../tensor/wasm-module.ts";
import { QUANTISE_WASM, QUANTISE_WASM_PARAMETERS } from "./quantise-wasm.ts";
import type { QuantiseBlocks } from "./small-quantise.ts";

/** Elements of a super-block (ggml-common.h, `QK_K`). */
const SUPER = 256;
/** Elements of a small block. */
const SMALL = 32;

/**
 * Writes whole blocks of rows, one after another, by what an importance matrix has for each column.
 * @return The number of the first block that the type cannot say; undefined where it says all.
 */
export type QuantiseWeighted = (
  values: Float32Array,
  columns: Float32Array,
  out: Uint8Array,
) => number | undefined;

type Calls = NamedCalls<typeof QUANTISE_WASM_PARAMETERS>;
type Plain = "q2k" | "q3k" | "q4k" | "q5k" | "q6k";
type Weighted = "weightedQ2k" | "weightedQ3k" | "weightedQ4k" | "weightedQ5k" | "weightedQ6k";
type WeightedSmall = "weightedQ40" | "weightedQ41" | "weightedQ50" | "weightedQ51";

let kernels: Kernels | undefined;

/**
 * Super-blocks of 256 numbers in so many bytes each, made in WebAssembly (wasm/quantise), whose float32 operations are the same everywhere.
 * @param name The kernel's.
 */
export function superBlocks(bytes: number, name: Plain): QuantiseBlocks {
  return (values, out) => {
    kernels ??= new Kernels();
    const { calls } = kernels;
    const whole = { elements: SUPER, bytes, values, columns: undefined, out };
    return kernels.inParts(whole, (count) => calls[name]({ count }));
  };
}

/** The same by an importance matrix, row by row. */
export function weightedSuperBlocks(bytes: number, name: Weighted): QuantiseWeighted {
  return (values, columns, out) => {
    kernels ??= new Kernels();
    const opened = kernels;
    const rows = { elements: SUPER, bytes, values, columns, out };
    return rowByRow(rows, (row) => opened.inParts(row, (count) => opened.calls[name]({ count })));
  };
}

/** Blocks of 32 numbers by an importance matrix. A number's weight depends on its row's mean square. */
export function weightedSmallBlocks(bytes: number, name: WeightedSmall): QuantiseWeighted {
  return (values, columns, out) => {
    kernels ??= new Kernels();
    const opened = kernels;
    const rows = { elements: SMALL, bytes, values, columns, out };
    return rowByRow(rows, (row) => {
      const square = meanSquare(row.values);
      return opened.inParts(row, (count) => opened.calls[name]({ count, square }));
    });
  };
}

/** Numbers, and where their blocks go: so many elements in so many bytes. */
interface Stretch {
  readonly elements: number;
  readonly bytes: number;
  readonly values: Float32Array;
  readonly columns: Float32Array | undefined;
  readonly out: Uint8Array;
}

function rowByRow(
  { elements, bytes, values, columns, out }: Stretch & { readonly columns: Float32Array },
  run: (row: Stretch) => number | undefined,
): number | undefined {
  const width = columns.length;
  const across = width / elements;
  for (let begin = 0; begin * width < values.length; begin++) {
    const row = values.subarray(begin * width, (begin + 1) * width);
    const own = out.subarray(begin * across * bytes, (begin + 1) * across * bytes);
    const refused = run({ elements, bytes, values: row, columns, out: own });
    if (refused !== undefined) return begin * across + refused;
  }
  return undefined;
}

function meanSquare(row: Float32Array): number {
  let sum = 0;
  for (const value of row) sum = Math.fround(sum + Math.fround(value * value));
  return Math.fround(sum / row.length);
}

/** The instance of this thread. */
class Kernels {
  readonly calls: Calls;
  /** Elements of a call at most. */
  readonly #most: number;
  readonly #input: Float32Array;
  readonly #columns: Float32Array;
  readonly #output: Uint8Array;

  constructor() {
    const { memory, calls } = openModule(QUANTISE_WASM, QUANTISE_WASM_PARAMETERS);
    this.calls = calls;
    this.#most = calls.most({}) * SUPER;
    const { buffer } = memory;
    this.#input = new Float32Array(buffer, calls.input({}), this.#most);
    this.#columns = new Float32Array(buffer, calls.columns({}), this.#most);
    this.#output = new Uint8Array(buffer, calls.output({}));
  }

  /**
   * Makes blocks in as many calls as it takes.
   * @param call Makes so many, and says how many came before the first that the type cannot say.
   */
  inParts(
    { elements, bytes, values, columns, out }: Stretch,
    call: (count: number) => number,
  ): number | undefined {
    for (let begin = 0; begin < values.length; begin += this.#most) {
      const end = Math.min(begin + this.#most, values.length);
      const count = (end - begin) / elements;
      this.#input.set(values.subarray(begin, end));
      // Small blocks are taken four at a time: what is left of other numbers makes no block.
      this.#input.fill(0, end - begin, Math.min(this.#most, end - begin + 4 * SMALL));
      if (columns !== undefined) this.#columns.set(columns.subarray(begin, end));
      const made = call(count);
      const first = begin / elements;
      out.set(this.#output.subarray(0, made * bytes), first * bytes);
      if (made < count) return first + made;
    }
    return undefined;
  }
}
