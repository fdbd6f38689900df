import type { ImportanceMatrix } from "../../formats/gguf/importance/importance-matrix.ts";
import type { StoredRows } from "../../mapping/stored-rows.ts";
import { HALF_WAYS } from "./half-way.ts";
import type { MatrixUse } from "./judgement.ts";
import { takesMatrix } from "./requantised.ts";
import { WaysOfBand } from "./ways.ts";

/** What an importance matrix has for the columns of some rows. */
export interface AskedMatrix {
  readonly use: MatrixUse | null;
  /** One value for each column; undefined where none goes into the blocks. */
  readonly columns: Float32Array | undefined;
}

/**
 * What llama-quantize would weigh rows by (llama-cpp-python 0.3.36, src/llama-quant.cpp, `llama_model_quantize_impl`): the entry of the tensor's
 * name, where it has a value for each column of each matrix.
 */
export async function askMatrix(
  part: StoredRows,
  matrix: ImportanceMatrix | undefined,
): Promise<AskedMatrix> {
  const { type, storedName, columns, stack } = part;
  if (matrix === undefined || !takesMatrix(type.name)) return { use: null, columns: undefined };
  const size = matrix.sizeOf(storedName);
  if (size === undefined) return { use: "missing", columns: undefined };
  if (stack === undefined || size !== columns * stack.matrices)
    return { use: "other-size", columns: undefined };
  const begin = stack.own * columns;
  return { use: "used", columns: await matrix.read(storedName, begin, begin + columns) };
}

/** Blocks that are made in both ways to tell them apart. */
const TRIED = 64;

/** Whether rows were quantised by the matrix, and not without it though it has an entry; true where neither shows. */
export async function isByMatrix(
  { type, rows, columns: width, storedName, read }: StoredRows,
  columns: Float32Array | undefined,
  originals: (begin: number, end: number) => Promise<Float32Array>,
): Promise<boolean> {
  const { name, bytes: size } = type;
  if (columns === undefined || !takesMatrix(name)) return true;
  const end = Math.min(rows, Math.ceil((TRIED * type.elements) / width));
  const [bytes, values] = [await read(0, end), await originals(0, end)];
  const most = (weights: Float32Array | undefined): number => {
    const band = new WaysOfBand(values, name, storedName, weights);
    return Math.max(...HALF_WAYS.map((way) => band.made(way, bytes, size)));
  };
  return most(columns) >= most(undefined);
}
