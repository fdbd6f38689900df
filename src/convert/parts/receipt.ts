import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { readText, type FileSystem } from "../staging/file-system.ts";
import type { TensorOutcome } from "../write/tensor.ts";
import type { Part } from "./balance.ts";
import { COMMITTING, type Workplace } from "./workplace.ts";

/** What a part says of a file that it has finished. */
export interface Receipt {
  readonly part: Part;
  readonly tensors: ReadonlyMap<string, TensorOutcome>;
}

/** No weight file ends so, and no file that is carried along is in a workplace. */
const SUFFIX = ".receipt.json";

/** Puts a file of the runner's folder among the finished ones: first the file, then what is known of it. */
export async function handIn(
  workplace: Workplace,
  file: OutputPlan,
  receipt: Receipt,
  fileSystem: FileSystem,
): Promise<void> {
  const { folder, runner } = workplace;
  const name = `${file.name}${SUFFIX}`;
  const tensors = [...receipt.tensors].map(
    ([tensor, { sha256, cast }]) => [tensor, { sha256, ...cast }] as const,
  );
  const text = JSON.stringify({ part: receipt.part, tensors: Object.fromEntries(tensors) });
  await fileSystem.writeSmall(join(runner, name), text);
  await fileSystem.rename(join(runner, file.name), join(folder, file.name));
  await fileSystem.rename(join(runner, name), join(folder, name));
  await fileSystem.syncFolder(folder);
}

/** A finished file: where it is, and its receipt. */
export interface Finished extends Receipt {
  readonly path: string;
}

/**
 * The finished files of a plan by name. One whose receipt is cut, or that has another length, is not among them.
 * Folders are listed rather than files looked for: a client of NFS may remember for a while that a file was not there.
 */
export async function finishedFiles(
  workplace: Workplace,
  files: readonly OutputPlan[],
): Promise<ReadonlyMap<string, Finished>> {
  const staged = new Set(await readdir(workplace.folder));
  // Only `finish` puts files in place; anything else under a final name is of a model that is to be replaced.
  const placed = new Set(staged.has(COMMITTING) ? await readdir(workplace.target) : []);
  const finished = new Map<string, Finished>();
  for (const file of files) {
    const name = `${file.name}${SUFFIX}`;
    const receipt = staged.has(name)
      ? parse(await readText(join(workplace.folder, name)))
      : undefined;
    if (receipt === undefined || !holdsAll(receipt, file)) continue;
    const home = staged.has(file.name) ? workplace.folder : workplace.target;
    if (home === workplace.target && !placed.has(file.name)) continue;
    const path = join(home, file.name);
    if ((await stat(path)).size === fileBytes(file)) finished.set(file.name, { path, ...receipt });
  }
  return finished;
}

function holdsAll({ tensors }: Receipt, file: OutputPlan): boolean {
  const names = file.segments.flatMap((segment) =>
    segment.kind === "tensor" ? [segment.tensor.name] : [],
  );
  return names.length === tensors.size && names.every((name) => tensors.has(name));
}

function parse(text: string | undefined): Receipt | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const part = isRecord(value) ? value["part"] : undefined;
  const tensors: unknown = isRecord(value) ? value["tensors"] : undefined;
  if (!isRecord(part) || !isRecord(tensors)) return undefined;
  const outcomes = new Map<string, TensorOutcome>();
  for (const [name, outcome] of Object.entries(tensors)) {
    const sha256 = isRecord(outcome) ? outcome["sha256"] : undefined;
    if (!isRecord(outcome) || typeof sha256 !== "string") return undefined;
    const cast = { overflow: Number(outcome["overflow"]), underflow: Number(outcome["underflow"]) };
    outcomes.set(name, { sha256, cast });
  }
  return { part: { index: Number(part["index"]), of: Number(part["of"]) }, tensors: outcomes };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
