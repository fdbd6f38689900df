import { modelFiles } from "../formats/gguf/model-files.ts";
import { WbError } from "../errors/wb-error.ts";
import { planDelta, type DeltaPlan } from "../mapping/delta-plan.ts";
import { isLowRankFactor } from "../model/adapter-names.ts";
import type { RecipeChoice } from "../mapping/delta-recipe.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { PlanOptions } from "../mapping/plan.ts";
import {
  openModel,
  type FoundConfig,
  type OpenedModel,
  type OpenModelOptions,
} from "./open-model.ts";

/** Where the delta is, and how it is added. */
export interface DeltaChoice extends RecipeChoice {
  readonly path: string;
}

/** A base and the delta that belongs to it, planned. */
export interface OpenedDelta {
  readonly delta: OpenedModel;
  readonly plan: DeltaPlan;
  /** What describes the sum: config.json of the delta, else of the base. */
  readonly found: FoundConfig;
  /** Where the sum's tokenizer comes from. */
  readonly tokenizerFolder: string;
  readonly notes: readonly string[];
}

/**
 * Opens a delta beside its base and plans their sum. The published scripts save the delta's tokenizer, and the config.json of
 * either; the delta's is the one that knows the sum's vocabulary.
 * @throws WbError of the readers and of `planDelta`; WB2702 without a known architecture.
 */
export async function openDelta(
  base: OpenedModel,
  options: DeltaChoice,
  planOptions: PlanOptions,
  openOptions: OpenModelOptions,
): Promise<OpenedDelta> {
  const delta = await openModel(options.path, openOptions);
  try {
    refuseAdapter(delta, options.path);
    const found = delta.config === undefined ? base : delta;
    const [left, right] = [base.config ?? delta.config, found.config];
    if (left === undefined || right === undefined) {
      throw new WbError(
        "WB2702",
        `${base.folder}, ${delta.folder}: a delta is only added to a model of a known architecture, and neither folder has a config.json`,
        { details: { path: base.folder } },
      );
    }
    const plan = planDelta(
      { checkpoint: base.checkpoint, config: left },
      { checkpoint: delta.checkpoint, config: right },
      planOptions,
      options,
    );
    const tokenizerFolder = (await hasTokenizer(delta.folder)) ? delta.folder : base.folder;
    const { name, why, dtype } = plan.recipe;
    const notes = [
      ...delta.notes,
      `base + delta as ${name}'s script adds them, in ${dtype} (${why})`,
      `config.json is that of ${found.folder}, the tokenizer that of ${tokenizerFolder}`,
      ...differences(left, right),
    ];
    return { delta, plan, found, tokenizerFolder, notes };
  } catch (error) {
    await delta.checkpoint.close();
    throw error;
  }
}

/** Factors of low rank have other names and shapes than the weights that they change. @throws WbError WB2709. */
function refuseAdapter({ checkpoint }: OpenedModel, path: string): void {
  const factor = checkpoint.tensors.find(({ name }) => isLowRankFactor(name));
  if (factor === undefined) return;
  const shape = factor.shape.join(", ");
  throw new WbError(
    "WB2709",
    `${path}: is a LoRA adapter, no delta: ${factor.name} [${shape}] is a factor of a change, not weights to add`,
    { details: { path, tensor: factor.name } },
  );
}

async function hasTokenizer(folder: string): Promise<boolean> {
  const files = await modelFiles(folder);
  return (await files.names()).some((name) => /^tokenizer\.(model|json)$/.test(name));
}

/** Settings that change what the same weights compute. */
const TELLING = ["rmsNormEps", "maxPositions", "rope", "bosTokenId", "eosTokenIds"] as const;

/** A setting as notes spell it. */
function said(value: unknown): string {
  return JSON.stringify(value) ?? "none";
}

function differences(base: ModelConfig, delta: ModelConfig): readonly string[] {
  return TELLING.filter((field) => said(base[field]) !== said(delta[field])).map(
    (field) =>
      `config.json of the base says ${field} ${said(base[field])}, that of the delta ${said(delta[field])}: the delta's is taken`,
  );
}
