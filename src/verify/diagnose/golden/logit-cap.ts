import { fall, type Diagnosis } from "../diagnosis.ts";
import { capsLogits } from "../hypotheses/config-hypotheses.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { Beside } from "./local-lab.ts";
import type { Departure } from "./search.ts";

/** Caps that are looked for. */
const HIGHEST = 1e4;

/** Halvings of the interval that a cap is in: what float32 tells. */
const HALVINGS = 60;

/** Digits that a cap may have. */
const DIGITS = 6;

/** How logits are got with another configuration. */
export interface CapRuns {
  readonly config: ModelConfig;
  /** Logits beside the golden's. */
  readonly outputs: (config: ModelConfig) => Promise<readonly Beside[]>;
  readonly difference: (config: ModelConfig) => Promise<number>;
}

/** Another cap of logits in config.json than the golden's, or none: solved from the largest logit without one. */
export async function otherCap(
  { config, outputs, difference }: CapRuns,
  { before, noise }: Departure,
): Promise<Diagnosis | undefined> {
  if (!capsLogits(config)) return undefined;
  const { logitCap, ...uncapped } = config;
  let [largest, reference] = [0, 0];
  for (const { ours, reference: golden } of await outputs(uncapped))
    for (const [index, value] of ours.entries())
      if (Math.abs(value) > Math.abs(largest)) [largest, reference] = [value, golden[index] ?? 0];
  const solved = capOf(Math.abs(largest), Math.abs(reference));
  const rounds =
    solved === undefined
      ? []
      : Array.from({ length: DIGITS }, (_unused, digits) => Number(solved.toPrecision(digits + 1)));
  for (const cap of [undefined, ...rounds]) {
    if (cap === logitCap) continue;
    const changed = cap === undefined ? uncapped : { ...uncapped, logitCap: cap };
    const after = await difference(changed);
    if (!(after <= noise)) continue;
    const evidence = `final_logit_softcapping is ${logitCap ?? "none"}; with ${cap ?? "none"} ${fall(before, after)}`;
    return { cause: "config-mismatch", tensors: [], evidence, before, after };
  }
  return undefined;
}

/** c, where c · tanh(x / c) is y; undefined where y is not below x. */
function capOf(x: number, y: number): number | undefined {
  if (!(y < x && y > 0)) return undefined;
  let [low, high] = [y, HIGHEST];
  for (let step = 0; step < HALVINGS; step++) {
    const middle = Math.sqrt(low * high);
    if (middle * Math.tanh(x / middle) < y) low = middle;
    else high = middle;
  }
  return low;
}
