import type { ImportanceMatrix } from "../../formats/gguf/importance/importance-matrix.ts";
import type { Assembly } from "../../mapping/assembly.ts";
import { isQuantised } from "../../mapping/stored-rows.ts";
import type { JudgeOptions } from "./judge-tensor.ts";

/** llama-quantize names the matrix that it was given. */
const IMATRIX = "quantize.imatrix.";

/**
 * How the blocks of a quantised file are judged.
 * @param metadata The quantised file's: it tells whether a matrix chose the scales.
 * @param original Tensors that the file is held against.
 * @param matrix The matrix that the file is said to be made with.
 */
export function howToJudge(
  metadata: ReadonlyMap<string, string>,
  original: ReadonlyMap<string, Assembly>,
  matrix: ImportanceMatrix | undefined,
  signal: AbortSignal | undefined,
): JudgeOptions {
  return {
    isWeighted: matrix !== undefined || [...metadata.keys()].some((key) => key.startsWith(IMATRIX)),
    matrix,
    isOriginalQuantised: [...original.values()].some(isQuantised),
    signal,
  };
}
