import type { ModelConfig } from "../../../model/config/model-config.ts";
import { largest } from "../../compare/run-model.ts";
import { searchConfig, settingsText, type MeasureConfig } from "./config-search.ts";
import { fall, type Diagnosis } from "../diagnosis.ts";
import type { LocalLab, Part } from "./local-lab.ts";
import { SearchBudget } from "./search.ts";
import { staleTable } from "./stale-table.ts";
import type { MeasuredPart } from "./suspects.ts";
import { windowSetting } from "./window-setting.ts";

/**
 * Settings that explain every layer that departs: a setting is wrong in all of them, though some may be too loud for it to show.
 * Each layer is held against its own noise, since states grow through a model a thousandfold.
 * @param parts All parts of the model, measured.
 */
export async function diagnoseConfig(
  lab: LocalLab,
  parts: readonly MeasuredPart[],
  tries: number,
  signal: AbortSignal | undefined,
): Promise<Diagnosis | undefined> {
  const layers = parts.filter(({ part, departs }) => departs && part.kind === "layer");
  if (layers.length === 0) return undefined;
  const { config } = lab.laboratory;
  const worst = async (
    limit: number,
    of: (part: Part, noise: number) => Promise<number>,
  ): Promise<number> => {
    let most = 0;
    for (const { part, noise } of layers) {
      most = largest([most, (await of(part, noise)) / noise]);
      if (!(most <= limit)) break;
    }
    return most;
  };
  const measure: MeasureConfig = {
    all: (changed, limit) =>
      worst(limit, (part, noise) => lab.difference(part, undefined, changed, limit * noise)),
    first: (changed, limit) => worst(limit, (part) => lab.firstDifference(part, changed)),
  };
  const before = largest(layers.map((layer) => layer.before));
  const stale = await staleTable(
    config,
    lab.prompts,
    async (configs) => {
      let most = 0;
      for (const { part } of layers) most = largest([most, await lab.differences(part, configs)]);
      return most;
    },
    { before, noise: largest(layers.map((layer) => layer.noise)) },
  );
  if (stale !== undefined) return stale;
  const window = await windowSetting(lab, layers, signal);
  if (window !== undefined && (await isRightEverywhere(lab, parts, window.config))) {
    const after = await differenceWith(lab, layers, window.config);
    return {
      cause: "config-mismatch",
      tensors: [],
      evidence: `${window.text} ${fall(before, after)} in ${departingText(layers.length)}`,
      before,
      after,
    };
  }
  // Rotary settings are wrong in all layers: no one of them departs alone.
  const isOfOne = layers.length === 1 && config.layers > 1;
  if (isOfOne && ((await measure.first(config, 1)) ?? 0) <= 1) return undefined;
  const found = await searchConfig(config, measure, 1, new SearchBudget(tries, signal));
  if (found === undefined || !(await isRightEverywhere(lab, parts, found.config))) return undefined;
  const departing = departingText(layers.length);
  const after = await differenceWith(lab, layers, found.config);
  return {
    cause: "config-mismatch",
    tensors: [],
    evidence: `${settingsText(found)} ${fall(before, after)} in ${departing}`,
    before,
    after,
  };
}

function departingText(count: number): string {
  return count === 1 ? "the layer that departs" : `all ${count} layers that depart`;
}

async function differenceWith(
  lab: LocalLab,
  layers: readonly MeasuredPart[],
  config: ModelConfig,
): Promise<number> {
  let most = 0;
  for (const { part } of layers) {
    lab.forget();
    most = largest([most, await lab.difference(part, undefined, config)]);
  }
  return most;
}

/** A setting that puts some parts right must not put others wrong. */
async function isRightEverywhere(
  lab: LocalLab,
  parts: readonly MeasuredPart[],
  config: ModelConfig,
): Promise<boolean> {
  for (const { part, before, noise, departs } of parts) {
    if (departs || part.kind !== "layer") continue;
    lab.forget();
    const after = await lab.difference(part, undefined, config);
    if (!(after <= Math.max(2 * before, noise))) return false;
  }
  return true;
}
