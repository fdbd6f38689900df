import { isRecord } from "./is-record.ts";
import { runPython } from "./python.ts";

/** What became of one file in one of the original libraries. */
export interface ForeignReading {
  readonly outcome: "read" | "refused" | "crashed" | "hung";
  readonly detail: string;
  /** True when the payload of the file ran. */
  readonly ran: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly seconds: number;
  /** Above the idle process. */
  readonly mebibytes: number;
}

export interface ForeignTask {
  readonly path: string;
  readonly reader: "torch" | "torch-mmap" | "paddle" | "safetensors" | "transformers";
}

/** Reads files with the original libraries, each in a process of its own. */
export function readElsewhere(tasks: readonly ForeignTask[]): readonly ForeignReading[] {
  const results = runPython("read_hostile.py", tasks);
  if (!Array.isArray(results)) throw new Error("read_hostile.py gave no list");
  return results.map(toReading);
}

function toReading(value: unknown): ForeignReading {
  if (!isRecord(value)) throw new Error("read_hostile.py gave no record");
  const { outcome, detail, facts, ran, seconds, mebibytes } = value;
  const isKnown =
    outcome === "read" || outcome === "refused" || outcome === "crashed" || outcome === "hung";
  if (!isKnown || !isRecord(facts)) throw new Error(`read_hostile.py: ${JSON.stringify(value)}`);
  return {
    outcome,
    facts,
    detail: String(detail),
    ran: ran === true,
    seconds: Number(seconds),
    mebibytes: Number(mebibytes),
  };
}
