import type { OutputPlan } from "./output-tensor.ts";
import type { FileSystem } from "./staging/file-system.ts";
import type { TensorOutcome } from "./write/file.ts";

/** A small file that goes beside the weights. */
export interface SideFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface RunOptions {
  readonly target: string;
  /** Files that are read; the target may not be among them or beside them. */
  readonly sources: readonly string[];
  readonly sideFiles: readonly SideFile[];
  /** The manifest's text, from the digests of what was written. */
  readonly manifest: (outcomes: ReadonlyMap<string, TensorOutcome>) => string;
  readonly verify: boolean;
  readonly force: boolean;
  readonly resume: boolean;
  readonly fileSystem: FileSystem;
  readonly signal?: AbortSignal | undefined;
  /** Bytes written so far, then bytes read back. */
  readonly onProgress: (
    phase: "convert" | "verify",
    done: number,
    total: number,
    item: string,
  ) => void;
}

/** Adds up bytes for the display of progress. */
export function progressOf(
  files: readonly OutputPlan[],
  onProgress: RunOptions["onProgress"],
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
