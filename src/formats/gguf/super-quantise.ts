import type { NamedCalls } from "../../tensor/named-calls.ts";
import { openModule } from "../../tensor/wasm-module.ts";
import { QUANTISE_WASM, QUANTISE_WASM_PARAMETERS } from "./quantise-wasm.ts";
import type { QuantiseBlocks } from "./small-quantise.ts";

/** Elements of a super-block (ggml-common.h, `QK_K`). */
const ELEMENTS = 256;

type Calls = NamedCalls<typeof QUANTISE_WASM_PARAMETERS>;

let kernels: Kernels | undefined;

/**
 * Super-blocks of 256 numbers in so many bytes each, made in WebAssembly (wasm/quantise), whose float32 operations are the same everywhere.
 * @param name The kernel's.
 */
export function superBlocks(bytes: number, name: "q4k" | "q5k" | "q6k"): QuantiseBlocks {
  return (values, out) => {
    kernels ??= new Kernels();
    const blocks = values.length / ELEMENTS;
    for (let begin = 0; begin < blocks; begin += kernels.most) {
      const count = Math.min(kernels.most, blocks - begin);
      const made = kernels.run(
        name,
        values.subarray(begin * ELEMENTS, (begin + count) * ELEMENTS),
        out.subarray(begin * bytes, (begin + count) * bytes),
      );
      if (made < count) return begin + made;
    }
    return undefined;
  };
}

/** The instance of this thread. */
class Kernels {
  /** Super-blocks of a call at most. */
  readonly most: number;
  readonly #calls: Calls;
  readonly #input: Float32Array;
  readonly #output: Uint8Array;

  constructor() {
    const { memory, calls } = openModule(QUANTISE_WASM, QUANTISE_WASM_PARAMETERS);
    this.#calls = calls;
    this.most = this.#calls.most({});
    const { buffer } = memory;
    this.#input = new Float32Array(buffer, this.#calls.input({}), this.most * ELEMENTS);
    this.#output = new Uint8Array(buffer, this.#calls.output({}));
  }

  /** How many blocks were made, up to the first that the type cannot say. */
  run(name: "q4k" | "q5k" | "q6k", values: Float32Array, out: Uint8Array): number {
    this.#input.set(values);
    const made = this.#calls[name]({ count: values.length / ELEMENTS });
    out.set(this.#output.subarray(0, out.byteLength));
    return made;
  }
}
