import type { Changes, LocalLab, Part } from "./local-lab.ts";

/** What a part gives less what the golden has, all of it in one list, with changes to its tensors. */
export type Departing = (changes?: Changes) => Promise<Float64Array>;

export function departuresOf(lab: LocalLab, part: Part): Departing {
  return async (changes) => {
    const outputs = await lab.outputs(part, changes);
    return Float64Array.from(
      outputs.flatMap(({ ours, reference }) =>
        Array.from(ours, (value, index) => value - (reference[index] ?? Number.NaN)),
      ),
    );
  };
}

/** The sum of products of two lists of one length. */
export function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index] ?? 0) * (right[index] ?? 0);
  return sum;
}
