import { createHash } from "node:crypto";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { WbError } from "../errors/wb-error.ts";
import type { BufferRing } from "../mapping/read-assembly.ts";
import { openFileSource } from "../checkpoint/sources.ts";
import type { CastCounts } from "./cast.ts";
import { fileBytes, segmentBytes, type FilePlan, type OutputTensor } from "./file-plan.ts";
import { exists, type FileSystem, type OutputFile } from "./file-system.ts";
import { journalTensor, type Journal, type JournalTensor } from "./journal.ts";
import type { Target } from "./target-folder.ts";
import { writeTensor } from "./write-tensor.ts";

/** A tensor as it was written. */
export interface TensorOutcome {
  readonly sha256: string;
  readonly cast: CastCounts;
}

export interface WriteFileOptions {
  readonly fileSystem: FileSystem;
  readonly buffers: BufferRing;
  readonly signal?: AbortSignal | undefined;
  /** Told the bytes as they are written, or found written by an interrupted conversion. */
  onBytes(count: number, item: string): void;
}

/** Bytes of a read when a written file is looked at again. */
const READ_BYTES = 2 ** 20;

interface KnownTensor extends TensorOutcome {
  readonly crc32: number | undefined;
}

/**
 * Writes one output file into the staging folder, flushed to the disk, and gives each tensor's digest. What an interrupted
 * conversion wrote of it is kept as far as its bytes have the digests that the journal says.
 */
export async function writeOutput(
  file: FilePlan,
  target: Target,
  options: WriteFileOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const path = join(target.staging, file.name);
  const known =
    target.journal === undefined
      ? new Map<string, KnownTensor>()
      : await trusted(file, target, target.journal);
  if (target.journal?.committing === true && !(await exists(path))) return known;
  const output = await options.fileSystem.openForWriting(path, (await exists(path)) ? "r+" : "wx");
  try {
    await writeSegments(file, target, output, known, options);
    await output.sync();
  } finally {
    await output.close();
  }
  return known;
}

async function writeSegments(
  file: FilePlan,
  target: Target,
  output: OutputFile,
  known: Map<string, KnownTensor>,
  options: WriteFileOptions,
): Promise<void> {
  const written = { crc32: (name: string) => known.get(name)?.crc32 ?? 0 };
  let position = 0;
  for (const segment of file.segments) {
    options.signal?.throwIfAborted();
    const begin = position;
    if (segment.kind === "bytes") await output.write(segment.bytes, begin);
    else if (segment.kind === "computed") await output.write(segment.compute(written), begin);
    else if (known.has(segment.tensor.name))
      options.onBytes(segment.tensor.byteLength, segment.tensor.name);
    else {
      const outcome = await writeOne(segment.tensor, file, output, begin, options);
      known.set(segment.tensor.name, outcome);
      await journalTensor(target.staging, journalEntry(file.name, segment.tensor.name, outcome));
    }
    position += segmentBytes(segment);
  }
}

function writeOne(
  tensor: OutputTensor,
  file: FilePlan,
  output: OutputFile,
  begin: number,
  options: WriteFileOptions,
): Promise<KnownTensor> {
  const { buffers, signal } = options;
  return writeTensor(
    tensor,
    {
      needsCrc32: file.needsCrc32,
      buffers,
      signal,
      onBytes: (count) => options.onBytes(count, tensor.name),
    },
    (chunk, offset) => output.write(chunk, begin + offset),
  );
}

function journalEntry(file: string, tensor: string, outcome: TensorOutcome): JournalTensor {
  return { file, tensor, sha256: outcome.sha256, ...outcome.cast };
}

/** The tensors of an interrupted conversion whose bytes are on the disk as the journal says. */
async function trusted(
  file: FilePlan,
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
    const { overflow, underflow } = entry;
    known.set(tensor.name, {
      sha256,
      crc32: file.needsCrc32 ? checksum : undefined,
      cast: { overflow, underflow },
    });
  }
  return known;
}

/** The tensors of a written file as they are on the disk; those that lie past its end are left out. */
async function* readBack(
  file: FilePlan,
  path: string,
  wanted: (name: string) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<{ tensor: OutputTensor; sha256: string; checksum: number }> {
  const source = await openFileSource(path);
  const buffer = new Uint8Array(READ_BYTES);
  try {
    let position = 0;
    for (const segment of file.segments) {
      const begin = position;
      position += segmentBytes(segment);
      if (segment.kind !== "tensor" || !wanted(segment.tensor.name) || position > source.byteLength)
        continue;
      const hash = createHash("sha256");
      let checksum = 0;
      for (let at = begin; at < position; at += READ_BYTES) {
        signal?.throwIfAborted();
        const chunk = buffer.subarray(0, Math.min(READ_BYTES, position - at));
        await source.readInto(at, chunk);
        hash.update(chunk);
        if (file.needsCrc32) checksum = crc32(chunk, checksum);
      }
      yield { tensor: segment.tensor, sha256: hash.digest("hex"), checksum };
    }
  } finally {
    await source.close();
  }
}

/**
 * Reads a finished file from the disk and compares each tensor's digest with the one it was written with.
 * @throws WbError WB1901.
 */
export async function verifyOutput(
  file: FilePlan,
  path: string,
  outcomes: ReadonlyMap<string, TensorOutcome>,
  options: Pick<WriteFileOptions, "signal" | "onBytes">,
): Promise<void> {
  let seen = 0;
  for await (const { tensor, sha256 } of readBack(file, path, () => true, options.signal)) {
    const expected = outcomes.get(tensor.name)?.sha256;
    if (sha256 !== expected) {
      throw new WbError(
        "WB1901",
        `${path}: tensor ${tensor.name} was written with SHA-256 ${String(expected)}, read back it is ${sha256}`,
      );
    }
    seen++;
    options.onBytes(tensor.byteLength, tensor.name);
  }
  const source = await openFileSource(path);
  await source.close();
  if (seen !== outcomes.size || source.byteLength !== fileBytes(file)) {
    throw new WbError(
      "WB1901",
      `${path}: has ${source.byteLength} bytes, expected ${fileBytes(file)}`,
    );
  }
}
