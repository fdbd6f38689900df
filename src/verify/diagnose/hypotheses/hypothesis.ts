import type { HostTensor } from "../../compare/model-runner.ts";
import type { Statement } from "../../relate/claim.ts";
import type { Cause } from "../diagnosis.ts";
import { stacked } from "./tensor-edits.ts";

/** Parameters read so far, by name. */
export type Read = (name: string) => Promise<HostTensor>;

/**
 * The 16 bits of each stored element; undefined for other widths, and for parameters that something else was undone in. Values
 * do not tell them: a NaN keeps no payload on its way through a float.
 */
export type ReadBits = (name: string) => Promise<Uint16Array | undefined>;

/** A mistake that may have been made, and how the parameters would be without it. */
export interface Hypothesis {
  readonly cause: Cause;
  /** The tensors to blame. */
  readonly tensors: readonly string[];
  /** Tensors that may be to blame in their place: either would have the same effect, and no golden tells them apart. */
  readonly either?: readonly string[];
  /** What was done to them, for the evidence. */
  readonly mistake: string;
  /** What holds of each tensor and its right values, where putting it right gives them within rounding alone. */
  readonly statement?: Statement;
  /** The parameters put right; undefined where their values show that it was not made. */
  undo(read: Read, readBits: ReadBits): Promise<ReadonlyMap<string, HostTensor> | undefined>;
}

/** Some tensors, each changed in the same way. */
export async function edited(
  names: readonly string[],
  read: Read,
  edit: (tensor: HostTensor, name: string) => HostTensor,
): Promise<ReadonlyMap<string, HostTensor>> {
  const changes = new Map<string, HostTensor>();
  for (const name of names) changes.set(name, edit(await read(name), name));
  return changes;
}

/** Tensors one above the other, changed as one, and cut again as they were. */
export async function editedTogether(
  names: readonly string[],
  read: Read,
  edit: (fused: HostTensor) => HostTensor,
): Promise<ReadonlyMap<string, HostTensor>> {
  const parts = await Promise.all(names.map(read));
  const { data } = edit(stacked(parts));
  const changes = new Map<string, HostTensor>();
  let begin = 0;
  for (const [index, name] of names.entries()) {
    const part = parts[index];
    if (part === undefined) continue;
    const end = begin + part.data.length;
    changes.set(name, { shape: part.shape, data: data.slice(begin, end) });
    begin = end;
  }
  return changes;
}

/** Tensors of which each pair was exchanged. */
export function swapOf(pairs: readonly (readonly [string, string])[]): Hypothesis {
  return {
    cause: "swapped",
    tensors: pairs.flat(),
    mistake: "stored under each other's name",
    undo: async (read) => {
      const changes = new Map<string, HostTensor>();
      for (const [left, right] of pairs) {
        changes.set(left, await read(right));
        changes.set(right, await read(left));
      }
      return changes;
    },
  };
}
