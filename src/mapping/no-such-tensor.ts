import type { Axis } from "../model/axes.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { Parameter } from "../model/parameter.ts";
import type { Place } from "../model/tensors.ts";
import { renderShape } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";

/** Where a stored tensor stands by its name, and what it would be there. */
export interface StatementPlace extends Place {
  readonly of: readonly Parameter[];
}

/** Says that a stored tensor is none of the model's, and which one its name stands for. */
export function superfluous(name: string, target: string, parts: readonly StoredTensor[]): string {
  if (name !== target) return `${name} would be ${target}, which the model has not`;
  return `${name} ${renderShape(parts[0]?.shape ?? [])} is not a tensor of the model`;
}

/** What of config.json says so; nothing where its place alone does not tell. */
export function whyNot({ layer, expert, of }: StatementPlace, config: ModelConfig): string {
  const { layers, experts } = config;
  if (layer >= layers) return `: config.json has ${layers} layers`;
  if (experts === undefined || layer < 0) return "";
  if (expert >= experts.count) return `: config.json has ${experts.count} experts`;
  const runsOver = (axis: Axis): boolean => of.some(({ axes }) => axes.includes(axis));
  const isShared = runsOver("sharedFfn") || of.some(({ role }) => role === "sharedGate");
  const isOfExperts = isShared || runsOver("experts") || runsOver("expertFfn");
  if (experts.layers[layer] === true) {
    if (runsOver("ffn")) return `: by config.json layer ${layer} has experts`;
    return isShared ? ": by config.json experts have none beside them that all tokens take" : "";
  }
  return isOfExperts ? `: by config.json layer ${layer} has no experts` : "";
}
