import { short } from "../compare/tolerance.ts";
import type { Comparison, VerifyResult } from "../result.ts";
import type { Evidence, FileDigest } from "./evidence.ts";

/** A verdict with what it can be filed with. */
export interface Filed {
  readonly result: VerifyResult;
  readonly evidence: Evidence;
}

/** What every report says beside the comparisons, in the same words: name and value. */
export function factsOf({ result, evidence }: Filed): readonly (readonly [string, string])[] {
  const { architecture, parameters, layers, device, backend, compute } = result;
  return [
    ["tool", `${evidence.tool.name} ${evidence.tool.version}`],
    ["finished", evidence.time],
    [
      "model",
      `${architecture}, ${parameters.toLocaleString("en-US")} parameters, ${layers} layers`,
    ],
    ["device", `${backend} (${device}, ${compute})`],
    ["time", `${result.seconds.toFixed(1)} s`],
    ["peak memory", `${(result.peakMemoryBytes / 2 ** 20).toFixed(0)} MiB`],
    ["coverage", coverageText(result.coverage)],
  ];
}

/** What a verdict rests on, and what it does not reach. */
export function coverageText({
  tokens,
  positions,
  texts,
  tensors,
  unreached,
}: VerifyResult["coverage"]): string {
  const tokenizers = texts === 0 ? "" : `, ${texts} texts of tokenizers`;
  const reached = `${positions} positions, ${tokens} different tokens, ${tensors} tensors${tokenizers}`;
  return unreached.length === 0 ? reached : `${reached}; not reached: ${unreached.join("; ")}`;
}

/** What the logits of a comparison were allowed to differ by. */
export function thresholdsText({ parity }: Comparison): string {
  return parity === undefined
    ? "nothing was run"
    : `${short(parity.gate.maxAbs)} on ${parity.quantity ?? "logits"}, ${short(parity.gate.kl)} nats`;
}

/** Its digest, or why there is none. */
export function digestText({ sha256 }: FileDigest): string {
  return sha256 === null ? "read from afar: no digest" : `sha256:${sha256}`;
}
