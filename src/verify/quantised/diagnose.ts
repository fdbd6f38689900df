import type { Assembly } from "../../mapping/assembly.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { diffTensors } from "../compare/diff-checkpoints.ts";
import { commonLayer, type Diagnosis } from "../diagnose/diagnosis.ts";
import { diagnosePair } from "../diagnose/pair/pair-diagnosis.ts";
import type { JudgeOptions } from "./judge-tensor.ts";
import type { ModelJudgement } from "./judge-model.ts";
import { isExplained, lossOf, type TensorJudgement } from "./judgement.ts";
import { withoutRounding } from "./without-rounding.ts";

type Tensors = ReadonlyMap<string, Assembly>;

/** Blocks that a sentence lists. */
const LISTED = 3;

/** What is wrong with a quantised model's tensors beyond rounding: each that the original does not explain is named. */
export async function diagnoseQuantised(
  ours: Tensors,
  reference: Tensors,
  judgement: ModelJudgement,
  config: ModelConfig | undefined,
  options: JudgeOptions,
): Promise<readonly Diagnosis[]> {
  const wrong = judgement.quantised.filter((tensor) => !isExplained(tensor));
  const others = judgement.plain.some(({ differing }) => differing > 0);
  if (wrong.length === 0 && !others && judgement.unjudged.length === 0) return [];
  const restored = await withoutRounding(ours, reference, judgement, options);
  const diffs = await diffTensors(restored, reference, { signal: options.signal });
  const found = await diagnosePair(restored, reference, diffs, config, options.signal);
  const byName = new Map(wrong.map((tensor) => [tensor.name, tensor]));
  const told = found.map((diagnosis) => inBlocks(diagnosis, byName));
  const named = new Set(told.flatMap(({ tensors }) => tensors));
  return [...told, ...wrong.filter(({ name }) => !named.has(name)).map(unexplainedOf)];
}

/** Of what no known mistake makes, the blocks are named; that values are few is no cause where they are quantised. */
function inBlocks(diagnosis: Diagnosis, judged: ReadonlyMap<string, TensorJudgement>): Diagnosis {
  const own = diagnosis.tensors.flatMap((name) => judged.get(name) ?? []);
  const [first] = own;
  if (first === undefined) return diagnosis;
  if (diagnosis.cause === "cast")
    return own.length === 1
      ? unexplainedOf(first)
      : { ...unexplainedOf(first), tensors: own.map(({ name }) => name) };
  if (diagnosis.cause !== "corrupt" && diagnosis.cause !== "undetermined") return diagnosis;
  return { ...diagnosis, evidence: `${diagnosis.evidence}; ${own.map(blocksText).join("; ")}` };
}

function unexplainedOf(tensor: TensorJudgement): Diagnosis {
  const share = lossOf([tensor]);
  const isOther = tensor.unexplained > tensor.blocks / 2;
  return {
    cause: isOther ? "other-version" : "corrupt",
    tensors: [tensor.name],
    ...commonLayer([tensor.name]),
    evidence: isOther
      ? `${blocksText(tensor)}; it is ${(100 * share).toPrecision(2)} % off: it was quantised from other values`
      : blocksText(tensor),
  };
}

function blocksText({ type, blocks, unexplained, places }: TensorJudgement): string {
  const listed = places
    .slice(0, LISTED)
    .map(({ block, offset }) => `block ${block} at byte ${offset}`)
    .join(", ");
  const rest = unexplained - Math.min(LISTED, places.length);
  return `${unexplained} of ${blocks} ${type} blocks are not explained by the original: ${listed}${rest > 0 ? ` and ${rest} more` : ""}`;
}
