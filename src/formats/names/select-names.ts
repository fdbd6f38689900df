import { WbError } from "../../errors/wb-error.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { leftOutBy, parseNameRules, ruled, type NameOptions, type NameRule } from "./name-rules.ts";
import { unwrapNames, type Unwrapped } from "./wrapper-segments.ts";

export interface SelectedNames {
  readonly checkpoint: Checkpoint;
  /** What was done to names without being asked for; one sentence each. */
  readonly notes: readonly string[];
  /** Options that fitted no name. */
  readonly unmatched: readonly string[];
}

/**
 * A checkpoint under the names that are meant: the words of training tools are taken off, then the user's rules are applied. Tensors
 * keep what they were called in the file (`storedName`); what a rule leaves out is among `skipped`.
 * @param asStored Leaves the words of tools where they are.
 * @throws WbError WB2711 for a malformed rule, WB2712 where two tensors would get one name, or one an empty name.
 */
export function selectNames(
  checkpoint: Checkpoint,
  options: NameOptions,
  asStored = false,
): SelectedNames {
  const rules = parseNameRules(options);
  const unwrap = (stored: readonly StoredTensor[]): Unwrapped => {
    const names = stored.map(({ name }) => name);
    return asStored ? { names, notes: [], superseded: new Map() } : unwrapNames(names);
  };
  const skipped = [...checkpoint.skipped];
  // A reader has left out already what it could not have read.
  const reasons = new Set(skipped.map(({ why }) => why));
  const tensors: StoredTensor[] = [];
  const matched = new Set<NameRule>();
  const whole = unwrap(checkpoint.tensors);
  const isLeft = (tensor: StoredTensor, index: number): boolean =>
    typeof ruled(whole.names[index] ?? tensor.name, rules, matched) === "string";
  // Words that stand in the way of what is left out, as PEFT's base_layer beside LoRA matrices, are taken off without it.
  const unwrapped = unwrap(checkpoint.tensors.filter(isLeft));
  let place = 0;
  for (const [index, tensor] of checkpoint.tensors.entries()) {
    const at = isLeft(tensor, index) ? place++ : undefined;
    const own = at === undefined ? whole.names[index] : unwrapped.names[at];
    const name = ruled(own ?? tensor.name, rules, matched);
    const why = at === undefined ? undefined : unwrapped.superseded.get(at);
    if (why !== undefined) skipped.push({ name: tensor.name, why });
    else if (typeof name === "string") tensors.push(renamed(tensor, name));
    else skipped.push({ name: tensor.name, why: leftOutBy(name.option) });
  }
  refuseClashes(tensors, checkpoint.path);
  return {
    checkpoint: { ...checkpoint, tensors, skipped },
    notes: unwrapped.notes.map((note) => `${checkpoint.path}: ${note}`),
    unmatched: rules
      .filter((rule) => !matched.has(rule) && !reasons.has(leftOutBy(rule.option)))
      .map(({ option }) => option),
  };
}

function renamed(tensor: StoredTensor, name: string): StoredTensor {
  if (name === tensor.name) return tensor;
  return { ...tensor, name, storedName: tensor.storedName ?? tensor.name };
}

function refuseClashes(tensors: readonly StoredTensor[], path: string): void {
  const known = new Map<string, StoredTensor>();
  for (const tensor of tensors) {
    const place = tensor.rank === undefined ? "" : `${tensor.rank.tp},${tensor.rank.pp}`;
    const key = `${place}:${tensor.name}`;
    const other = known.get(key);
    known.set(key, tensor);
    const isRenamed = tensor.storedName !== undefined || other?.storedName !== undefined;
    if (other === undefined || !isRenamed) continue;
    const both = [other, tensor].map((one) => JSON.stringify(one.storedName ?? one.name));
    throw new WbError(
      "WB2712",
      `${path}: ${both.join(" and ")} would both be called ${JSON.stringify(tensor.name)}`,
      { details: { path, tensor: tensor.name } },
    );
  }
}

/** @throws WbError WB2711 for options that fitted nothing, in none of the checkpoints that they were for. */
export function refuseUnmatched(unmatched: readonly string[], path: string): void {
  const [first] = unmatched;
  if (first === undefined) return;
  throw new WbError("WB2711", `${path}: ${first} fits no tensor's name`, {
    hint: "`weighbridge inspect` lists the names. A pattern is for the whole name: * stands for any characters.",
    details: { path, option: first },
  });
}
