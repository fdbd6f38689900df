import { join } from "node:path";
import type { BufferRing } from "../../mapping/buffer-ring.ts";
import { openFileSource } from "../../sources/file.ts";
import type { CastCounts } from "../values/cast.ts";
import { fileBytes, segmentBytes } from "../../formats/file-plan.ts";
import type { OutputPlan, OutputTensor } from "../output-tensor.ts";
import { exists, type FileSystem, type OutputFile } from "../staging/file-system.ts";
import type { Journal, JournalTensor, JournalWriter } from "../staging/journal.ts";
import { startReadBack } from "./read-back.ts";
import type { SummedDigests } from "../values/sum-tensor.ts";
import type { Target } from "../staging/target-folder.ts";
import { jobOf } from "./tensor-job.ts";
import { writeChecked } from "./checked.ts";
import type { WriteObserver, WritePool } from "./pool.ts";

/** A tensor as it was written. */
export interface TensorOutcome {
  readonly sha256: string;
  readonly cast: CastCounts;
  /** Of what was added up to it. */
  readonly summed?: SummedDigests;
}

export interface WriteFileOptions {
  readonly fileSystem: FileSystem;
  /** Told of each tensor that is written whole. */
  readonly journal: Pick<JournalWriter, "tensor">;
  readonly buffers: BufferRing;
  readonly signal?: AbortSignal | undefined;
  /** Whether what was written is read back and compared. */
  readonly verify: boolean;
  /** Threads to write in beside this one. */
  readonly pool: WritePool | undefined;
  /** Told the bytes as they are written, or found written by an interrupted conversion. */
  onBytes(count: number, item: string): void;
  /** Told the bytes as they are read back. */
  onVerified(count: number, item: string): void;
}

interface KnownTensor extends TensorOutcome {
  readonly crc32: number | undefined;
}

/**
 * Writes one output file into the staging folder, flushed to the disk, and gives each tensor's digest. What an interrupted
 * conversion wrote of it is kept as far as its bytes have the digests that the journal says.
 */
export async function writeOutput(
  file: OutputPlan,
  target: Target,
  options: WriteFileOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const path = join(target.staging, file.name);
  const known =
    target.journal === undefined
      ? new Map<string, KnownTensor>()
      : await trusted(file, target, target.journal);
  if (target.journal?.committing === true && !(await exists(path))) return known;
  const output = await options.fileSystem.openForWriting(path, (await exists(path)) ? "r+" : "wx+");
  try {
    await output.setSize(fileBytes(file));
    await writeSegments(file, output, known, options);
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

/** Plain bytes first, then tensors in whatever order they are done, then what depends on them. */
async function writeSegments(
  file: OutputPlan,
  output: OutputFile,
  known: Map<string, KnownTensor>,
  options: WriteFileOptions,
): Promise<void> {
  const places: Place[] = [];
  const computed: (() => Promise<void>)[] = [];
  const written = { crc32: (name: string) => known.get(name)?.crc32 ?? 0 };
  let position = 0;
  for (const segment of file.segments) {
    options.signal?.throwIfAborted();
    const begin = position;
    if (segment.kind === "bytes") await output.write(segment.bytes, begin);
    else if (segment.kind === "computed")
      computed.push(() => output.write(segment.compute(written), begin));
    else if (known.has(segment.tensor.name)) {
      // Its digest was taken from the disk just now.
      options.onBytes(segment.tensor.byteLength, segment.tensor.name);
      options.onVerified(segment.tensor.byteLength, segment.tensor.name);
    } else places.push({ tensor: segment.tensor, begin });
    position += segmentBytes(segment);
  }
  await writeTensors(places, file, output, options, async (name, outcome) => {
    known.set(name, outcome);
    await options.journal.tensor(journalEntry(file.name, name, outcome));
  });
  for (const write of computed) await write();
}

/** Writes tensors, the largest first where there are threads for them, so that all are busy to the end. */
async function writeTensors(
  places: readonly Place[],
  file: OutputPlan,
  output: OutputFile,
  options: WriteFileOptions,
  onDone: (name: string, outcome: KnownTensor) => Promise<void>,
): Promise<void> {
  const { pool, buffers, signal, verify } = options;
  const { needsCrc32 } = file;
  const observer = (name: string): WriteObserver => ({
    onBytes: (count) => options.onBytes(count, name),
    onVerified: (count) => options.onVerified(count, name),
  });
  const here: Place[] = [];
  if (pool === undefined) here.push(...places);
  else {
    const bySize = (left: Place, right: Place): number =>
      right.tensor.byteLength - left.tensor.byteLength;
    // One iterator for all: a worker that has finished a tensor takes the next.
    const waiting = places.toSorted(bySize).values();
    const work = async (): Promise<void> => {
      // A tensor is noted while the next is written.
      let noted = Promise.resolve();
      for (const place of waiting) {
        const { tensor, begin } = place;
        const job = jobOf(tensor);
        if (job === undefined) here.push(place);
        else {
          const request = { job, path: output.path, begin, needsCrc32, verify };
          const outcome = await pool.write(request, observer(tensor.name));
          await noted;
          noted = onDone(tensor.name, outcome);
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
    signal?.throwIfAborted();
    const how = { needsCrc32, buffers, signal, verify, ...observer(tensor.name) };
    await onDone(tensor.name, await writeChecked(tensor, output, begin, how));
  }
}

function journalEntry(file: string, tensor: string, outcome: TensorOutcome): JournalTensor {
  const { sha256, cast, summed } = outcome;
  return { file, tensor, sha256, ...cast, ...(summed === undefined ? {} : { summed }) };
}

/** The tensors of an interrupted conversion whose bytes are on the disk as the journal says. */
async function trusted(
  file: OutputPlan,
  target: Target,
  journal: Journal,
): Promise<Map<string, KnownTensor>> {
  const known = new Map<string, KnownTensor>();
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
