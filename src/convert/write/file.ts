import { join } from "node:path";
import { fileBytes, segmentBytes } from "../../formats/file-plan.ts";
import type { OutputPlan, OutputTensor } from "../output-tensor.ts";
import type { ConvertSettings } from "../settings.ts";
import { exists, type OutputFile } from "../staging/file-system.ts";
import type { JournalTensor, JournalWriter } from "../staging/journal.ts";
import type { Target } from "../staging/target-folder.ts";
import { checkedWriter } from "./checked.ts";
import type { WritePool } from "./pool.ts";
import { jobOf } from "./tensor-job.ts";
import { writeTensor, type TensorOutcome, type Writing, type WrittenTensor } from "./tensor.ts";
import { trustedTensors } from "./trusted.ts";

/** What the files of a run are written with. */
export interface FileWriting extends Writing {
  readonly settings: ConvertSettings;
  /** Told of each tensor that is written whole. */
  readonly journal: Pick<JournalWriter, "tensor">;
  /** Threads to write in beside this one. */
  readonly pool: WritePool | undefined;
}

/**
 * Writes one output file into the staging folder, flushed to the disk, and gives each tensor's digest. What an interrupted
 * conversion wrote of it is kept as far as its bytes have the digests that the journal says.
 */
export async function writeOutput(
  file: OutputPlan,
  target: Target,
  writing: FileWriting,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const path = join(target.staging, file.name);
  const known =
    target.journal === undefined
      ? new Map<string, WrittenTensor>()
      : await trustedTensors(file, target, target.journal);
  if (target.journal?.committing === true && !(await exists(path))) return known;
  const { fileSystem } = writing.settings;
  const output = await fileSystem.openForWriting(path, (await exists(path)) ? "r+" : "wx+");
  try {
    await output.setSize(fileBytes(file));
    await writeTensors(await writeRest(file, output, known, writing), file, output, known, writing);
    await writeComputed(file, output, known);
    await output.sync();
  } finally {
    await output.close();
  }
  return known;
}

/** A tensor and where its first byte goes in the file. */
interface Place {
  readonly tensor: OutputTensor;
  readonly begin: number;
}

/** Writes the plain bytes; gives the tensors that are still to be written. */
async function writeRest(
  file: OutputPlan,
  output: OutputFile,
  known: ReadonlyMap<string, WrittenTensor>,
  { settings, onBytes, onVerified }: FileWriting,
): Promise<readonly Place[]> {
  const places: Place[] = [];
  let position = 0;
  for (const segment of file.segments) {
    settings.signal?.throwIfAborted();
    const begin = position;
    position += segmentBytes(segment);
    if (segment.kind === "bytes") await output.write(segment.bytes, begin);
    if (segment.kind !== "tensor") continue;
    const { name, byteLength } = segment.tensor;
    if (known.has(name)) {
      // Its digest was taken from the disk just now.
      onBytes(byteLength, name);
      onVerified(byteLength, name);
    } else places.push({ tensor: segment.tensor, begin });
  }
  return places;
}

/** Writes what depends on the tensors. */
async function writeComputed(
  file: OutputPlan,
  output: OutputFile,
  known: ReadonlyMap<string, WrittenTensor>,
): Promise<void> {
  const written = { crc32: (name: string) => known.get(name)?.crc32 ?? 0 };
  let position = 0;
  for (const segment of file.segments) {
    if (segment.kind === "computed") await output.write(segment.compute(written), position);
    position += segmentBytes(segment);
  }
}

/** Writes tensors, the largest first where there are threads for them, so that all are busy to the end. */
async function writeTensors(
  places: readonly Place[],
  { name: file, needsCrc32 }: OutputPlan,
  output: OutputFile,
  known: Map<string, WrittenTensor>,
  writing: FileWriting,
): Promise<void> {
  const { pool, settings } = writing;
  const note = async ({ name }: OutputTensor, outcome: WrittenTensor): Promise<void> => {
    known.set(name, outcome);
    await writing.journal.tensor(journalEntry(file, name, outcome));
  };
  const here: Place[] = [];
  if (pool === undefined) here.push(...places);
  else {
    const bySize = (left: Place, right: Place): number =>
      right.tensor.byteLength - left.tensor.byteLength;
    // One iterator for all: a thread that has done with a tensor takes the next.
    const waiting = places.toSorted(bySize).values();
    const work = async (): Promise<void> => {
      // A tensor is noted while the next is written.
      let noted = Promise.resolve();
      for (const place of waiting) {
        const { tensor, begin } = place;
        const job = jobOf(tensor);
        if (job === undefined) here.push(place);
        else {
          const request = { job, path: output.path, begin, needsCrc32, verify: settings.verify };
          const outcome = await pool.write(request, writing);
          await noted;
          noted = note(tensor, outcome);
          // Told when it is waited for; without this, Node would call it unhandled until then.
          noted.catch(() => undefined);
        }
      }
      await noted;
    };
    // A thread that has done finds the next request waiting.
    await Promise.all(Array.from({ length: 2 * pool.threads }, work));
  }
  for (const { tensor, begin } of here) {
    settings.signal?.throwIfAborted();
    const write = checkedWriter(tensor.name, output, begin, writing);
    await note(tensor, await writeTensor(tensor, needsCrc32, writing, write));
  }
}

function journalEntry(file: string, tensor: string, outcome: TensorOutcome): JournalTensor {
  const { sha256, cast, summed } = outcome;
  return { file, tensor, sha256, ...cast, ...(summed === undefined ? {} : { summed }) };
}
