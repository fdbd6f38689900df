import type { Dtype } from "../../../tensor/dtype.ts";
import { givesTokens } from "../../../model/encoder-heads.ts";
import type { Golden } from "../../golden/read.ts";
import { parametersIn, type Laboratory } from "../../compare/model-runner.ts";
import type { Parity } from "../../compare/parity.ts";
import { attentionDeparture, judgeAttention } from "./attention-residual.ts";
import { diagnoseConfig } from "./config-diagnosis.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { judgeCopies } from "../hypotheses/copies.ts";
import { diagnoseEmbeddings } from "./embedding-diagnosis.ts";
import { diagnoseEncoderHead } from "./encoder-head-diagnosis.ts";
import { diagnoseFromLogits } from "./logits-diagnosis.ts";
import { diagnoseHead } from "./head-diagnosis.ts";
import { layerHypotheses, partNames } from "../hypotheses/hypotheses.ts";
import { findPlaces, repeatedTensors } from "./layer-places.ts";
import { isOfQueryAndKey, kindOf, likelyFirst } from "./likely-first.ts";
import { describePart, LocalLab, type Changes } from "./local-lab.ts";
import { mergeDiagnoses } from "../merge-diagnoses.ts";
import { explainNonFinite } from "../values/non-finite.ts";
import { tryOutliers } from "../values/outliers.ts";
import { locateInLayer } from "./residual.ts";
import { rereadHypotheses } from "../hypotheses/reread-hypotheses.ts";
import { explained, SearchBudget, searchExplanations, triesFor } from "./search.ts";
import { saturatedOnes } from "./saturated.ts";
import { departuresOf } from "./departures.ts";
import { solvedFactors } from "./solved-factors.ts";
import { solvedRouter } from "./router-order.ts";
import { solvedScales } from "./solved-scale.ts";
import { coarseRoundings, withoutOldRoundings, type Moving } from "../values/rounding-size.ts";
import { nearVersions } from "../pair/near-versions.ts";
import { expertToBlame, type BlamedExpert } from "./expert-tokens.ts";
import { measureParts, type MeasuredPart } from "./suspects.ts";
import { adapterInValues } from "./value-adapter.ts";
import { freshOnes } from "../values/fresh.ts";
import { judgeValues } from "../values/value-diagnosis.ts";

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
  const parts = await measureParts(lab, compute, signal);
  const suspects = parts.filter(({ departs }) => departs);
  // Too small to show in any one part, and the logits show it: an epsilon.
  if (suspects.length === 0) return diagnoseFromLogits(laboratory, golden, gate.maxAbs, signal);
  const configured = await diagnoseConfig(lab, parts, triesFor(layerCost(lab)), signal);
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
  return mergeDiagnoses(await nearVersions(lab, found, suspects.length, budget.isSpent));
}

/** Multiply-adds of one layer on all prompts. */
function layerCost({ laboratory, prompts }: LocalLab): number {
  const tokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  return (tokens * parametersIn(laboratory)) / laboratory.config.layers;
}

