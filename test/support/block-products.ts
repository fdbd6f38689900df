import { expect } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { LinearWeights, Ops, Weight } from "../../src/runtime/backends/ops.ts";
import { BLOCK_NAMES, dequantised, drawnBlocks, typeOf } from "./drawn-blocks.ts";
import { sixteenths } from "./exact-numbers.ts";

/** Types that kernels multiply as they are; MXFP4 has no kernel. */
export const KEPT_BLOCKS = BLOCK_NAMES.filter((name) => name !== "MXFP4");

const numbers = sixteenths(3);

/** Numbers of which no sum is exact. */
function uneven(count: number): Float32Array {
  return numbers(count).map((value, index) => value / (1 + (index % 7)));
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);

/** A matrix in blocks as it is kept, and as the float32 numbers that it stands for. */
export interface KeptAndPlain {
  readonly kept: Weight;
  readonly plain: Weight;
}

/** Uploads both forms of a matrix. @param bytes Its blocks; drawn ones where none are given. */
export function bothOf(
  ops: Ops,
  name: string,
  outputs: number,
  inputs: number,
  bytes = drawnBlocks(name, outputs * (inputs / typeOf(name).elements), outputs + inputs),
): KeptAndPlain {
  const shape = [outputs, inputs];
  const wide = dequantised(name, bytes);
  const plain = ops.uploadWeight({
    name,
    bytes: new Uint8Array(wide.buffer),
    dtype: "F32",
    shape,
    transposed: false,
  });
  const kept = ops.quantised?.upload({ name, bytes, type: name, shape });
  if (kept === undefined) throw new Error("no quantised weights");
  return { plain, kept };
}

export function releaseBoth(ops: Ops, { plain, kept }: KeptAndPlain): void {
  for (const weight of [plain, kept]) ops.releaseWeight(weight);
}

/** Products of so many rows with both forms have the same bits, and are numbers. */
export function expectSameProducts(
  ops: Ops,
  { plain, kept }: KeptAndPlain,
  rowCounts: readonly number[],
): void {
  const [outputs = 0, inputs = 0] = plain.shape;
  for (const rows of rowCounts) {
    ops.scope(() => {
      const x = ops.upload(uneven(rows * inputs), [rows, inputs]);
      const [expected, found] = [plain, kept].map((weight) =>
        ops.read(ops.linear(x, weight)).slice(),
      );
      if (expected === undefined || found === undefined) throw new Error("two");
      expect(bitsOf(found), `${rows} × ${inputs} to ${outputs}`).toEqual(bitsOf(expected));
      expect(found.some((value) => value !== 0 && Number.isFinite(value))).toBe(true);
      return undefined;
    });
  }
}

function layer(weight: Weight): LinearWeights {
  return { weight, bias: undefined };
}

/** Several layers on one x, and a gated pair, give the same bits in both forms. */
export function expectSameLayers({ ops, steps }: Backend, name: string): void {
  const inputs = 2 * typeOf(name).elements;
  const [a, b] = [bothOf(ops, name, 70, inputs), bothOf(ops, name, 70, inputs)];
  for (const rows of [1, 9]) {
    ops.scope(() => {
      const x = ops.upload(uneven(rows * inputs), [1, rows, inputs]);
      const read = (kind: "plain" | "kept") => [
        ...steps
          .linears(x, [layer(a[kind]), layer(b[kind])])
          .map((value) => bitsOf(ops.read(value))),
        bitsOf(ops.read(steps.gatedLinear(x, layer(a[kind]), layer(b[kind])))),
      ];
      expect(read("kept")).toEqual(read("plain"));
      return undefined;
    });
  }
  for (const one of [a, b]) releaseBoth(ops, one);
}
