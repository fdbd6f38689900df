import type { Family } from "../family.ts";

/**
 * Experts that are stored as one tensor of three axes, expert by expert. Statements name the slice of one expert: the stack's name
 * with `[{e}]` in it, as `mlp.experts.gate_up_proj[{e}]` or `ffn_gate_exps[{e}].weight`.
 */
const SLICE = /\[(\d{1,5})\]/;
const ANY_SLICE = "[{e}]";

/** An expert's slice of a stack. */
export interface Slice {
  readonly stack: string;
  readonly expert: number;
}

/** The stack that a name's slice is of; undefined for any other name. */
export function sliceOf(name: string): Slice | undefined {
  const expert = SLICE.exec(name)?.[1];
  return expert === undefined
    ? undefined
    : { stack: name.replace(SLICE, ""), expert: Number(expert) };
}

/** Stored names that a family's writers stack experts under, with `{i}` for the layer, each with the name of its slices. */
export function stackedNames({ names }: Pick<Family, "names">): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { statements } of Object.values(names)) {
    for (const { stored } of statements)
      if (stored.includes(ANY_SLICE)) found.set(stored.replace(ANY_SLICE, ""), stored);
  }
  return found;
}
