import type { Assembly } from "../mapping/assembly.ts";
import { sameShape } from "../tensor/shape.ts";
import type { Backend } from "../runtime/backends/backend.ts";
import { parityOfModels, type NamedPrompt, type Parity } from "./compare/parity.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import { openLaboratory } from "./laboratory.ts";
import { diagnoseQuantised } from "./quantised/diagnose.ts";
import { howToJudge } from "./quantised/how-to-judge.ts";
import { judgeModel } from "./quantised/judge-model.ts";
import { summaryOf, unexplainedCount, type QuantisationSummary } from "./quantised/summary.ts";
import { isQuantised } from "../mapping/stored-rows.ts";
import type { Bench } from "./subject.ts";

/** A quantised model and what it was made from, whichever of them is verified. */
export interface QuantisedPair {
  readonly side: QuantisationSummary["side"];
  readonly quantised: Bench;
  readonly original: Bench;
}

/** What came of holding a quantised model against its original. */
export interface QuantisedOutcome {
  readonly summary: QuantisationSummary;
  /** Its logits against the original's, which no gate is for; undefined where one of them cannot run. */
  readonly parity: Parity | undefined;
  /** The original's tensors under the quantised file's settings, against the original. */
  readonly settings: Parity | undefined;
  readonly compared: number;
  /** Tensors that the original does not explain. */
  readonly wrong: number;
  readonly diagnoses: readonly Diagnosis[];
  readonly failures: readonly string[];
}

/** Which of two models is a quantisation of the other; undefined where neither is quantised. */
export function quantisedPair(model: Bench, other: Bench): QuantisedPair | undefined {
  const [left, right] = [model, other].map(({ tensors }) =>
    [...tensors.values()].some(isQuantised),
  );
  if (left === true) return { side: "model", quantised: model, original: other };
  if (right === true) return { side: "other", quantised: other, original: model };
  return undefined;
}

/**
 * Holds a quantised model against its original: the weights by what rounding to blocks explains, the settings by running the original's weights
 * under them. What the rounding costs in logits is measured, and no failure.
 */
export async function againstQuantised(
  pair: QuantisedPair,
  backend: Backend,
  prompts: readonly NamedPrompt[],
): Promise<QuantisedOutcome> {
  const { side, quantised, original } = pair;
  const { options } = quantised;
  const { metadata } = quantised.model.checkpoint;
  const how = howToJudge(metadata, original.tensors, options.matrix, options.parity.signal);
  const { config } = quantised.laboratory;
  const canRun = quantised.isComplete && original.isComplete;
  const parity = canRun
    ? await parityOfModels(quantised.laboratory, original.laboratory, prompts, {
        ...options.parity,
        calibrate: false,
      })
    : undefined;
  const isSameShape = fits(quantised.tensors, original.tensors);
  const settings =
    canRun && isSameShape
      ? await parityOfModels(
          openLaboratory(quantised.path, config, original.tensors, backend),
          original.laboratory,
          prompts,
          options.parity,
        )
      : undefined;
  const judgement = await judgeModel(quantised.tensors, original.tensors, how);
  const wrong = unexplainedCount(judgement);
  const found =
    wrong > 0 && options.diagnose
      ? await diagnoseQuantised(quantised.tensors, original.tensors, judgement, config, how)
      : [];
  const compared = judgement.quantised.length + judgement.plain.length + judgement.unjudged.length;
  return {
    summary: summaryOf(side, how, judgement, parity, settings),
    parity: parity === undefined ? undefined : { ...parity, passes: wrong === 0, failures: [] },
    settings,
    compared,
    wrong,
    diagnoses: side === "model" ? found : found.map(fromOtherSide),
    failures: failuresOf(wrong, compared, canRun, settings),
  };
}

function failuresOf(
  wrong: number,
  compared: number,
  canRun: boolean,
  settings: Parity | undefined,
): readonly string[] {
  const failures: string[] = [];
  if (!canRun) failures.push("nothing was run: one side lacks tensors");
  if (wrong > 0) failures.push(`${wrong} of ${compared} tensors are not what quantising gives`);
  const [first] = settings?.failures ?? [];
  if (first !== undefined)
    failures.push(
      `the original's weights compute something else under the quantised file's settings: ${first}`,
    );
  return failures;
}

/** Whether one side's tensors can stand for the other's. */
function fits(
  ours: ReadonlyMap<string, Assembly>,
  reference: ReadonlyMap<string, Assembly>,
): boolean {
  return [...ours].every(([name, { shape }]) => {
    const other = reference.get(name);
    return other !== undefined && sameShape(shape, other.shape);
  });
}

function fromOtherSide(diagnosis: Diagnosis): Diagnosis {
  const { claims: _claims, ...rest } = diagnosis;
  return { ...rest, evidence: `on the other side: ${diagnosis.evidence}` };
}
