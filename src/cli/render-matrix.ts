import { shownName } from "../tensor/shown-name.ts";
import { listed } from "../verify/listed.ts";
import type { ProofResult } from "../verify/prove.ts";
import type { MatrixUse } from "../verify/quantised/judgement.ts";
import { plural } from "./plural.ts";

/** Tensors that a line lists; --json has more. */
const LISTED = 10;

/** What the importance matrix has to do with the tensors, each kind of them by name. */
export function matrixLines({
  importanceMatrix,
  imatrix,
  tensors,
}: Pick<ProofResult, "importanceMatrix" | "imatrix" | "tensors">): readonly string[] {
  if (!importanceMatrix) return [];
  const beyond = "an importance matrix chose scales: numbers beyond the last level are no failure";
  if (imatrix === null)
    return [beyond, "--imatrix FILE compares the bytes that the matrix leads to"];
  const named = (use: MatrixUse): readonly string[] =>
    tensors.filter(({ matrix }) => matrix === use).map(({ name }) => name);
  const byLevels = tensors.filter(({ rounded }) => rounded > 0).map(({ name }) => name);
  return [
    `quantised by ${imatrix.path}: ${named("used").length} of ${plural(tensors.length, "tensor")}`,
    ...line(named("missing"), "not in the matrix"),
    ...line(named("other-size"), "of another size in the matrix"),
    ...line(named("left-out"), "in the matrix, and quantised without it"),
    ...line(named("other"), "in the matrix, which does not lead to their bytes"),
    ...line(
      tensors.filter(({ matrix }) => matrix === null).map(({ name }) => name),
      "of types that no matrix is for here",
    ),
    ...line(byLevels, "with blocks that are judged by their levels alone"),
    ...(byLevels.length === 0 ? [] : [beyond]),
  ];
}

function line(names: readonly string[], text: string): readonly string[] {
  return names.length === 0 ? [] : [`${text}: ${listed(names.map(shownName), LISTED)}`];
}
