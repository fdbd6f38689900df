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
