import type { Dtype } from "../../tensor/dtype.ts";
import type { Golden } from "../golden/read.ts";
import { maxMagnitude } from "../compare/metrics.ts";
import type { Laboratory } from "../compare/model-runner.ts";
import type { Parity } from "../compare/parity.ts";
import { largest } from "../compare/run-model.ts";
import { UNIT, type ComputeKind } from "../compare/tolerance.ts";
import { searchConfig, type MeasureConfig } from "./config-search.ts";
import { fall, type Diagnosis } from "./diagnosis.ts";
import { judgeCopies } from "./copies.ts";
import { diagnoseEmbeddings } from "./embedding-diagnosis.ts";
import { diagnoseFromLogits } from "./logits-diagnosis.ts";
import { diagnoseHead } from "./head-diagnosis.ts";
import { layerHypotheses, partNames } from "./hypotheses.ts";
import { describePart, LocalLab, type Changes, type Part } from "./local-lab.ts";
import { mergeDiagnoses } from "./merge-diagnoses.ts";
import { explainNonFinite } from "./non-finite.ts";
import { tryOutliers } from "./outliers.ts";
import { locateInLayer } from "./residual.ts";
import { rereadHypotheses } from "./reread-hypotheses.ts";
import { explained, SearchBudget, searchExplanations, type Departure } from "./search.ts";
import { judgeValues } from "./value-diagnosis.ts";

/** Rounding units that one layer's sums may differ by, relative to the largest state: seen are 2 to 8. */
const UNITS = 48;

/** How many times what one unit on every state makes of a part counts as its noise: the same as for whole models. */
const SHAKEN_FACTOR = 6;

/** Time for trying mistakes, in milliseconds; small models need a second or two. */
const SEARCH_MS = 240_000;

/** The same for trying settings, which small models need less than a second for. */
const CONFIG_MS = 90_000;

/** One part of the model that departs from the golden. */
interface Suspect extends Departure {
  readonly part: Part;
}

/**
 * Finds what is wrong with a model from a golden file, most likely first. With hidden states each part is run on the
 * golden's own states, so that the first and every other part that departs stands out; then mistakes are undone one by one.
 */
export async function diagnoseGolden(
  laboratory: Laboratory,
  golden: Golden,
  { compute, gate }: Pick<Parity, "compute" | "gate">,
): Promise<readonly Diagnosis[]> {
  const layerMismatch = diagnoseLayerCount(laboratory, golden);
  if (layerMismatch !== undefined) return [layerMismatch];
  const lab = new LocalLab(laboratory, golden);
  if (!lab.hasStates) return diagnoseFromLogits(laboratory, golden, gate.maxAbs);
  const suspects = await findSuspects(lab, compute);
  const configured = await diagnoseConfig(lab, suspects);
  if (configured !== undefined) return [configured];
  const budget = new SearchBudget(SEARCH_MS);
  const found: Diagnosis[] = [];
  for (const suspect of suspects) {
    lab.forget();
    found.push(...(await diagnosePart(lab, suspect, budget)));
  }
  return mergeDiagnoses(found);
}

/** A golden with states of another number of layers was made with another model. */
function diagnoseLayerCount(laboratory: Laboratory, golden: Golden): Diagnosis | undefined {
  const states = golden.prompts.find(({ hiddenStates }) => hiddenStates.length > 0)?.hiddenStates
    .length;
  const { layers } = laboratory.config;
  if (states === undefined || states === layers + 1) return undefined;
  return {
    cause: "config-mismatch",
    tensors: [],
    evidence: `num_hidden_layers is ${layers}, the golden has the states of ${states - 1} layers`,
  };
}

