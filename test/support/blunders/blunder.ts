import type { Cause } from "../../../src/verify/diagnose/diagnosis.ts";
import type { EditableModel } from "../editable-model.ts";

/**
 * The models that mistakes are made in: InternLM's own oracle, and others with goldens by transformers, among them LLaMA with grouped
 * heads, Llama 3's rotary and a tied table ("tied").
 */
export const SUBJECTS = [
  "nano",
  "biased",
  "grouped",
  "tied",
  "baichuan",
  "chatglm2",
  "glm4",
  "experts",
  "gelu",
  "opt",
  "gpt2",
  "gemma2",
  "gemma3",
] as const;

export type Subject = (typeof SUBJECTS)[number];

/** One mistake in a model. */
export interface Blunder {
  readonly name: string;
  readonly in: readonly Subject[];
  readonly cause: Cause;
  /** Other names that are as right: where two mistakes give the same file, or only part of it can be told. */
  readonly or?: readonly Cause[];
  /** A golden does not tell it from other changes: there it is undetermined, and nothing else is blamed for it. */
  readonly isOpen?: boolean;
  /** It must get its right name, in whatever way it is looked for. */
  readonly isSure?: boolean;
  /** Makes it; gives the tensors that are to blame, none where it is the configuration. */
  make(model: EditableModel): readonly string[];
}

export const EVERYWHERE: readonly Subject[] = ["nano", "biased", "grouped"];
/** Heads of keys as many as of queries, and biases. */
export const FULL: readonly Subject[] = ["nano", "biased"];

/** Fields of config.json that are not those of the weights. */
export function setting(
  name: string,
  subjects: readonly Subject[],
  fields: Readonly<Record<string, unknown>>,
): Blunder {
  return {
    name: `config-mismatch: ${name}`,
    in: subjects,
    cause: "config-mismatch",
    make: (model) => {
      Object.assign(model.config, fields);
      return [];
    },
  };
}
