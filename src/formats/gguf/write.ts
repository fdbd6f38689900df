import { WbError } from "../../errors/wb-error.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { FilePlan, PlannedTensor, Segment } from "../file-plan.ts";
import { GGUF_MAGIC } from "./header.ts";
import { GgufBytes, padding, type GgufKeys } from "./metadata.ts";
import { QUANTISED_TYPES } from "./quantise.ts";

/** Where tensors begin in the data (docs/gguf.md, `general.alignment`, its default). */
const ALIGNMENT = 32;
const VERSION = 3;

/** A tensor of a few numbers that is made, not converted. */
export interface MadeTensor {
  readonly name: string;
  readonly values: Float32Array;
}

/** What a GGUF file says beside its tensors. */
export interface GgufParts {
  readonly keys: GgufKeys;
  readonly made: readonly MadeTensor[];
}

/**
 * A GGUF file of version 3, little-endian (ggml, docs/gguf.md): the header with the metadata in the order given, then each tensor at a
 * multiple of 32 bytes.
 * @param made Tensors behind the others.
 * @throws WbError WB4901 for a dtype that the format cannot hold.
 */
export function planGgufFile<T extends PlannedTensor>(
  name: string,
  tensors: readonly T[],
  keys: GgufKeys,
  made: readonly MadeTensor[] = [],
): FilePlan<T> {
  const header = new GgufBytes().bytes(GGUF_MAGIC).u32(VERSION);
  header.u64(tensors.length + made.length).u64(keys.size);
  for (const [key, value] of keys) header.key(key, value);
  let offset = 0;
  const entry = (
    tensor: Pick<PlannedTensor, "name" | "shape" | "byteLength">,
    code: number,
  ): void => {
    header.text(tensor.name).u32(tensor.shape.length);
    // Fastest first.
    for (const size of tensor.shape.toReversed()) header.u64(size);
    header.u32(code).u64(offset);
    offset += tensor.byteLength + padding(tensor.byteLength, ALIGNMENT).byteLength;
  };
  for (const tensor of tensors) entry(tensor, typeOf(tensor, name));
  const plain = made.map(({ name: own, values }) => ({
    name: own,
    shape: [values.length],
    byteLength: values.byteLength,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }));
  for (const tensor of plain) entry(tensor, DTYPES.F32.gguf);
  const segments: Segment<T>[] = [{ kind: "bytes", bytes: header.pad(ALIGNMENT).whole() }];
  for (const tensor of tensors) {
    segments.push({ kind: "tensor", tensor });
    pushPadding(segments, tensor.byteLength);
  }
  for (const { bytes } of plain) {
    segments.push({ kind: "bytes", bytes });
    pushPadding(segments, bytes.byteLength);
  }
  return { name, segments, needsCrc32: false, made: made.map((tensor) => tensor.name) };
}

function pushPadding(segments: Segment[], byteLength: number): void {
  const bytes = padding(byteLength, ALIGNMENT);
  if (bytes.byteLength > 0) segments.push({ kind: "bytes", bytes });
}

function typeOf({ name, dtype, quantised }: PlannedTensor, file: string): number {
  if (quantised !== undefined) return QUANTISED_TYPES[quantised].code;
  const code = DTYPES[dtype].gguf;
  if (code !== null) return code;
  throw new WbError(
    "WB4901",
    `${file}: tensor ${shownName(name)} is ${dtype}, which GGUF files cannot hold`,
    { details: { tensor: name, dtype } },
  );
}
