import type { ProofResult } from "../verify/prove.ts";
import { plural } from "./plural.ts";
import { otherScalesLines, placeText } from "./render-blocks.ts";
import { matrixLines } from "./render-matrix.ts";

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
    ...[...otherScalesLines(otherScales), ...matrixLines(result)].map((line) => `  ${line}`),
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
