import { decodeFloats } from "../../tensor/decode.ts";
import { WbError } from "../../errors/wb-error.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { assemblyOf, narrowRows, wholeView } from "../assembly.ts";
import { readAssembly } from "../read-assembly.ts";
import { alongOf, mergedRows } from "./low-rank-kernel.ts";
import type { Recipe, RowMaker } from "./recipe.ts";

/**
 * base + scaling · (B · A) as PEFT merges on a CPU (peft v0.21, tuners/lora/layer.py, `get_delta_weight` and `merge`): factors in
 * float32, the product rounded at every step of a chain of fused multiply-adds over the rank, as MKL's and OpenBLAS' kernels sum,
 * then scaled, then added, each rounded to float32, and the sum rounded to the base's dtype.
 */
export async function lowRankRows(
  { columns, scaling, isSwapped, dtype }: Extract<Recipe, { kind: "lowRank" }>,
  [base, a, b]: readonly StoredTensor[],
): Promise<RowMaker> {
  if (base === undefined || a === undefined || b === undefined)
    throw new WbError("WB7001", "a merge without its factors");
  const rank = a.shape[0] ?? 0;
  // Per row one factor's values, one a rank; along the row the other's.
  const [down, across] = isSwapped
    ? [columnsOf(await floatsOf(a), rank), columnsOf(await floatsOf(b), columns)]
    : [await floatsOf(b), await floatsOf(a)];
  const along = alongOf(across, rank, columns);
  return async (begin, end) =>
    mergedRows(along, {
      dtype,
      rows: end - begin,
      base: await readAssembly(narrowRows(assemblyOf(wholeView(base)), begin, end)),
      down: down.subarray(begin * rank, end * rank),
      scaling,
    });
}

async function floatsOf(tensor: StoredTensor): Promise<Float32Array> {
  const values = decodeFloats(await readAssembly(assemblyOf(wholeView(tensor))), tensor.dtype);
  if (values === undefined) throw new WbError("WB7001", `${tensor.name}: ${tensor.dtype}`);
  return values;
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
