import { WbError } from "../errors/wb-error.ts";
import type { Findings } from "./findings.ts";

/** Archives inside of archives that are followed; published files have at most two (a tar of a torch.save zip, gzipped). */
const MAX_DEPTH = 5;

/** Bytes that the streams of one file are inflated to, in all. */
const MAX_INFLATED_BYTES = 512 * 2 ** 20;

/** Bytes of one stream that is held in memory at a time. */
const MAX_STREAM_BYTES = 64 * 2 ** 20;

/** Members of the archives of one file, in all. */
const MAX_MEMBERS = 200_000;

/** What one file's examination may still take, shared by all its members. */
export class Budget {
  #inflated = MAX_INFLATED_BYTES;
  #members = MAX_MEMBERS;

  /** Bytes that the next stream may have; 0 where none may be inflated any more. */
  get streamBytes(): number {
    return Math.min(this.#inflated, MAX_STREAM_BYTES);
  }

  inflated(bytes: number): void {
    this.#inflated -= bytes;
  }

  members(count: number, label: string): void {
    this.#members -= count;
    if (this.#members < 0)
      throw new WbError("WB4004", `${label}: more than ${MAX_MEMBERS} members in all`, {
        details: { path: label },
      });
  }
}

/** Where an examination stands. */
export interface Examination {
  readonly findings: Findings;
  /** Name of the file, or of the member that is looked at, without folders: it tells texts of programs from others. */
  readonly name: string;
  /** Path inside of the file: empty, `data.pkl`, `model.ckpt/archive/data.pkl`, … */
  readonly member: string;
  readonly depth: number;
  readonly budget: Budget;
  readonly signal: AbortSignal | undefined;
  /** In a TorchScript archive names below `__torch__` are classes of its own code, no Python of this machine's. */
  readonly isScript: boolean;
}

/** The examination of a member of what is examined. @throws WbError WB4004 where archives are nested too deeply. */
export function inside(context: Examination, member: string): Examination {
  if (context.depth >= MAX_DEPTH) {
    const where = `${context.findings.file}: ${member}`;
    throw new WbError("WB4004", `${where} is nested in more than ${MAX_DEPTH} archives`, {
      details: { path: where },
    });
  }
  const name = member.slice(member.lastIndexOf("/") + 1);
  const path = context.member === "" ? member : `${context.member}/${member}`;
  return { ...context, name, member: path, depth: context.depth + 1 };
}
