import { open } from "node:fs/promises";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { localPlace, openPlace } from "../sources/places.ts";
import { isRemote } from "../sources/remote/place.ts";
import { Budget } from "./context.ts";
import { examine } from "./examine.ts";
import { Findings } from "./findings.ts";
import { examined, notUnderstood, type Judgement } from "./judgement.ts";

export interface FileScan {
  readonly findings: Findings;
  readonly judgement: Judgement;
}

/** What keeps a file from being read is told of as a file that was not understood, and never ends the scan of a folder. */
export async function scanFile(path: string, signal?: AbortSignal): Promise<FileScan> {
  const findings = new Findings(path);
  try {
    return {
      findings,
      judgement: withFindings(await examineFile(path, findings, signal), findings),
    };
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

/**
 * What a class of a library does when it is made was not examined, however well the file was. What something unsafe was found in is
 * not harmless by its kind.
 */
function withFindings(judgement: Judgement, { libraryName, isUnsafe }: Findings): Judgement {
  if (libraryName === undefined)
    return isUnsafe && judgement.state === "harmless" ? examined(judgement.why) : judgement;
  const named = `it names ${libraryName}, which honest files name too, but which is not on the list of what does nothing when loaded`;
  return notUnderstood(`${judgement.why}; ${named}`);
}

/** Files of the system, as in /proc, have no size and are read all the same. */
async function isEmpty(path: string): Promise<boolean> {
  const place = await localPlace(path);
  if (isRemote(place)) return true;
  const file = await open(place, "r");
  try {
    return (await file.read(new Uint8Array(1), 0, 1, 0)).bytesRead === 0;
  } finally {
    await file.close();
  }
}

async function examineFile(
  path: string,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<Judgement> {
  const source = await openPlace(path, signal);
  try {
    if (source.byteLength === 0 && !(await isEmpty(path)))
      return notUnderstood(
        "a file that is said to have no bytes, and gives some: of the system's own",
      );
    const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
    const where = { name, member: "", depth: 0, isScript: false };
    return await examine(source, { findings, budget: new Budget(), signal, ...where });
  } finally {
    await source.close();
  }
}
