import {
  openImportanceMatrix,
  type ImportanceMatrix,
} from "../../formats/gguf/importance/importance-matrix.ts";
import type { InputFile } from "../inputs.ts";

/** An importance matrix as results name it. */
export interface GivenMatrix {
  readonly path: string;
  /** How many tensors it has something for. */
  readonly tensors: number;
}

/**
 * Works with the matrix of `--imatrix` while it is open; without one where none was given.
 * @throws WbError WB3513 for what is no importance matrix.
 */
export async function withMatrix<T>(
  path: string | undefined,
  work: (matrix: ImportanceMatrix | undefined) => Promise<T>,
): Promise<T> {
  if (path === undefined) return work(undefined);
  const matrix = await openImportanceMatrix(path);
  try {
    return await work(matrix);
  } finally {
    await matrix.close();
  }
}

export function givenMatrix(matrix: ImportanceMatrix | undefined): GivenMatrix | null {
  return matrix === undefined ? null : { path: matrix.path, tensors: matrix.tensors };
}

/** A given matrix among the files that a verdict rests on. */
export function matrixInputs(matrix: ImportanceMatrix | undefined): readonly InputFile[] {
  return matrix === undefined ? [] : [{ role: "imatrix", path: matrix.path }];
}
