import type { GraphSessions } from "./graph/session.ts";
import type { Ops } from "./ops.ts";
import type { Steps } from "./steps/steps.ts";

/** What opening a device gives. */
export interface Backend {
  /** Primitive operations, memory, and the way in and out of the device. */
  readonly ops: Ops;
  /** What a model's equations call. */
  readonly steps: Steps;
  /** Whether a row of a batch has the bits that it has alone. */
  readonly keepsRows?: boolean | undefined;
  /** Where the whole model can run as one graph; undefined where the backend has no such thing, or is faster without. */
  readonly graphs?: GraphSessions | undefined;
}
