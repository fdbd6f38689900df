import { stat } from "node:fs/promises";
import { WbError } from "../../errors/wb-error.ts";
import { localPlace, remoteVersion } from "../../sources/places.ts";
import { isRemote } from "../../sources/remote/place.ts";
import type { CheckedRecord } from "../../tensor/byte-source.ts";
import { checkRecord, recordsOfAssembly } from "../../mapping/archive-records.ts";
import { plainRange } from "../../mapping/plain-range.ts";
import type { OutputPlan, OutputTensor } from "../output-tensor.ts";

/** What the sources were when the work began. */
export type SourceStates = ReadonlyMap<string, string>;

export async function sourceStates(sources: readonly string[]): Promise<SourceStates> {
  const states = new Map<string, string>();
  for (const path of sources) states.set(path, await stateOf(path));
  return states;
}

/** Size, time and identity of a file; size and entity tag of a remote one. */
async function stateOf(path: string): Promise<string> {
  const place = await localPlace(path);
  if (isRemote(place)) return remoteVersion(place);
  const { size, mtimeNs, ino } = await stat(place, { bigint: true });
  return `${size} bytes, changed at ${mtimeNs} ns, inode ${ino}`;
}

/** @throws WbError WB3010 when a source is no longer what it was. */
export async function refuseChanged(before: SourceStates): Promise<void> {
  for (const [path, expected] of before) {
    const found = await stateOf(path);
    if (found !== expected) {
      throw new WbError("WB3010", `${path}: was ${expected}; now ${found}`, {
        details: { path, expected, found },
      });
    }
  }
}

/**
 * Checks the records of archives that were read in parts or in another order; those that were copied whole were checked while
 * they were copied.
 * @throws WbError WB3104.
 */
export async function checkRecords(
  files: readonly OutputPlan[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const record of uncheckedRecords(files)) await checkRecord(record, signal);
}

function uncheckedRecords(files: readonly OutputPlan[]): ReadonlySet<CheckedRecord> {
  const tensors = files.flatMap(({ segments }) =>
    segments.flatMap((segment) => (segment.kind === "tensor" ? [segment.tensor] : [])),
  );
  const checked = new Set(
    tensors.flatMap((tensor) => (isPlainCopy(tensor) ? recordsOf(tensor) : [])),
  );
  return new Set(tensors.flatMap(recordsOf).filter((record) => !checked.has(record)));
}

/** As `writeTensor` decides it: only a plain copy is checked on its way. */
function isPlainCopy({ step, dtype, sourceCrc32 }: OutputTensor): boolean {
  return sourceCrc32 !== undefined && step.kind !== "add" && isReadNow(step.assembly, dtype);
}

function isReadNow(
  assembly: OutputTensor["step"]["assembly"],
  dtype: OutputTensor["dtype"],
): boolean {
  return assembly.dtype === dtype && plainRange(assembly) !== undefined;
}

function recordsOf({ step }: OutputTensor): readonly CheckedRecord[] {
  const assemblies = step.kind === "add" ? [step.assembly, step.addend.assembly] : [step.assembly];
  return assemblies.flatMap(recordsOfAssembly);
}
