import type { Cause } from "../diagnose/diagnosis.ts";
import type { Statement } from "./claim.ts";

/** How a tensor comes from another, as an exact statement. */
export interface Relation {
  readonly cause: Cause;
  /** What is the matter, in words; true of every element. */
  readonly text: string;
  /** The same as data, which the reader of both sides can compute again. */
  readonly claim: Statement;
  /** The same as an expression, with what undoes it where something does. */
  readonly relation: string;
  /** True where it changes nothing that a model computes. */
  readonly isHarmless: boolean;
}
