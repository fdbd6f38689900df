import { join } from "node:path";
import type { OutputPlan } from "../output-tensor.ts";
import { exists } from "../staging/file-system.ts";
import type { Journal } from "../staging/journal.ts";
import type { Target } from "../staging/target-folder.ts";
import { tensorsOnDisk } from "./on-disk.ts";
import type { WrittenTensor } from "./tensor.ts";

/** The tensors of an interrupted conversion whose bytes are on the disk as the journal says. */
export async function trustedTensors(
  file: OutputPlan,
  target: Target,
  journal: Journal,
): Promise<Map<string, WrittenTensor>> {
  const known = new Map<string, WrittenTensor>();
  const staged = join(target.staging, file.name);
  const placed = join(target.folder, file.name);
  const path = (await exists(staged)) ? staged : placed;
  const entries = new Map(
    journal.tensors
      .filter((entry) => entry.file === file.name)
      .map((entry) => [entry.tensor, entry]),
  );
  if (entries.size === 0 || !(await exists(path))) return known;
  const { needsCrc32 } = file;
  const wanted = (name: string): boolean => entries.has(name);
  for await (const found of tensorsOnDisk(file, path, { wanted, needsCrc32 })) {
    const { tensor, sha256, crc32 } = found;
    const entry = entries.get(tensor.name);
    if (entry?.sha256 !== sha256) continue;
    const { overflow, underflow, summed } = entry;
    known.set(tensor.name, {
      sha256,
      crc32: needsCrc32 ? crc32 : undefined,
      cast: { overflow, underflow },
      ...(summed === undefined ? {} : { summed }),
    });
  }
  return known;
}
