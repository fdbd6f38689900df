import { WbError } from "../../../errors/wb-error.ts";
import { rowMajorStrides } from "../../../tensor/shape.ts";
import { sizeOf, type WasmValue, type WasmValues } from "./values.ts";

/** Axes that the kernel for transposing goes through; more are never asked for. */
const AXES = 4;

/** Values without room for more rows, in another order or in other pieces; copied by the kernels where they must be. */
export class WasmCopies {
  readonly #values: WasmValues;

  constructor(values: WasmValues) {
    this.#values = values;
  }

  reshape(x: WasmValue, shape: readonly number[]): WasmValue {
    if (sizeOf(shape) !== sizeOf(x.shape)) throw mismatch("reshape", x.shape, shape);
    return this.#values.share(x, shape);
  }

  transpose(x: WasmValue, order: readonly number[]): WasmValue {
    const sorted = order.toSorted((left, right) => left - right);
    const isOrder = sorted.every((axis, index) => axis === index);
    if (!isOrder || order.length !== x.shape.length || order.length > AXES)
      throw mismatch("transpose", x.shape, order);
    const shape = order.map((axis) => x.shape[axis] ?? 0);
    // Where only axes of one element change places, the bytes stay as they are.
    const moved = order.filter((axis) => x.shape[axis] !== 1);
    if (moved.every((axis, index) => index === 0 || axis > (moved[index - 1] ?? 0)))
      return this.#values.share(x, shape);
    const result = this.#values.create(shape);
    const strides = rowMajorStrides(x.shape);
    const outer = Array.from({ length: AXES - order.length }, () => ({ size: 1, step: 0 }));
    const inner = order.map((axis) => ({ size: x.shape[axis] ?? 0, step: strides[axis] ?? 0 }));
    const [a, b, c, d] = [...outer, ...inner];
    this.#values.kernels.calls.permute({
      from: x.address,
      a: a?.size ?? 1,
      aStep: a?.step ?? 0,
      b: b?.size ?? 1,
      bStep: b?.step ?? 0,
      c: c?.size ?? 1,
      cStep: c?.step ?? 0,
      d: d?.size ?? 1,
      dStep: d?.step ?? 0,
      to: result.address,
    });
    return result;
  }

  concat(parts: readonly WasmValue[], axis: number): WasmValue {
    const [first] = parts;
    const shape = first?.shape ?? [];
    const size = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
    const result = this.#values.create(shape.with(axis, size));
    const inner = 4 * sizeOf(shape.slice(axis + 1));
    let begin = 0;
    for (const part of parts) {
      const own = part.shape[axis] ?? 0;
      const fits = part.shape.length === shape.length;
      if (!fits || part.shape.some((length, index) => index !== axis && length !== shape[index]))
        throw mismatch("concat", shape, part.shape);
      this.#values.kernels.calls.copyPieces({
        from: part.address,
        fromStep: own * inner,
        to: result.address + begin * inner,
        toStep: size * inner,
        size: own * inner,
        count: sizeOf(shape.slice(0, axis)),
      });
      begin += own;
    }
    return result;
  }

  slice(x: WasmValue, axis: number, begin: number, size: number): WasmValue {
    const whole = x.shape[axis] ?? 0;
    if (begin < 0 || size < 0 || begin + size > whole)
      throw mismatch("slice", x.shape, [begin, size]);
    const result = this.#values.create(x.shape.with(axis, size));
    const inner = 4 * sizeOf(x.shape.slice(axis + 1));
    this.#values.kernels.calls.copyPieces({
      from: x.address + begin * inner,
      fromStep: whole * inner,
      to: result.address,
      toStep: size * inner,
      size: size * inner,
      count: sizeOf(x.shape.slice(0, axis)),
    });
    return result;
  }
}

export function mismatch(
  work: string,
  shape: readonly number[],
  asked: readonly number[],
): WbError {
  return new WbError(
    "WB6202",
    `the WebAssembly kernels: ${work} of [${shape.join()}] does not fit [${asked.join()}]`,
  );
}
