import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { WbError } from "../../errors/wb-error.ts";
import { isContiguous } from "../../mapping/assembly.ts";
import { plainRange, type PlainRange } from "../../mapping/plain-range.ts";
import type { BufferRing } from "../../mapping/buffer-ring.ts";
import { streamAssembly } from "../../mapping/read-assembly.ts";
import { madeBy, type WriteStep } from "../../mapping/step.ts";
import { quantise } from "../../formats/gguf/quantise.ts";
import { wrongChecksum } from "../../formats/archive/inflated.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { castFloats, isCastSource, isCastTarget, type CastCounts } from "../values/cast.ts";
import type { OutputTensor } from "../output-tensor.ts";
import type { ConvertSettings } from "../settings.ts";
import { streamSum, type SummedDigests } from "../values/sum-tensor.ts";

/** Bytes of a chunk: small ones stay in the processor's cache between reading, hashing and writing. */
const COPY_CHUNK_BYTES = 2 ** 18;

/** A tensor as it was written. */
export interface TensorOutcome {
  readonly sha256: string;
  readonly cast: CastCounts;
  /** Of what was added up to it. */
  readonly summed?: SummedDigests;
}

/** What became of one tensor. */
export interface WrittenTensor extends TensorOutcome {
  /** Where it was asked for. */
  readonly crc32: number | undefined;
}

/** What a thread writes tensors with. */
export interface Writing {
  readonly settings: Pick<ConvertSettings, "verify" | "signal">;
  readonly buffers: BufferRing;
  /** Told the bytes of each chunk as it is written. */
  readonly onBytes: (count: number, tensor: string) => void;
  /** Told the bytes as they are read back. */
  readonly onVerified: (count: number, tensor: string) => void;
}

/** Streams a tensor from its source, casts it where the plan says so, and hands it to `write` in order. */
export async function writeTensor(
  tensor: OutputTensor,
  needsCrc32: boolean,
  writing: Writing,
  write: WriteNow,
): Promise<WrittenTensor> {
  const { step } = tensor;
  const isCopy =
    step.kind !== "add" && step.assembly.dtype === tensor.dtype && tensor.quantised === undefined;
  const range = isCopy ? plainRange(step.assembly) : undefined;
  if (range !== undefined) return copyRange(tensor, range, needsCrc32, writing, write);
  const hash = createHash("sha256");
  const cast: CastCounts = { overflow: 0, underflow: 0 };
  let offset = 0;
  let checksum = 0;
  const summed = await streamMade(tensor.step, writing, cast, (source) => {
    const chunk = castChunk(source, tensor, cast);
    for (let at = 0; at < chunk.byteLength; at += COPY_CHUNK_BYTES) {
      const piece = chunk.subarray(at, at + COPY_CHUNK_BYTES);
      hash.update(piece);
      if (needsCrc32) checksum = crc32(piece, checksum);
      write(piece, offset);
      offset += piece.byteLength;
    }
    writing.onBytes(chunk.byteLength, tensor.name);
  });
  if (offset !== tensor.byteLength) {
    throw new WbError(
      "WB7001",
      `tensor ${tensor.name}: ${offset} bytes came of it, ${tensor.byteLength} were planned`,
    );
  }
  return {
    sha256: hash.digest("hex"),
    crc32: needsCrc32 ? checksum : undefined,
    cast,
    ...(summed === undefined ? {} : { summed }),
  };
}

/** What a step makes, before a cast, chunk by chunk. */
async function streamMade(
  step: WriteStep,
  { buffers, settings: { signal } }: Writing,
  counts: CastCounts,
  onChunk: (chunk: Uint8Array) => void,
): Promise<SummedDigests | undefined> {
  if (step.kind === "add") return streamSum(step, { counts, signal }, onChunk);
  const { assembly } = step;
  const chunkBytes = isContiguous(assembly) ? COPY_CHUNK_BYTES : buffers.chunkBytes;
  await streamAssembly(assembly, { chunkBytes, buffers, signal }, onChunk);
  return undefined;
}

/** Takes a tensor's bytes at once; offsets count from its first byte. */
export type WriteNow = (chunk: Uint8Array, offset: number) => void;

/** Bytes after which other work, signals and progress get their turn. */
const TURN_BYTES = 4 * 2 ** 20;

async function copyRange(
  tensor: OutputTensor,
  range: PlainRange,
  needsCrc32: boolean,
  writing: Writing,
  write: WriteNow,
): Promise<WrittenTensor> {
  const hash = createHash("sha256");
  let checksum = 0;
  const { sourceCrc32 } = tensor;
  const needsChecksum = needsCrc32 || sourceCrc32 !== undefined;
  const buffer = writing.buffers.next().take(Math.min(COPY_CHUNK_BYTES, tensor.byteLength));
  for (let offset = 0; offset < tensor.byteLength; offset += COPY_CHUNK_BYTES) {
    const chunk = buffer.subarray(0, Math.min(COPY_CHUNK_BYTES, tensor.byteLength - offset));
    range.readNow(range.begin + offset, chunk);
    hash.update(chunk);
    if (needsChecksum) checksum = crc32(chunk, checksum);
    write(chunk, offset);
    writing.onBytes(chunk.byteLength, tensor.name);
    if (offset % TURN_BYTES === 0) {
      await setImmediate();
      writing.settings.signal?.throwIfAborted();
    }
  }
  if (sourceCrc32 !== undefined && checksum !== sourceCrc32)
    throw wrongChecksum(`tensor ${shownName(tensor.name)}`, sourceCrc32, checksum);
  return {
    sha256: hash.digest("hex"),
    crc32: needsCrc32 ? checksum : undefined,
    cast: { overflow: 0, underflow: 0 },
  };
}

/** A chunk's numbers in float32. */
function floatsOf(source: Uint8Array, from: Dtype, tensor: string): Float32Array {
  if (!isCastSource(from))
    throw new WbError("WB2702", `tensor ${tensor}: ${from} cannot be quantised`, {
      details: { tensor },
    });
  const floats = new Float32Array(source.byteLength / (DTYPES[from].bits / 8));
  const bytes = new Uint8Array(floats.buffer);
  if (from === "F32") bytes.set(source);
  else castFloats(source, from, bytes, "F32", { overflow: 0, underflow: 0 });
  return floats;
}

/** The chunk in the target's dtype; itself where nothing is cast. */
function castChunk(source: Uint8Array, tensor: OutputTensor, counts: CastCounts): Uint8Array {
  const from = madeBy(tensor.step).dtype;
  if (tensor.quantised !== undefined)
    return quantise(floatsOf(source, from, tensor.name), tensor.quantised, tensor.name);
  if (from === tensor.dtype) return source;
  if (!isCastSource(from) || !isCastTarget(tensor.dtype)) {
    throw new WbError(
      "WB2702",
      `tensor ${tensor.name}: ${from} cannot be cast to ${tensor.dtype}`,
      { details: { tensor: tensor.name } },
    );
  }
  const count = source.byteLength / (DTYPES[from].bits / 8);
  const target = new Uint8Array(count * (DTYPES[tensor.dtype].bits / 8));
  castFloats(source, from, target, tensor.dtype, counts);
  return target;
}