async function findSuspects(lab: LocalLab, compute: ComputeKind): Promise<readonly Suspect[]> {
  const { layers } = lab.laboratory.config;
  const parts: Part[] = [
    { kind: "embeddings" },
    ...Array.from({ length: layers }, (_unused, index): Part => ({ kind: "layer", index })),
    { kind: "head" },
  ];
  const suspects: Suspect[] = [];
  for (const part of parts) {
    const outputs = await lab.outputs(part);
    const before = await lab.difference(part);
    const scale = Math.max(largest(outputs.map(({ reference }) => maxMagnitude(reference))), 1e-3);
    const analytic = UNITS * UNIT[compute] * scale;
    if (before <= analytic) continue;
    const shaken = await lab.shakenNoise(part, compute);
    const noise = Math.max(analytic, Number.isFinite(shaken) ? SHAKEN_FACTOR * shaken : 0);
    if (!(before <= noise)) suspects.push({ part, before, noise, scale });
  }
  return suspects;
}

/** Settings: tried where several layers depart, since a setting is wrong in all of them. */
async function diagnoseConfig(
  lab: LocalLab,
  suspects: readonly Suspect[],
): Promise<Diagnosis | undefined> {
  const layers = suspects.filter(({ part }) => part.kind === "layer");
  const { config } = lab.laboratory;
  if (layers.length === 0 || layers.length < Math.min(2, config.layers)) return undefined;
  const measure: MeasureConfig = async (changed, limit) => {
    let worst = 0;
    for (const { part } of layers) {
      worst = largest([worst, await lab.difference(part, undefined, changed)]);
      if (!(worst <= limit)) break;
    }
    return worst;
  };
  const before = largest(layers.map((layer) => layer.before));
  const noise = largest(layers.map((layer) => layer.noise));
  const found = await searchConfig(config, measure, noise, new SearchBudget(CONFIG_MS));
  if (found === undefined) return undefined;
  const { field, ours, theirs, after } = found;
  return {
    cause: "config-mismatch",
    tensors: [],
    evidence: `${field} is ${ours}; with ${theirs} ${fall(before, after)} in all ${layers.length} layers that depart`,
    before,
    after,
  };
}

async function diagnosePart(
  lab: LocalLab,
  suspect: Suspect,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const { part } = suspect;
  switch (part.kind) {
    case "embeddings":
      return diagnoseEmbeddings(lab, suspect.before);
    case "head":
      return diagnoseHead(lab, suspect, budget);
    case "layer":
      return diagnoseLayer(lab, part.index, suspect, budget);
    default:
      return part satisfies never;
  }
}

async function diagnoseLayer(
  lab: LocalLab,
  layer: number,
  suspect: Suspect,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const { laboratory } = lab;
  const suspects = partNames(layer, laboratory.config, laboratory.names());
  const dtypeOf = (name: string): ReturnType<typeof dtypeIn> => dtypeIn(lab, name);
  const measure = (changes: Changes): Promise<number> => lab.difference(suspect.part, changes);
  const nonFinite = await judgeValues(suspects, laboratory, lab.read, ["non-finite"]);
  if (nonFinite.length > 0) {
    const rereadings = rereadHypotheses(suspects, [], dtypeOf);
    return explainNonFinite(nonFinite, rereadings, lab, measure, suspect, budget);
  }
  const hypotheses = layerHypotheses(layer, laboratory.config, laboratory.names(), dtypeOf);
  const explanations = await searchExplanations(hypotheses, lab, measure, suspect, budget);
  if (explanations.length > 0) return explanations.map(explained);
  const shown = await judgeValues(suspects, laboratory, lab.read);
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const copies = await judgeCopies(suspects, laboratory, lab.read);
  if (copies.length > 0)
    return copies.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const outlier = await tryOutliers(suspects, lab.read, measure, suspect.before, budget);
  if (outlier !== undefined) return [outlier];
  return [(await locateInLayer(lab, layer, suspect)) ?? undetermined(suspect, suspects)];
}

function dtypeIn({ laboratory }: LocalLab, name: string): Dtype | undefined {
  return laboratory.facts(name)?.dtype;
}

function undetermined({ part, before, noise }: Suspect, tensors: readonly string[]): Diagnosis {
  return {
    cause: "undetermined",
    tensors,
    ...(part.kind === "layer" ? { layer: part.index } : {}),
    evidence: `${describePart(part)} departs by ${before.toExponential(1)} (noise ${noise.toExponential(1)}) on the golden's own states, and no known mistake explains it`,
    before,
  };
}
