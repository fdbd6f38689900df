import { stateRole } from "../formats/pytorch/state-roles.ts";
import { leftOut } from "../tensor/left-out.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { familyOf } from "../model/families.ts";
import { groupSources } from "./source-groups.ts";

/** Keys of a program's own around the model: Lightning's `model.`, a trainer's `policy.model.`. */
const MAX_PREFIX_KEYS = 3;

/**
 * What reinforcement learning puts beside a language model: trl's `v_head.summary.weight` (trl v0.12, trl/models/modeling_value_head.py)
 * and others' `value_head`.
 */
const VALUE_HEADS: readonly string[] = ["v_head.", "value_head."];

export interface FittedNames {
  readonly checkpoint: Checkpoint;
  /** One sentence each; none where the names were the family's already. */
  readonly notes: readonly string[];
}

/**
 * A checkpoint under names that the configuration's family knows: a prefix in front of the model's names is taken off, and a value
 * head and moving averages beside the model are left out and named. Names that stay unknown are the planner's business.
 */
export function fitNames(checkpoint: Checkpoint, config: ModelConfig): FittedNames {
  const { model, averages } = withoutAverages(checkpoint);
  const fitted = fitPrefix(model, config);
  if (averages.length === 0) return fitted;
  const [first = ""] = averages;
  const beginning = `${firstKey(first)}.`;
  const note = leftOut(
    `${checkpoint.path}: a moving average of the weights stands beside the model: ${averages.length} names that begin with ${beginning}; --strip-prefix ${beginning} with --drop for the others takes it instead`,
  );
  return { ...fitted, notes: [note, ...fitted.notes] };
}

/** Takes out tensors below a key such as `model_ema`, where the same weights stand below another key or none. */
function withoutAverages(checkpoint: Checkpoint): {
  readonly model: Checkpoint;
  readonly averages: readonly string[];
} {
  const averages = checkpoint.tensors.filter(isAverage);
  const rest = checkpoint.tensors.filter((tensor) => !isAverage(tensor));
  // What is there once is the model, whatever its key is called; averages have numbers of their own (LitEma's decay and num_updates).
  const weights = averages.filter(({ shape }) => shape.length > 0);
  if (averages.length === 0 || rest.length < weights.length)
    return { model: checkpoint, averages: [] };
  const why = "a moving average of the weights, beside the model";
  const skipped = averages.map(({ name, storedName }) => ({ name: storedName ?? name, why }));
  return {
    model: { ...checkpoint, tensors: rest, skipped: [...checkpoint.skipped, ...skipped] },
    averages: averages.map(({ name }) => name),
  };
}

function isAverage({ name }: StoredTensor): boolean {
  return name.includes(".") && stateRole(firstKey(name)) === "average";
}

function firstKey(name: string): string {
  return name.slice(0, name.indexOf("."));
}

function fitPrefix(checkpoint: Checkpoint, config: ModelConfig): FittedNames {
  const { tensors, path } = checkpoint;
  if (tensors.some(({ rank }) => rank !== undefined)) return { checkpoint, notes: [] };
  const family = familyOf(config.family);
  const unknownIn = (candidates: readonly StoredTensor[]): readonly StoredTensor[] =>
    groupSources(candidates, family, path).unknown;
  const notes: string[] = [];
  let fitted = tensors;
  let unknown = unknownIn(tensors);
  for (const prefix of prefixesOf(unknown)) {
    const next = tensors.map((tensor) => withoutPrefix(tensor, prefix));
    const left = unknownIn(next);
    if (left.length >= unknown.length || hasTwins(next)) continue;
    const count = next.filter((tensor, index) => tensor !== tensors[index]).length;
    notes.length = 0;
    notes.push(
      `${path}: ${prefix} is taken off ${count} of ${tensors.length} names, which ${config.architecture} has without it`,
    );
    fitted = next;
    unknown = left;
  }
  const heads = new Set(
    unknown.filter(({ name }) => VALUE_HEADS.some((head) => name.startsWith(head))),
  );
  if (heads.size > 0) {
    notes.push(
      `${path}: the value head is left out: ${[...heads].map(({ name }) => name).join(", ")}`,
    );
  }
  if (notes.length === 0) return { checkpoint, notes };
  const why = "a value head of reinforcement learning, no part of the model";
  const skipped = [...heads].map(({ name, storedName }) => ({ name: storedName ?? name, why }));
  return {
    checkpoint: {
      ...checkpoint,
      tensors: fitted.filter((tensor) => !heads.has(tensor)),
      skipped: [...checkpoint.skipped, ...skipped],
    },
    notes,
  };
}

/** Beginnings of unknown names, the shortest first. */
function prefixesOf(unknown: readonly StoredTensor[]): readonly string[] {
  const prefixes = new Set<string>();
  for (const { name } of unknown) {
    const keys = name.split(".");
    for (let count = 1; count <= Math.min(MAX_PREFIX_KEYS, keys.length - 1); count++)
      prefixes.add(`${keys.slice(0, count).join(".")}.`);
  }
  return [...prefixes]
    .filter(
      (prefix) => unknown.filter(({ name }) => name.startsWith(prefix)).length * 2 > unknown.length,
    )
    .toSorted((left, right) => left.length - right.length);
}

function withoutPrefix(tensor: StoredTensor, prefix: string): StoredTensor {
  const { name } = tensor;
  if (!name.startsWith(prefix) || name.length === prefix.length) return tensor;
  return { ...tensor, name: name.slice(prefix.length), storedName: tensor.storedName ?? name };
}

function hasTwins(tensors: readonly StoredTensor[]): boolean {
  return new Set(tensors.map(({ name }) => name)).size < tensors.length;
}
