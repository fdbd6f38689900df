import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";

/** Part `index` of `of`, counted from 1. */
export interface Part {
  readonly index: number;
  readonly of: number;
}

/**
 * The files of one part, in the model's order. Files go, largest first, to the part that has the fewest bytes (Graham 1969,
 * "Bounds on multiprocessing timing anomalies": at most 4/3 of the best balance); the first of equals. The same for everyone who
 * asks, so that parts need not speak to each other.
 */
export function filesOfPart(files: readonly OutputPlan[], part: Part): readonly OutputPlan[] {
  const loads = Array.from({ length: Math.min(part.of, files.length) }, () => 0);
  const partOf = new Map<OutputPlan, number>();
  for (const file of files.toSorted((left, right) => fileBytes(right) - fileBytes(left))) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least] = (loads[least] ?? 0) + fileBytes(file);
    partOf.set(file, least);
  }
  return files.filter((file) => partOf.get(file) === part.index - 1);
}
