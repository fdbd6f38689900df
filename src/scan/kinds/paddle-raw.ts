import type { ByteSource } from "../../tensor/byte-source.ts";
import { harmless, type Judgement } from "../judgement.ts";
import { protoFields } from "./protobuf.ts";

/** Tensors of one file; 10^5 are beyond any that we know. */
const MAX_TENSORS = 1_000_000;

/** Bytes of a tensor's description: a type and a few dimensions. */
const MAX_DESCRIPTION_BYTES = 4096;

/** Bytes of an element by Paddle's VarType (framework.proto, v3.3.1). */
const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 2,
  2: 4,
  3: 8,
  4: 2,
  5: 4,
  6: 8,
  20: 1,
  21: 1,
  22: 2,
  23: 8,
  24: 16,
};

/**
 * Judges the raw tensors of Paddle, as `.pdiparams` holds them one after another (dense_tensor_serialize.cc, v3.3.1).
 * Undefined where the file is not made of them to its last byte.
 */
export async function paddleTensors(source: ByteSource): Promise<Judgement | undefined> {
  let position = 0;
  let count = 0;
  while (position < source.byteLength) {
    const length = Math.min(24 + MAX_DESCRIPTION_BYTES, source.byteLength - position);
    const bytes = Buffer.from(await source.read(position, length));
    const size = tensorBytes(bytes);
    if (size === undefined || size > source.byteLength - position || ++count > MAX_TENSORS)
      return undefined;
    position += size;
  }
  return harmless(`${count} raw tensors of Paddle: numbers alone, which no loader runs`);
}

/** Version 0, no levels of detail, version 0, the length of the description, the description, the elements. */
function tensorBytes(bytes: Buffer): number | undefined {
  if (bytes.byteLength < 20 || !bytes.subarray(0, 16).every((byte) => byte === 0)) return undefined;
  const length = bytes.readInt32LE(16);
  if (length < 2 || length > MAX_DESCRIPTION_BYTES || 20 + length > bytes.byteLength)
    return undefined;
  const description = bytes.subarray(20, 20 + length);
  if (protoFields(description) === undefined) return undefined;
  const numbers = [...varintsOf(description)];
  const [type, ...dimensions] = numbers;
  const width = type === undefined ? undefined : ELEMENT_BYTES[type];
  if (width === undefined) return undefined;
  const elements = dimensions.reduce((product, dimension) => product * dimension, 1);
  const size = 20 + length + width * elements;
  return Number.isSafeInteger(size) ? size : undefined;
}

/** Field 1 is the type, field 2 a dimension, each a varint of its own or several packed. */
function* varintsOf(description: Uint8Array): Generator<number> {
  let position = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; position < description.byteLength; shift += 7) {
      const byte = description[position++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (position < description.byteLength) {
    const tag = next();
    if (tag % 8 === 0) yield next();
    else if (tag % 8 === 2) {
      const end = position + next() + 1;
      while (position < Math.min(end, description.byteLength)) yield next();
    } else return;
  }
}
