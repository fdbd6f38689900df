import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { localPlace, remoteVersion } from "../../sources/places.ts";
import { isRemote } from "../../sources/remote/place.ts";
import { computationOf } from "../../mapping/computed/source.ts";
import type { WriteStep } from "../../mapping/step.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { readText, type FileSystem } from "./file-system.ts";
import type { SummedDigests } from "../values/sum-tensor.ts";

/** The journal's name in the staging folder. */
const JOURNAL = "journal.jsonl";

/** What the journal knows of a tensor that was written whole. */
export interface JournalTensor {
  readonly file: string;
  readonly tensor: string;
  readonly sha256: string;
  readonly overflow: number;
  readonly underflow: number;
  /** Of what was added up to it. */
  readonly summed?: SummedDigests;
}

export interface Journal {
  readonly planDigest: string;
  readonly tensors: readonly JournalTensor[];
  /** True once files began to be put in place. */
  readonly committing: boolean;
}

/**
 * What a conversion will write and from what: equal digests mean that work of an interrupted one can be used. Source files
 * count by size and time, so that a changed source starts anew.
 */
export async function planDigest(
  files: readonly OutputPlan[],
  texts: readonly string[],
  sources: readonly string[],
): Promise<string> {
  const hash = createHash("sha256");
  for (const path of sources) {
    hash.update(`${path} ${await versionOf(path)}\n`);
  }
  for (const file of files) {
    hash.update(`file ${file.name}\n`);
    for (const segment of file.segments) {
      if (segment.kind === "bytes") hash.update(segment.bytes);
      else if (segment.kind === "tensor") {
        const { name, dtype, quantised, shape, step } = segment.tensor;
        const how =
          step.kind === "add" ? `add ${step.addend.dtype} ${step.addend.newRows}` : madeHow(step);
        hash.update(
          `tensor ${name} ${quantised ?? dtype} ${shape.join(",")} ${step.from.join(" ")} ${how}\n`,
        );
      }
    }
  }
  for (const text of texts) hash.update(text);
  return hash.digest("hex");
}

/** What is done to a tensor's sources, with the recipe where values are computed. */
function madeHow({ kind, assembly }: Exclude<WriteStep, { kind: "add" }>): string {
  const recipes = assembly.parts.flatMap(
    ({ tensor }) => computationOf(tensor.source)?.recipe ?? [],
  );
  return recipes.length === 0 ? kind : `${kind} ${JSON.stringify(recipes)}`;
}

/** Size and time of a file; size and entity tag of a remote one. */
export async function versionOf(path: string): Promise<string> {
  const place = await localPlace(path);
  if (isRemote(place)) return remoteVersion(place);
  const { size, mtimeMs } = await stat(place);
  return `${size} ${mtimeMs}`;
}

/** Notes the work of one conversion in its staging folder, line by line. */
export class JournalWriter {
  readonly #path: string;
  readonly #fileSystem: FileSystem;
  #isCommitting = false;
  #waiting: string[] = [];
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(folder: string, fileSystem: FileSystem) {
    this.#path = join(folder, JOURNAL);
    this.#fileSystem = fileSystem;
  }

  begin(digest: string): Promise<void> {
    return this.#append({ planDigest: digest });
  }

  tensor(entry: JournalTensor): Promise<void> {
    return this.#append(entry);
  }

  /** From here on files are put in place. */
  async commit(): Promise<void> {
    await this.#append({ committing: true });
    this.#isCommitting = true;
  }

  /** True once files may be under their final names. */
  get isCommitting(): boolean {
    return this.#isCommitting;
  }

  /** Lines that come while one is being written go out together behind it: a model may have thousands of small tensors. */
  async #append(entry: object): Promise<void> {
    this.#waiting.push(JSON.stringify(entry));
    this.#next ??= this.#last
      .catch(() => undefined)
      .then(() => {
        const lines = this.#waiting.join("\n");
        this.#waiting = [];
        this.#next = undefined;
        this.#last = this.#fileSystem.appendLine(this.#path, lines);
        return this.#last;
      });
    await this.#next;
  }
}

/** Reads a journal as far as it is whole: a crash may have cut its last line. Undefined when there is none. */
export async function readJournal(folder: string): Promise<Journal | undefined> {
  const text = await readText(join(folder, JOURNAL));
  const [first, ...rest] = (text ?? "").split("\n").map(parseLine);
  const digest = first?.["planDigest"];
  if (typeof digest !== "string") return undefined;
  const tensors: JournalTensor[] = [];
  let committing = false;
  for (const line of rest) {
    if (line === undefined) continue;
    if (line["committing"] === true) committing = true;
    const { file, tensor, sha256, overflow, underflow } = line;
    const summed = digestsIn(line["summed"]);
    if (typeof file === "string" && typeof tensor === "string" && typeof sha256 === "string") {
      tensors.push({
        file,
        tensor,
        sha256,
        overflow: Number(overflow),
        underflow: Number(underflow),
        ...(summed === undefined ? {} : { summed }),
      });
    }
  }
  return { planDigest: digest, tensors, committing };
}

function digestsIn(value: unknown): SummedDigests | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("base" in value) || !("delta" in value)) return undefined;
  const { base, delta } = value;
  return typeof base === "string" && typeof delta === "string" ? { base, delta } : undefined;
}

function parseLine(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
