import { join } from "node:path";
import { segmentBytes } from "../../formats/file-plan.ts";
import { openFileSource } from "../../sources/file.ts";
import type { OutputPlan, OutputTensor } from "../output-tensor.ts";
import { exists } from "../staging/file-system.ts";
import type { Journal } from "../staging/journal.ts";
import type { Target } from "../staging/target-folder.ts";
import { startReadBack } from "./read-back.ts";
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
  for await (const { tensor, sha256, checksum } of readBack(file, path, (name) =>
    entries.has(name),
  )) {
    const entry = entries.get(tensor.name);
    if (entry?.sha256 !== sha256) continue;
    const { overflow, underflow, summed } = entry;
    known.set(tensor.name, {
      sha256,
      crc32: file.needsCrc32 ? checksum : undefined,
      cast: { overflow, underflow },
      ...(summed === undefined ? {} : { summed }),
    });
  }
  return known;
}

/** The tensors of a written file as they are on the disk; those that are past its end are left out. */
async function* readBack(
  file: OutputPlan,
  path: string,
  wanted: (name: string) => boolean,
): AsyncGenerator<{ tensor: OutputTensor; sha256: string; checksum: number }> {
  const source = await openFileSource(path);
  await source.close();
  const reader = startReadBack(path);
  try {
    let position = 0;
    for (const segment of file.segments) {
      const begin = position;
      position += segmentBytes(segment);
      if (segment.kind !== "tensor" || !wanted(segment.tensor.name) || position > source.byteLength)
        continue;
      const digest = await reader.digest(begin, position, file.needsCrc32);
      yield { tensor: segment.tensor, sha256: digest.sha256, checksum: digest.crc32 };
    }
  } finally {
    await reader.close();
  }
}
