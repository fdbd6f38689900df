import type { Assembly } from "../../mapping/assembly.ts";
import { narrowRows } from "../../mapping/assembly.ts";
import { readAssembly } from "../../mapping/read-assembly.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/shape.ts";
import { roundedThrough, type HalfDtype } from "./half-way.ts";

/** How a tensor that is not quantised stands to the original. */
export interface PlainJudgement {
  readonly name: string;
  readonly dtype: Dtype;
  readonly elements: number;
  /** Elements that are neither the original's nor what rounding to the dtype makes of it. */
  readonly differing: number;
  readonly firstIndex: number | null;
  readonly maxAbs: number;
}

const BAND_ELEMENTS = 2 ** 19;

/** Holds a tensor's numbers against the original's of the same shape: equal, or rounded to the file's dtype to the last bit. */
export async function judgePlain(
  name: string,
  ours: Assembly,
  reference: Assembly,
  signal?: AbortSignal,
): Promise<PlainJudgement> {
  const [rows = 1, ...rest] = ours.shape;
  const width = elementCount(rest) ?? 1;
  const band = Math.max(1, Math.floor(BAND_ELEMENTS / Math.max(1, width)));
  let [differing, first, maxAbs] = [0, -1, 0];
  for (let begin = 0; begin < rows; begin += band) {
    signal?.throwIfAborted();
    const end = Math.min(rows, begin + band);
    const [left, right] = [
      await numbersOf(ours, begin, end),
      await numbersOf(reference, begin, end),
    ];
    const ways = waysOf(ours.dtype, reference.dtype).map((dtypes) => {
      let values: Float32Array = Float32Array.from(right);
      for (const dtype of dtypes) values = roundedThrough(values, dtype);
      return values;
    });
    for (let index = 0; index < left.length; index++) {
      const [value, original] = [left[index] ?? Number.NaN, right[index] ?? Number.NaN];
      if (isSame(value, original) || ways.some((way) => isSame(value, way[index] ?? Number.NaN)))
        continue;
      differing++;
      if (first < 0) first = begin * width + index;
      const error = Math.abs(value - original);
      if (!(error <= maxAbs)) maxAbs = error;
    }
  }
  const elements = rows * width;
  return {
    name,
    dtype: ours.dtype,
    elements,
    differing,
    firstIndex: first < 0 ? null : first,
    maxAbs,
  };
}

async function numbersOf(assembly: Assembly, begin: number, end: number): Promise<Float64Array> {
  const part = assembly.shape.length === 0 ? assembly : narrowRows(assembly, begin, end);
  return decodeValues(await readAssembly(part), assembly.dtype) ?? new Float64Array(0);
}

/** What the numbers may have been rounded to one after the other: the file's dtype, and one before it. */
function waysOf(dtype: Dtype, from: Dtype): readonly (readonly HalfDtype[])[] {
  if (dtype === from) return [];
  if (dtype === "F16" || dtype === "BF16") return [[dtype], ["F16", dtype], ["BF16", dtype]];
  return [];
}

function isSame(value: number, other: number): boolean {
  return value === other || (Number.isNaN(value) && Number.isNaN(other));
}
