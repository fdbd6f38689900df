import { decodeValues } from "../../tensor/decode.ts";
import { WbError } from "../../errors/wb-error.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { assemblyOf, narrowRows, wholeView } from "../assembly.ts";
import { readAssembly } from "../read-assembly.ts";
import type { Recipe, RowMaker } from "./recipe.ts";

/**
 * base + scaling · (B · A) as PEFT merges on a CPU (peft v0.21, tuners/lora/layer.py, `get_delta_weight` and `merge`): factors in
 * float32, the product rounded at every step of a chain of fused multiply-adds over the rank, as MKL's and OpenBLAS' kernels sum,
 * then scaled, then added, each rounded to float32; the sum is rounded to the base's dtype by the reader.
 */
export async function lowRankRows(
  { columns, scaling, isSwapped }: Extract<Recipe, { kind: "lowRank" }>,
  [base, a, b]: readonly StoredTensor[],
): Promise<RowMaker> {
  if (base === undefined || a === undefined || b === undefined)
    throw new WbError("WB7001", "a merge without its factors");
  const rank = a.shape[0] ?? 0;
  // Per row one factor's values, one a rank; along the row the other's.
  const [down, along] = isSwapped
    ? [columnsOf(await floatsOf(a), rank), columnsOf(await floatsOf(b), columns)]
    : [await floatsOf(b), await floatsOf(a)];
  const factor = Math.fround(scaling);
  return async (begin, end) => {
    const bytes = await readAssembly(narrowRows(assemblyOf(wholeView(base)), begin, end));
    const stored = decodeValues(bytes, base.dtype);
    if (stored === undefined) throw new WbError("WB7001", `${base.name}: ${base.dtype}`);
    const made = new Float32Array((end - begin) * columns);
    for (let row = begin; row < end; row++) {
      const sums = made.subarray((row - begin) * columns, (row - begin + 1) * columns);
      for (let k = 0; k < rank; k++)
        addProduct(
          sums,
          down[row * rank + k] ?? Number.NaN,
          along.subarray(k * columns, (k + 1) * columns),
        );
    }
    for (let at = 0; at < made.length; at++)
      made[at] = (stored[at] ?? Number.NaN) + Math.fround((made[at] ?? Number.NaN) * factor);
    return made;
  };
}

/** sums[i] = fma(factor, values[i], sums[i]), each rounded once to float32. */
function addProduct(sums: Float32Array, factor: number, values: Float32Array): void {
  for (let at = 0; at < sums.length; at++) {
    // Exact: two float32 have 48 bits together.
    const product = factor * (values[at] ?? Number.NaN);
    const before = sums[at] ?? Number.NaN;
    const sum = product + before;
    const rounded = Math.fround(sum);
    const rest = sum - rounded;
    sums[at] =
      rest !== 0 && Math.fround(sum + rest) === sum + rest
        ? nearest(product, before, sum, rounded)
        : rounded;
  }
}

/** The sum of two numbers rounded once where their float64 sum is half way between two float32: what it lost decides. */
function nearest(left: number, right: number, sum: number, rounded: number): number {
  // Knuth's exact remainder of a sum.
  const part = sum - left;
  const lost = left - (sum - part) + (right - part);
  if (lost === 0 || !Number.isFinite(sum)) return rounded;
  const other = sum + (sum - rounded);
  return lost > 0 ? Math.max(rounded, other) : Math.min(rounded, other);
}

async function floatsOf(tensor: StoredTensor): Promise<Float32Array> {
  const values = decodeValues(await readAssembly(assemblyOf(wholeView(tensor))), tensor.dtype);
  if (values === undefined) throw new WbError("WB7001", `${tensor.name}: ${tensor.dtype}`);
  return Float32Array.from(values);
}

/** The transpose of a matrix of `rows` rows. */
function columnsOf(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  const made = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      made[column * rows + row] = values[row * columns + column] ?? Number.NaN;
  return made;
}
