import { WbError } from "../../../errors/wb-error.ts";
import { DTYPES } from "../../../tensor/dtype.ts";
import { renderShape } from "../../../tensor/shape.ts";
import { checkWeightDtype, toFloat32, type WeightDtype } from "../cast.ts";
import type { WeightBlocks, WeightBytes } from "../ops.ts";
import { bytesOfElement, isBlockName } from "./blocks.ts";
import { sizeOf, type KeptDtype, type WasmValues, type WasmWeight } from "./values.ts";

/** Rows of a matrix that is stored transposed that are transposed at a time: 32 of 64 bytes stay in a 32 KiB cache. */
const ROWS_AT_A_TIME = 32;

/** What a parameter of `rank` dimensions is kept as: a matrix in its stored dtype, a bias or a norm in float32. */
export function keptAs(stored: WeightDtype, rank: number): KeptDtype {
  return rank === 2 && (stored === "F16" || stored === "BF16") ? stored : "F32";
}

/** Brings parameters into the memory of the kernels, a matrix always as [out, in]. */
export class WasmUploads {
  readonly #values: WasmValues;

  constructor(values: WasmValues) {
    this.#values = values;
  }

  weight({ name, bytes, dtype, shape, transposed }: WeightBytes): WasmWeight {
    const stored = checkWeightDtype(dtype, name);
    const given = bytes.byteLength / (DTYPES[stored].bits / 8);
    if (given !== sizeOf(shape)) {
      throw new WbError(
        "WB7001",
        `${name}: ${given} elements given for shape ${renderShape(shape)}`,
      );
    }
    const kept = keptAs(stored, shape.length);
    const weight = this.#copied(
      kept === stored ? bytes : widened(bytes, stored),
      kept,
      shape,
      transposed,
    );
    const { calls } = this.#values.kernels;
    // The kernels widen finite patterns only. What is not finite makes a result that is not finite in float32, too.
    if (kept !== "F16" || calls.areFinite({ from: weight.address, count: given }) === 1)
      return weight;
    this.#values.releaseWeight(weight);
    return this.#copied(widened(bytes, stored), "F32", shape, transposed);
  }

  /** A matrix in blocks stays as its file has it. */
  blocks({ name, bytes, type, shape }: WeightBlocks): WasmWeight {
    if (!isBlockName(type)) throw new WbError("WB7001", `no kernel multiplies a matrix in ${type}`);
    if (sizeOf(shape) * bytesOfElement(type) === bytes.byteLength)
      return this.#copied(bytes, type, shape, false);
    throw new WbError(
      "WB7001",
      `${name}: ${bytes.byteLength} bytes given for ${type} ${renderShape(shape)}`,
    );
  }

  #copied(
    bytes: Uint8Array,
    kept: KeptDtype,
    shape: readonly number[],
    transposed: boolean,
  ): WasmWeight {
    const weight = this.#values.createWeight(shape, kept);
    try {
      if (transposed) this.#transpose(bytes, weight);
      else this.#values.kernels.memory.bytesAt(weight.address, bytes.byteLength).set(bytes);
      return weight;
    } catch (error) {
      this.#values.releaseWeight(weight);
      throw error;
    }
  }

  /** Bytes that are stored as [in, out] to [out, in]. */
  #transpose(bytes: Uint8Array, weight: WasmWeight): void {
    const [outputs = 0, inputs = 0] = weight.shape;
    const { calls, memory } = this.#values.kernels;
    const kernel = weight.dtype === "F32" ? "turn32" : "turn16";
    const elementBytes = weight.dtype === "F32" ? 4 : 2;
    const rowBytes = outputs * elementBytes;
    const band = memory.allocate(ROWS_AT_A_TIME * rowBytes, "a part of a matrix");
    for (let row = 0; row < inputs; row += ROWS_AT_A_TIME) {
      const rows = Math.min(ROWS_AT_A_TIME, inputs - row);
      const part = bytes.subarray(row * rowBytes, (row + rows) * rowBytes);
      memory.bytesAt(band, part.byteLength).set(part);
      calls[kernel]({
        from: band,
        rows,
        columns: outputs,
        to: weight.address + row * elementBytes,
        step: inputs,
      });
    }
    memory.free(band);
  }
}

function widened(bytes: Uint8Array, stored: WeightDtype): Uint8Array {
  const wide = toFloat32(bytes, stored);
  return new Uint8Array(wide.buffer);
}
