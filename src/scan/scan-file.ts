import { isSystemError, WbError } from "../errors/wb-error.ts";
import { openPlace } from "../sources/places.ts";
import { Budget } from "./context.ts";
import { examine } from "./examine.ts";
import { Findings } from "./findings.ts";
import { notUnderstood, type Judgement } from "./judgement.ts";

export interface FileScan {
  readonly findings: Findings;
  readonly judgement: Judgement;
}

/** What keeps a file from being read is told of as a file that was not understood, and never ends the scan of a folder. */
export async function scanFile(path: string, signal?: AbortSignal): Promise<FileScan> {
  const findings = new Findings(path);
  try {
    return { findings, judgement: await examineFile(path, findings, signal) };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    if (error instanceof WbError) {
      findings.takeUnsafe(error);
      return { findings, judgement: notUnderstood(error.message) };
    }
    if (!isSystemError(error)) throw error;
    return { findings, judgement: notUnderstood(`${path}: cannot be read (${error.code})`) };
  }
}

async function examineFile(
  path: string,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<Judgement> {
  const source = await openPlace(path, signal);
  try {
    const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
    const where = { name, member: "", depth: 0, isScript: false };
    return await examine(source, { findings, budget: new Budget(), signal, ...where });
  } finally {
    await source.close();
  }
}
