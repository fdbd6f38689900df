/** A word that a training tool puts into the names of a module that it wraps. */
interface WrapperSegment {
  readonly segment: string;
  readonly tool: string;
}

/**
 * Segments that are wherever a module is wrapped, and in no module's own names. torch.compile keeps the module in `_orig_mod`
 * (torch v2.6.0, torch/_dynamo/eval_frame.py), FSDP in `_fsdp_wrapped_module` (torch/distributed/fsdp/_common_utils.py) and
 * activation checkpointing in `_checkpoint_wrapped_module` (torch/distributed/algorithms/_checkpoint/checkpoint_wrapper.py).
 */
const ANYWHERE: readonly WrapperSegment[] = [
  { segment: "_orig_mod", tool: "torch.compile" },
  { segment: "_fsdp_wrapped_module", tool: "FSDP" },
  { segment: "_fpw_module", tool: "FSDP" },
  { segment: "_checkpoint_wrapped_module", tool: "activation checkpointing" },
];

/** Prefixes that are taken off where every name has them. */
const IN_FRONT_OF_ALL: readonly { readonly prefix: string; readonly tool: string }[] = [
  { prefix: "module.", tool: "DataParallel or DistributedDataParallel" },
  { prefix: "base_model.model.", tool: "PEFT" },
];

/** PEFT's word for the matrix that an adapter was put around. */
const BASE_LAYER = "base_layer";

/** LoRA's own matrices: peft/tuners/lora, `lora_A.default.weight`. */
const LORA = /(^|\.)lora_(A|B|embedding_A|embedding_B|magnitude_vector)(\.|$)/;

/** What is said of a model with its adapter inside. */
export const NOT_MERGED =
  "LoRA matrices stand beside their base layers, not merged: the base alone is taken with --drop '*lora_*', which leaves the adapter out";

export interface Unwrapped {
  /** The new name of each name, in their order. */
  readonly names: readonly string[];
  /** What was taken off, and why: a sentence each, without a subject. */
  readonly notes: readonly string[];
  /** Places of names that stand for what others took the place of, with the reason. */
  readonly superseded: ReadonlyMap<number, string>;
}

/** Takes the words of training tools off names; pure, and the same names where there are none. */
export function unwrapNames(stored: readonly string[]): Unwrapped {
  const notes: string[] = [];
  let names = stored;
  for (const { segment, tool } of ANYWHERE) {
    const next = names.map((name) => withoutSegment(name, segment));
    const count = next.filter((name, index) => name !== names[index]).length;
    if (count === 0) continue;
    notes.push(`${segment}. is taken off ${namesCount(count)} (${tool} put it there)`);
    names = next;
  }
  const hasLora = names.some((name) => LORA.test(name));
  for (const { prefix, tool } of IN_FRONT_OF_ALL) {
    // An adapter's own names are PEFT's, and loaders look for them.
    if (tool === "PEFT" && hasLora) continue;
    // Some programs wrap a model twice.
    while (isInFrontOfAll(prefix, names)) {
      notes.push(`${prefix} is taken off every name (${tool} put it there)`);
      names = names.map((name) => name.slice(prefix.length));
    }
  }
  if (hasLora && names.some((name) => name.split(".").includes(BASE_LAYER))) {
    notes.push(NOT_MERGED);
  } else if (!hasLora) {
    const next = names.map((name) => withoutSegment(name, BASE_LAYER));
    const count = next.filter((name, index) => name !== names[index]).length;
    if (count > 0)
      notes.push(`${BASE_LAYER}. is taken off ${namesCount(count)} (PEFT put it there)`);
    names = next;
  }
  const saved = hasLora ? undefined : savedCopies(names);
  if (saved !== undefined) {
    const others = saved.superseded.size === 0 ? "" : "; the originals are left out";
    notes.push(
      `modules_to_save. is taken off ${namesCount(saved.count)}, of which PEFT trained copies${others}`,
    );
  }
  return { names: saved?.names ?? names, notes, superseded: saved?.superseded ?? new Map() };
}

/** PEFT's copy of a module that is trained whole, and the original beside it (peft v0.21, utils/other.py, `ModulesToSaveWrapper`). */
const SAVED = /^(?<module>.*\.|)modules_to_save\.(?<adapter>[^.]+)\.(?<key>.+)$/;
const ORIGINAL = /^(?<module>.*\.|)original_module\.(?<key>.+)$/;

/** Trained copies under their modules' own names; undefined where there are none, or where several adapters have some. */
function savedCopies(names: readonly string[]):
  | {
      readonly names: readonly string[];
      readonly count: number;
      readonly superseded: ReadonlyMap<number, string>;
    }
  | undefined {
  const adapters = new Set<string>();
  const copies = new Set<string>();
  const next = names.map((name) => {
    const groups = SAVED.exec(name)?.groups;
    if (groups === undefined) return name;
    const { module = "", adapter = "", key = "" } = groups;
    adapters.add(adapter);
    copies.add(`${module}${key}`);
    return `${module}${key}`;
  });
  if (adapters.size !== 1) return undefined;
  const superseded = new Map<number, string>();
  for (const [index, name] of names.entries()) {
    const { module = "", key = "" } = ORIGINAL.exec(name)?.groups ?? {};
    if (key !== "" && copies.has(`${module}${key}`))
      superseded.set(index, "the original of a module of which PEFT trained a copy");
  }
  return { names: next, count: copies.size, superseded };
}

function isInFrontOfAll(prefix: string, names: readonly string[]): boolean {
  return (
    names.length > 0 &&
    names.every((name) => name.length > prefix.length && name.startsWith(prefix))
  );
}

function withoutSegment(name: string, segment: string): string {
  if (!name.includes(segment)) return name;
  const rest = name.split(".").filter((part) => part !== segment);
  return rest.length === 0 ? name : rest.join(".");
}

function namesCount(count: number): string {
  return count === 1 ? "1 name" : `${count} names`;
}
