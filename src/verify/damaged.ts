import type { Assembly } from "../mapping/assembly.ts";
import { damagedRecords } from "../mapping/archive-records.ts";
import type { CheckedRecord } from "../tensor/byte-source.ts";
import { commonLayer, type Diagnosis } from "./diagnose/diagnosis.ts";

interface DamageFacts {
  readonly side?: string;
  readonly known?: ReadonlyMap<CheckedRecord, number>;
}

/**
 * Records of archives whose bytes are not those that were saved, one diagnosis each.
 * @param side What the sentence calls the checkpoint, where it is not the one that is judged.
 * @param known Checksums of records that were read already; every other record is read once.
 */
export async function damagedDiagnoses(
  tensors: ReadonlyMap<string, Assembly>,
  signal: AbortSignal | undefined,
  { side = "", known }: DamageFacts = {},
): Promise<readonly Diagnosis[]> {
  const { damaged } = await damagedRecords(tensors, signal, known);
  return damaged.map(({ tensors: names, evidence }) => ({
    cause: "corrupt",
    tensors: names,
    ...commonLayer(names),
    evidence: `${side}${evidence}`,
  }));
}

const isNamed = ({ cause }: Diagnosis): boolean => cause !== "undetermined";

/** Damage behind what is named, since a mistake that was patched into a file leaves a wrong checksum, too; before what is not. */
export function withDamaged(
  found: readonly Diagnosis[],
  damaged: readonly Diagnosis[],
): readonly Diagnosis[] {
  return [...found.filter(isNamed), ...damaged, ...found.filter((one) => !isNamed(one))];
}
