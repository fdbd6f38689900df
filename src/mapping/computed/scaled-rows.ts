import { WbError } from "../../errors/wb-error.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import type { Recipe } from "./recipe.ts";
import { storedValues } from "./stored-values.ts";

type Scaled = Extract<Recipe, { kind: "scaled" }>;

/** Elements under one scale from which on a table of its products, one a code, is less work than a product each. */
const TABLED = 1024;

/** Whether codes are bytes of which many have a scale in common. */
export function isTabled({ packedBits, blockRows, blockColumns, zeros }: Scaled): boolean {
  return packedBits === 0 && zeros === undefined && blockRows * blockColumns >= TABLED;
}

/** What a code of 8 bits stands for, all 256. */
export function codeValues(dtype: Dtype): Float64Array {
  const values = decodeValues(
    Uint8Array.from({ length: 256 }, (_unused, code) => code),
    dtype,
  );
  if (values?.length === 256) return values;
  throw new WbError("WB7001", `${dtype} is no code of 8 bits`);
}

/**
 * code · scale as the recipe's dtype stores it: each block's products are made once for each of the 256 codes, then looked up.
 * @param bytes Codes of rows `begin` to `end`.
 * @param values What each code stands for.
 */
export function tabledRows(
  recipe: Scaled,
  { values, scales }: { readonly values: Float64Array; readonly scales: Float32Array },
  bytes: Uint8Array,
  [begin, end]: readonly [number, number],
): Uint8Array {
  const { columns, blockRows, blockColumns, dtype } = recipe;
  const across = Math.ceil(columns / blockColumns);
  const count = (end - begin) * columns;
  const made = dtype === "F32" ? new Uint32Array(count) : new Uint16Array(count);
  for (let row = begin; row < end;) {
    const down = Math.floor(row / blockRows);
    const last = Math.min(end, (down + 1) * blockRows);
    for (let block = 0; block < across; block++) {
      const table = tableOf(recipe, values, scales[down * across + block] ?? Number.NaN);
      const first = block * blockColumns;
      const width = Math.min(columns - first, blockColumns);
      for (let at = row; at < last; at++)
        lookUp(made, table, bytes, (at - begin) * columns + first, width);
    }
    row = last;
  }
  return new Uint8Array(made.buffer);
}

function tableOf(
  { dtype, factor }: Scaled,
  values: Float64Array,
  scale: number,
): Uint32Array | Uint16Array {
  const products = new Float32Array(256);
  for (let code = 0; code < 256; code++) products[code] = (values[code] ?? Number.NaN) * scale;
  if (factor !== 1)
    for (let code = 0; code < 256; code++) products[code] = (products[code] ?? 0) * factor;
  const { buffer } = storedValues(products, dtype);
  return dtype === "F32" ? new Uint32Array(buffer) : new Uint16Array(buffer);
}

function lookUp(
  made: Uint32Array | Uint16Array,
  table: Uint32Array | Uint16Array,
  codes: Uint8Array,
  begin: number,
  count: number,
): void {
  for (let at = begin; at < begin + count; at++) made[at] = table[codes[at] ?? 0] ?? 0;
}
