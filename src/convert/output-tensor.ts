import type { FilePlan, PlannedTensor } from "../formats/file-plan.ts";
import type { WriteStep } from "../mapping/step.ts";

/** A tensor of an output file, and the step of the plan that makes it. */
export interface OutputTensor extends PlannedTensor {
  readonly step: WriteStep;
  /** CRC-32 that the source's archive names for exactly these bytes, before any cast. */
  readonly sourceCrc32?: number | undefined;
}

/** One output file, whole, before a byte of it is written. */
export type OutputPlan = FilePlan<OutputTensor>;
