import { shownName } from "../tensor/shown-name.ts";
import type { ProofResult } from "../verify/prove.ts";
import type { BlockPlace, MatrixUse } from "../verify/quantised/judgement.ts";
import { plural } from "./plural.ts";

/** Blocks and failures that the text lists; --json has more. */
const LISTED = 10;

/** Verdict first, then what it rests on, then each block that is not explained. */
export function renderProof(result: ProofResult): string {
  const { verdict, model, original, blocks, tensors, plain, failures, otherScales } = result;
  const exact = plain.filter(({ differing }) => differing === 0).length;
  const rounded = tensors.filter((tensor) => tensor.rounded > 0);
  const types = [...new Set(rounded.map(({ type }) => type))].join(", ");
  const worst = tensors.reduce((most, tensor) => Math.max(most, tensor.worst ?? Infinity), 0);
  return [
    `${verdict === "pass" ? "PASS" : "FAIL"}  ${model} beside ${original}`,
    `  proved to the byte: ${blocks.identical} of ${plural(blocks.total, "block")}, and ${exact} of ${plural(plain.length, "tensor")} that ${plain.length === 1 ? "is" : "are"} not quantised`,
    ...(blocks.rounded === 0
      ? []
      : [
          `  explained by rounding under their own scales: ${blocks.rounded} blocks (${types}); a change that keeps every level the nearest one would not show`,
        ]),
    ...(otherScales.length === 0 ? [] : [`  with other scales than here: ${places(otherScales)}`]),
    ...matrixLines(result),
    ...(tensors.length === 0
      ? []
      : [`  largest error: ${worst.toPrecision(3)} half steps of its block`]),
    ...failures.slice(0, LISTED).map((failure) => `  ${failure}`),
    ...(failures.length > LISTED
      ? [`  and ${failures.length - LISTED} more; --json has them`]
      : []),
    ...result.unexplained.slice(0, LISTED).map((place) => `    not explained: ${placeText(place)}`),
    ...(blocks.unexplained > LISTED
      ? [`    and ${blocks.unexplained - LISTED} more; --json names the first 4096 of each tensor`]
      : []),
    `${result.seconds.toFixed(1)} s, nothing was run`,
  ].join("\n");
}

/** What the importance matrix has to do with the tensors, each kind of them by name. */
function matrixLines({ importanceMatrix, imatrix, tensors }: ProofResult): readonly string[] {
  if (!importanceMatrix) return [];
  const beyond = "an importance matrix chose scales: numbers beyond the last level are no failure";
  if (imatrix === null)
    return [`  ${beyond}`, "  --imatrix FILE compares the bytes that the matrix leads to"];
  const named = (use: MatrixUse): readonly string[] =>
    tensors.filter(({ matrix }) => matrix === use).map(({ name }) => name);
  const byLevels = tensors.filter(({ rounded }) => rounded > 0).map(({ name }) => name);
  return [
    `  quantised by ${imatrix.path}: ${named("used").length} of ${plural(tensors.length, "tensor")}`,
    ...line(named("missing"), "not in the matrix"),
    ...line(named("other-size"), "of another size in the matrix"),
    ...line(named("left-out"), "in the matrix, and quantised without it"),
    ...line(named("other"), "in the matrix, which does not lead to their bytes"),
    ...line(
      tensors.filter(({ matrix }) => matrix === null).map(({ name }) => name),
      "of types that no matrix is for here",
    ),
    ...line(byLevels, "with blocks that are judged by their levels alone"),
    ...(byLevels.length === 0 ? [] : [`  ${beyond}`]),
  ];
}

function line(names: readonly string[], text: string): readonly string[] {
  return names.length === 0 ? [] : [`  ${text}: ${list(names)}`];
}

function list(names: readonly string[]): string {
  const rest = names.length - LISTED;
  const listed = names.slice(0, LISTED).map(shownName).join(", ");
  return rest > 0 ? `${listed} and ${rest} more` : listed;
}

function places(blocks: readonly BlockPlace[]): string {
  const rest = blocks.length - LISTED;
  const listed = blocks.slice(0, LISTED).map(placeText).join("; ");
  return rest > 0 ? `${listed} and ${rest} more` : listed;
}

function placeText({ tensor, block, offset }: BlockPlace): string {
  return `${shownName(tensor)} block ${block} at byte ${offset}`;
}
