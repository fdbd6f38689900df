import type { Dtype } from "../../tensor/dtype.ts";
import type { Golden } from "../golden/read.ts";
import { maxMagnitude } from "../compare/metrics.ts";
import { parametersIn, type Laboratory } from "../compare/model-runner.ts";
import type { Parity } from "../compare/parity.ts";
import { largest } from "../compare/run-model.ts";
import { UNIT, type ComputeKind } from "../compare/tolerance.ts";
import { searchConfig, settingsText, type MeasureConfig } from "./config-search.ts";
import { fall, type Diagnosis } from "./diagnosis.ts";
import { judgeCopies } from "./copies.ts";
import { diagnoseEmbeddings } from "./embedding-diagnosis.ts";
import { diagnoseFromLogits } from "./logits-diagnosis.ts";
import { diagnoseHead } from "./head-diagnosis.ts";
import { layerHypotheses, partNames } from "./hypotheses.ts";
import { findPlaces, repeatedTensors } from "./layer-places.ts";
import { isOfQueryAndKey, kindOf, likelyFirst } from "./likely-first.ts";
import { describePart, LocalLab, type Changes, type Part } from "./local-lab.ts";
import { mergeDiagnoses } from "./merge-diagnoses.ts";
import { explainNonFinite } from "./non-finite.ts";
import { tryOutliers } from "./outliers.ts";
import { locateInLayer } from "./residual.ts";
import { rereadHypotheses } from "./reread-hypotheses.ts";
import { explained, SearchBudget, searchExplanations, triesFor, type Departure } from "./search.ts";
import { nearVersions } from "./near-versions.ts";
import { staleTable } from "./stale-table.ts";
import { judgeValues } from "./value-diagnosis.ts";

/** Rounding units that one layer's sums may differ by, relative to the largest state: seen are 2 to 8. */
const UNITS = 48;

/** How many times what one unit on every state makes of a part counts as its noise: the same as for whole models. */
const SHAKEN_FACTOR = 6;

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
  signal?: AbortSignal,
): Promise<readonly Diagnosis[]> {
  const layerMismatch = diagnoseLayerCount(laboratory, golden);
  if (layerMismatch !== undefined) return [layerMismatch];
  const lab = new LocalLab(laboratory, golden);
  if (!lab.hasStates) return diagnoseFromLogits(laboratory, golden, gate.maxAbs, signal);
  const suspects = await findSuspects(lab, compute);
  const configured = await diagnoseConfig(lab, suspects, signal);
  if (configured !== undefined) return [configured];
  const budget = new SearchBudget(triesFor(layerCost(lab)), signal);
  const layers = suspects.flatMap(({ part, before, noise }) =>
    part.kind === "layer" ? [{ layer: part.index, before, noise }] : [],
  );
  const places = await findPlaces(lab, layers, budget);
  const found: Diagnosis[] = places.diagnosis === undefined ? [] : [places.diagnosis];
  const known = new Set<string>();
  for (const suspect of suspects) {
    const { part } = suspect;
    if (part.kind === "layer" && places.explained.has(part.index)) continue;
    lab.forget();
    found.push(...(await diagnosePart(lab, suspect, budget, known)));
  }
  return mergeDiagnoses(await nearVersions(lab, found));
}

/** Multiply-adds of one layer on all prompts. */
function layerCost({ laboratory, prompts }: LocalLab): number {
  const tokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  return (tokens * parametersIn(laboratory)) / laboratory.config.layers;
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
  signal: AbortSignal | undefined,
): Promise<Diagnosis | undefined> {
  const layers = suspects.filter(({ part }) => part.kind === "layer");
  const { config } = lab.laboratory;
  if (layers.length === 0 || layers.length < Math.min(2, config.layers)) return undefined;
  const worst = async (limit: number, of: (part: Part) => Promise<number>): Promise<number> => {
    let most = 0;
    for (const { part } of layers) {
      most = largest([most, await of(part)]);
      if (!(most <= limit)) break;
    }
    return most;
  };
  const measure: MeasureConfig = {
    all: (changed, limit) =>
      worst(limit, (part) => lab.difference(part, undefined, changed, limit)),
    first: (changed, limit) => worst(limit, (part) => lab.firstDifference(part, changed)),
  };
  const before = largest(layers.map((layer) => layer.before));
  const noise = largest(layers.map((layer) => layer.noise));
  const stale = await staleTable(
    config,
    lab.prompts,
    async (configs) => {
      let most = 0;
      for (const { part } of layers) most = largest([most, await lab.differences(part, configs)]);
      return most;
    },
    { before, noise },
  );
  if (stale !== undefined) return stale;
  const budget = new SearchBudget(triesFor(layerCost(lab) * layers.length), signal);
  const found = await searchConfig(config, measure, noise, budget);
  if (found === undefined) return undefined;
  return {
    cause: "config-mismatch",
    tensors: [],
    evidence: `${settingsText(found)} ${fall(before, found.after)} in all ${layers.length} layers that depart`,
    before,
    after: found.after,
  };
}

