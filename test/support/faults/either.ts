import type { Diagnosis } from "../../../src/verify/diagnose/diagnosis.ts";
import type { EditableModel } from "../editable-model.ts";
import type { Sides } from "./claims.ts";

/** What is said where a factor of either of two matrices has the same effect; it claims neither. */
const EITHER =
  /every value of (\S+) or of (\S+) is ([\d.]+) times the right one, of one of the two/u;

/** Digits that a factor is told with. */
const PRECISION = 1e-3;

export function isOfEither({ evidence }: Diagnosis): boolean {
  return EITHER.test(evidence);
}

/** Layers in which neither of the two is what is said, by the tensors that are named. */
export function wrongOfEither(
  { evidence, tensors }: Diagnosis,
  { ours, reference }: Sides,
): readonly string[] {
  const [, first = "", second = "", factor = "1"] = EITHER.exec(evidence) ?? [];
  const layers = new Map<string, string[]>();
  for (const name of tensors) {
    const layer = /^.*?\.\d+\./u.exec(name)?.[0] ?? "";
    layers.set(layer, [...(layers.get(layer) ?? []), name]);
  }
  return [...layers]
    .filter(
      ([, names]) =>
        ![first, second].some((module) => {
          const own = names.filter((name) => name.includes(`.${module}.`));
          return (
            own.length > 0 && own.every((name) => isScaled(name, Number(factor), ours, reference))
          );
        }),
    )
    .map(([layer]) => `either of ${layer}`);
}

function isScaled(
  name: string,
  factor: number,
  ours: EditableModel,
  reference: EditableModel,
): boolean {
  const right = reference.get(name).data;
  return ours.get(name).data.every((value, index) => {
    const made = factor * (right[index] ?? Number.NaN);
    return Math.abs(value - made) <= PRECISION * Math.abs(made);
  });
}
