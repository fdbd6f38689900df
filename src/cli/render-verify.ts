import type { Comparison, VerifyResult } from "../verify/result.ts";
import { COMPUTE_NAME, short } from "../verify/compare/tolerance.ts";
import { endpointLines } from "../verify/endpoint/statement.ts";
import { plural } from "./plural.ts";
import { quantisationLines } from "./render-quantisation.ts";
import { renderDiagnosis } from "./render-diagnosis.ts";

/** Failures that the text lists. */
const LISTED = 4;

/** Verdict first, then the line that matters. */
export function renderVerify(result: VerifyResult): string {
  const { verdict, comparisons, device, compute, seconds } = result;
  return [
    `${verdict === "pass" ? "PASS" : "FAIL"}  ${result.model}`,
    ...comparisons.flatMap((comparison) => lines(comparison, compute)),
    ...(verdict === "pass" ? [coverageLine(result.coverage)] : []),
    `${device}, ${compute}, ${seconds.toFixed(1)} s`,
  ].join("\n");
}

function sameness({ rounded, harmless }: NonNullable<Comparison["weights"]>): string {
  const parts = [
    ...(rounded === 0 ? [] : [`${rounded} of them the same but for rounding`]),
    ...(harmless.length === 0 ? [] : ["some stored otherwise to the same effect"]),
  ];
  return parts.length === 0 ? "all the same" : parts.join(", ");
}

/** What a PASS rests on, and what it says nothing about. */
function coverageLine({
  tokens,
  positions,
  texts,
  tensors,
  unreached,
}: VerifyResult["coverage"]): string {
  const tokenizers = texts === 0 ? "" : `, ${plural(texts, "text")} of tokenizers`;
  const missed = unreached.length === 0 ? "" : `; not reached: ${unreached.join("; ")}`;
  return `covered: ${plural(tokens, "token")}, ${plural(positions, "position")}, ${plural(tensors, "tensor")}${tokenizers}${missed}`;
}

function lines(
  {
    path,
    verdict,
    parity,
    greedy,
    weights,
    endpoint,
    diagnosis,
    failures,
    quantisation,
  }: Comparison,
  compute: VerifyResult["compute"],
): readonly string[] {
  const found = [`  against ${path}: ${verdict}`];
  if (endpoint !== undefined) found.push(...endpointLines(endpoint).map((line) => `    ${line}`));
  found.push(...diagnosis.map((entry) => `  ${renderDiagnosis(entry)}`));
  if (diagnosis.length === 0) found.push(...failures.slice(0, LISTED).map((text) => `    ${text}`));
  if (quantisation !== undefined) found.push(...quantisationLines(quantisation));
  else if (parity !== undefined) {
    const positions = parity.prompts.reduce((sum, prompt) => sum + prompt.positions, 0);
    const worst = parity.prompts.reduce((most, { maxAbs }) => (maxAbs <= most ? most : maxAbs), 0);
    const noise =
      parity.timesNoise === null
        ? ""
        : `, ${short(parity.timesNoise)} times this model's own noise`;
    found.push(
      `    ${parity.quantity ?? "logits"}: ${plural(parity.prompts.length, "prompt")}, ${plural(positions, "position")}, largest difference ${short(worst)}${noise}; allowed ${short(parity.gate.maxAbs)}`,
    );
    if (parity.compute !== "f32" && endpoint === undefined)
      found.push(
        `    ${parity.passes ? "right within" : "judged by the noise of"} ${COMPUTE_NAME[parity.compute]}, ${parity.compute === compute || weights === undefined ? "which the coarser side computed in" : "which the coarser side is stored in"}`,
      );
    if (parity.referenceError !== null)
      found.push(
        `    held against float64 logits, from which the golden's own float32 ones differ by ${short(parity.referenceError)}`,
      );
  }
  if (weights !== undefined && quantisation === undefined)
    found.push(
      weights.wrong === 0
        ? `    weights: ${plural(weights.compared, "tensor")}, ${sameness(weights)}`
        : `    weights: ${weights.wrong} of ${plural(weights.compared, "tensor")} differ`,
    );
  if (weights !== undefined)
    found.push(
      ...weights.harmless.slice(0, LISTED).map((text) => `    to the same effect: ${text}`),
    );
  if (greedy.length > 0) {
    const sum = (of: (check: (typeof greedy)[number]) => number): number =>
      greedy.reduce((total, check) => total + of(check), 0);
    const ties = sum(({ nearTies }) => nearTies);
    found.push(
      `    greedy: ${sum(({ agreeing }) => agreeing)} of ${sum(({ tokens }) => tokens)} ids the same${ties > 0 ? `, ${ties} near-ties` : ""}`,
    );
  }
  return found;
}