async function diagnosePart(
  lab: LocalLab,
  suspect: Suspect,
  budget: SearchBudget,
  known: Set<string>,
): Promise<readonly Diagnosis[]> {
  const { part } = suspect;
  switch (part.kind) {
    case "embeddings":
      return diagnoseEmbeddings(lab, suspect.before);
    case "head":
      return diagnoseHead(lab, suspect, budget);
    case "layer":
      return diagnoseLayer(lab, part.index, suspect, budget, known);
    default:
      return part satisfies never;
  }
}

async function diagnoseLayer(
  lab: LocalLab,
  layer: number,
  suspect: Suspect,
  budget: SearchBudget,
  known: Set<string>,
): Promise<readonly Diagnosis[]> {
  const { laboratory } = lab;
  const suspects = partNames(layer, laboratory.config, laboratory.names());
  const dtypeOf = (name: string): ReturnType<typeof dtypeIn> => dtypeIn(lab, name);
  const measure = (changes: Changes, limit?: number): Promise<number> =>
    lab.difference(suspect.part, changes, undefined, limit);
  const nonFinite = await judgeValues(suspects, laboratory, lab.read, ["non-finite"]);
  if (nonFinite.length > 0) {
    const rereadings = rereadHypotheses(suspects, [], dtypeOf);
    return explainNonFinite(nonFinite, rereadings, lab, measure, suspect, budget);
  }
  // Whole numbers of 8 bits are no weights: nothing needs to be tried.
  const codes = await judgeValues(suspects, laboratory, lab.read, ["scaled"]);
  if (codes.length > 0) return codes.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const isFirstWrong = !((await lab.firstDifference(suspect.part)) <= suspect.noise);
  const hypotheses = likelyFirst(
    layerHypotheses(layer, laboratory.config, laboratory.names(), dtypeOf),
    isFirstWrong,
    known,
  );
  const explanations = await searchExplanations(hypotheses, lab, measure, suspect, budget);
  for (const { hypothesis } of explanations) known.add(kindOf(hypothesis));
  if (explanations.length > 0) return explanations.map(explained);
  const twins = await repeatedTensors(suspects, laboratory, laboratory.config);
  if (twins.length > 0) return twins.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const copies = await judgeCopies(suspects, laboratory, lab.read);
  if (copies.length > 0)
    return copies.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const shown = await judgeValues(suspects, laboratory, lab.read);
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const outlier = await tryOutliers(suspects, lab.read, measure, suspect.before, budget);
  if (outlier !== undefined) return [outlier];
  const located = await locateInLayer(lab, layer, suspect);
  return [located ?? undetermined(suspect, isFirstWrong, suspects, budget)];
}

function dtypeIn({ laboratory }: LocalLab, name: string): Dtype | undefined {
  return laboratory.facts(name)?.dtype;
}

function undetermined(
  { part, before, noise }: Suspect,
  isFirstWrong: boolean,
  tensors: readonly string[],
  budget: SearchBudget,
): Diagnosis {
  const where = isFirstWrong
    ? "already at the first token of a prompt, so that it is not the positions"
    : "the first token of every prompt is right, so that it is the rotary table, queries or keys";
  const suspected = isFirstWrong
    ? []
    : tensors.filter((name) => isOfQueryAndKey({ tensors: [name] }));
  return {
    cause: "undetermined",
    tensors: suspected,
    ...(part.kind === "layer" ? { layer: part.index } : {}),
    evidence: `${describePart(part)} departs by ${before.toExponential(1)} (noise ${noise.toExponential(1)}) on the golden's own states: ${where}; no known mistake explains it${budget.isSpent ? ", as far as the search went" : ""}`,
    before,
  };
}