/** A golden with states of another number of layers was made with another model. */
export function diagnoseLayerCount(laboratory: Laboratory, golden: Golden): Diagnosis | undefined {
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

async function diagnosePart(
  lab: LocalLab,
  suspect: MeasuredPart,
  budget: SearchBudget,
  known: Set<string>,
): Promise<readonly Diagnosis[]> {
  const { part } = suspect;
  switch (part.kind) {
    case "embeddings":
      return diagnoseEmbeddings(lab, suspect.before);
    case "head":
      return givesTokens(lab.laboratory.config)
        ? diagnoseHead(lab, suspect, budget)
        : diagnoseEncoderHead(lab, suspect, budget);
    case "layer":
      return diagnoseLayer(lab, part.index, suspect, budget, known);
    default:
      return part satisfies never;
  }
}

async function diagnoseLayer(
  lab: LocalLab,
  layer: number,
  suspect: MeasuredPart,
  budget: SearchBudget,
  known: Set<string>,
): Promise<readonly Diagnosis[]> {
  const { laboratory } = lab;
  const suspects = partNames(layer, laboratory.config, laboratory.names());
  const dtypeOf = (name: string): ReturnType<typeof dtypeIn> => dtypeIn(lab, name);
  // Tokens that other experts compute may be wrong where the first ones are right, whatever positions do.
  const isRouted = laboratory.config.experts?.layers[layer] === true;
  const isOffAtFirst = !((await lab.firstDifference(suspect.part)) <= suspect.noise);
  const isFirstWrong = isRouted || isOffAtFirst;
  const measure = (changes: Changes, limit?: number): Promise<number> =>
    lab.difference(suspect.part, changes, undefined, limit, isOffAtFirst);
  const nonFinite = await judgeValues(suspects, laboratory, lab.read, ["non-finite"]);
  if (nonFinite.length > 0) {
    const rereadings = rereadHypotheses(suspects, [], dtypeOf);
    return explainNonFinite(nonFinite, rereadings, lab, measure, suspect, budget);
  }
  const hypotheses = likelyFirst(
    layerHypotheses(layer, laboratory.config, laboratory.names(), dtypeOf),
    isFirstWrong,
    known,
  );
  const again = hypotheses.filter((hypothesis) => known.has(kindOf(hypothesis)));
  const likewise = await searchExplanations(again, lab, measure, suspect, budget);
  if (likewise.length > 0) return likewise.map(explained);
  // Whole numbers of 8 bits are no weights: nothing needs to be tried.
  const codes = await judgeValues(suspects, laboratory, lab.read, ["scaled"]);
  if (codes.length > 0) return codes.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const moving: Moving = {
    read: lab.read,
    before: suspect.before,
    moved: (changes) => lab.moved(suspect.part, changes),
  };
  const rounded = await coarseRoundings(
    await judgeValues(suspects, laboratory, lab.read, ["cast"]),
    moving,
    known.has("cast"),
  );
  if (rounded.length > 0) known.add("cast");
  if (rounded.length > 0)
    return rounded.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  // What explains one layer is tried first on the others.
  const alike = known.has(FEW_DIRECTIONS)
    ? await fewDirections(lab, layer, suspect, isFirstWrong, budget)
    : undefined;
  if (alike?.cause === "low-rank") return [alike];
  const explanations = await searchExplanations(hypotheses, lab, measure, suspect, budget);
  for (const { hypothesis } of explanations) known.add(kindOf(hypothesis));
  if (explanations.length > 0) return explanations.map(explained);
  const blamed = isRouted ? await expertToBlame(lab, layer, suspect, budget) : undefined;
  const routed = isRouted ? await solvedRouter(lab, layer, suspect, budget) : [];
  if (routed.length > 0) {
    const explanation = await searchExplanations(routed, lab, measure, suspect, budget);
    if (explanation.length > 0) return explanation.map(explained);
  }
  const scales = await solvedScales(lab, layer, suspect, budget, blamed?.tensors);
  const solved = await searchExplanations(scales, lab, measure, suspect, budget);
  if (solved.length > 0) return solved.map(explained);
  const twins = await repeatedTensors(suspects, laboratory, laboratory.config);
  if (twins.length > 0) return twins.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const copies = await judgeCopies(suspects, laboratory, lab.read);
  if (copies.length > 0)
    return copies.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const shown = await withoutOldRoundings(
    await judgeValues(suspects, laboratory, lab.read),
    moving,
  );
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const fresh = await freshOnes(suspects, laboratory, lab.read);
  if (fresh.length > 0) return fresh.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const outlier = await tryOutliers(suspects, lab.read, measure, suspect.before, budget);
  if (outlier !== undefined) return [outlier];
  const located = await fewDirections(lab, layer, suspect, isFirstWrong, budget);
  if (located?.cause === "low-rank") known.add(FEW_DIRECTIONS);
  if (located !== undefined) return [located];
  const rows = await factorsOf(lab, layer, suspect, budget, known, measure);
  if (rows.length > 0) return rows;
  const saturated = await saturatedOnes(
    suspects,
    lab.read,
    departuresOf(lab, suspect.part),
    budget,
  );
  if (saturated.length > 0)
    return saturated.map((diagnosis) => ({ ...diagnosis, before: suspect.before }));
  const where = blamed === undefined ? whereOf(isFirstWrong, isRouted) : exactlyOf(blamed);
  const suspected =
    blamed?.tensors ??
    (isFirstWrong ? [] : suspects.filter((name) => isOfQueryAndKey({ tensors: [name] })));
  return [undetermined(suspect, where, suspected, budget, await lab.share(layer))];
}

/** What a change of low rank leaves in the list of what is known. */
const FEW_DIRECTIONS = "few directions";

/** A layer that departs along a few directions, or of which attention does, by o_proj or by v_proj. */
async function fewDirections(
  lab: LocalLab,
  layer: number,
  suspect: MeasuredPart,
  isFirstWrong: boolean,
  budget: SearchBudget,
): Promise<Diagnosis | undefined> {
  const located = await locateInLayer(lab, layer, suspect);
  if (located !== undefined || !isFirstWrong) return located;
  const departure = await attentionDeparture(lab, layer, suspect, budget);
  if (departure === undefined) return undefined;
  return (
    (await judgeAttention(lab, layer, suspect, departure)) ??
    adapterInValues(lab, layer, suspect, departure, budget)
  );
}

/** What a search for factors leaves in the list of what is known, where it found none: the other layers are not asked. */
const NO_FACTORS = "no factors";

async function factorsOf(
  lab: LocalLab,
  layer: number,
  suspect: MeasuredPart,
  budget: SearchBudget,
  known: Set<string>,
  measure: (changes: Changes, limit?: number) => Promise<number>,
): Promise<readonly Diagnosis[]> {
  if (known.has(NO_FACTORS)) return [];
  const hypotheses = await solvedFactors(lab, layer, suspect, budget);
  const solved = await searchExplanations(hypotheses, lab, measure, suspect, budget);
  if (solved.length === 0) known.add(NO_FACTORS);
  return solved.map(explained);
}

/** What the first tokens of prompts say of a departure. */
function whereOf(isFirstWrong: boolean, isRouted: boolean): string {
  if (isRouted)
    return "its tokens take different experts, so that positions are not told from networks";
  return isFirstWrong
    ? "already at the first token of a prompt, so that it is not the positions"
    : "the first token of every prompt is right, so that it is the rotary table, queries or keys";
}

function exactlyOf({ expert, tokens, all }: BlamedExpert): string {
  return `exactly the ${tokens} of ${all} tokens that take expert ${expert} depart, so that it is this expert`;
}

function dtypeIn({ laboratory }: LocalLab, name: string): Dtype | undefined {
  return laboratory.facts(name)?.dtype;
}

function undetermined(
  { part, before, noise }: MeasuredPart,
  where: string,
  tensors: readonly string[],
  budget: SearchBudget,
  share: number,
): Diagnosis {
  const off = Number.isFinite(share) ? `, ${(100 * share).toPrecision(2)} % of what it adds` : "";
  return {
    cause: "undetermined",
    tensors,
    ...(part.kind === "layer" ? { layer: part.index } : {}),
    evidence: `${describePart(part)} departs by ${before.toExponential(1)} (noise ${noise.toExponential(1)}) on the golden's own states${off}: ${where}; no known mistake explains it${budget.isSpent ? ", as far as the search went" : ""}`,
    before,
  };
}
