import type { OutputPlan } from "./output-tensor.ts";
import type { Outputs } from "./outputs.ts";
import type { ConvertSettings } from "./settings.ts";
import type { PublishedSource } from "./write/published.ts";
import type { TensorOutcome } from "./write/tensor.ts";

/** A small file that goes beside the weights. */
export interface SideFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** Digests and losses of what was written, by the tensor's name. */
export type Outcomes = ReadonlyMap<string, TensorOutcome>;

/** A conversion that is planned down to the last byte of each file. */
export interface Job {
  readonly settings: ConvertSettings;
  readonly outputs: Outputs;
  readonly target: string;
  /** Files that are read; the target may not be among them or beside them. */
  readonly sources: readonly string[];
  /** Read when they are to be written. */
  sideFiles(): Promise<readonly SideFile[]>;
  /** The manifest's text, from the digests of what was written and those of what was read. */
  manifest(outcomes: Outcomes, sources?: readonly PublishedSource[]): string;
}

/** What was written, or would be. */
export interface Done {
  readonly outputs: Outputs;
  /** Undefined where nothing was written. */
  readonly outcomes: Outcomes | undefined;
}

/** Adds up bytes for what shows progress. */
export function progressOf(
  files: readonly OutputPlan[],
  onProgress: ConvertSettings["onProgress"],
): (phase: "convert" | "verify") => (count: number, item: string) => void {
  const lengths = files.flatMap(({ segments }) =>
    segments.map((segment) => (segment.kind === "tensor" ? segment.tensor.byteLength : 0)),
  );
  const total = lengths.reduce((sum, length) => sum + length, 0);
  return (phase) => {
    let done = 0;
    return (count, item) => {
      done += count;
      onProgress(phase, done, total, item);
    };
  };
}
