import type { ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
import type { Runtime } from "../session/open-runtime.ts";
import type { TokenCounts } from "./ask.ts";
import type { Item } from "./item.ts";
import type { Variant, Way } from "./tasks/task.ts";

/** What came of one task. */
export interface TaskResult {
  readonly name: string;
  readonly group: string | null;
  readonly kind: Way["kind"];
  readonly items: number;
  readonly correct: number;
  /** 100 · correct / items; null where answers would have to be run. */
  readonly score: number | null;
  /** Worked examples before each question. */
  readonly examples: number;
  /** Items that had no room for all of them. */
  readonly fewerExamples: number;
  /** Rows that were left out. */
  readonly skipped: readonly string[];
  /** Items of which a text had no room and was cut on the left. */
  readonly cut: number;
  readonly tokens: TokenCounts;
  readonly seconds: number;
}

/** The unweighted mean of a group's tasks. */
export interface GroupResult {
  readonly name: string;
  readonly tasks: number;
  /** Null where a task of it has none. */
  readonly score: number | null;
}

export interface EvaluateResult {
  readonly model: string;
  readonly variant: Variant;
  readonly tasks: readonly TaskResult[];
  readonly groups: readonly GroupResult[];
  readonly tokens: TokenCounts;
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  /** What matrices are multiplied by: the compute dtype, or int8. */
  readonly activations: Runtime["activations"];
  readonly residence: "resident" | "streamed";
  readonly maxLength: number;
  readonly seconds: number;
  readonly notes: readonly string[];
  /** In the order of tasks and rows. */
  readonly items: readonly Item[];
}

/** A task's items, and what they took. */
export interface Answered {
  /** In the order of rows. */
  readonly items: readonly Item[];
  readonly tokens: TokenCounts;
  readonly seconds: number;
}

/** What a run is, apart from its tasks. */
export type RunFacts = Pick<
  EvaluateResult,
  | "model"
  | "variant"
  | "device"
  | "backend"
  | "compute"
  | "activations"
  | "residence"
  | "maxLength"
  | "seconds"
>;
