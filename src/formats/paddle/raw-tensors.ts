import type { ByteSource } from "../../tensor/byte-source.ts";
import { byteCount } from "../../tensor/shape.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { packedVarints, protoFields } from "../protobuf-fields.ts";

/** A tensor in Paddle's binary form, and where its elements are. */
export interface RawTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte of the source. */
  readonly begin: number;
  readonly byteLength: number;
}

/** Tensors of one file; 10^5 are beyond any that we know. */
const MAX_TENSORS = 1_000_000;

/** Bytes of a tensor's description: a type and a few dimensions. */
const MAX_DESCRIPTION_BYTES = 4096;

/** Bytes before the description: version 0, no levels of detail, version 0, the description's length. */
const HEAD_BYTES = 20;

/** Paddle's VarType by its number (framework.proto, v3.3.1). */
export const DTYPE_OF_VAR_TYPE: ReadonlyMap<number, Dtype> = new Map([
  [0, "BOOL"],
  [1, "I16"],
  [2, "I32"],
  [3, "I64"],
  [4, "F16"],
  [5, "F32"],
  [6, "F64"],
  [20, "U8"],
  [21, "I8"],
  [22, "BF16"],
  [23, "C64"],
  [24, "C128"],
]);

/** Whether a file's first bytes are those of a tensor in Paddle's binary form. */
export function isRawTensorHead(head: Uint8Array): boolean {
  return (
    head.byteLength > HEAD_BYTES &&
    head.subarray(0, 16).every((byte) => byte === 0) &&
    head[16] !== 0 &&
    head[HEAD_BYTES] === 0x08
  );
}

/**
 * The tensors that a file holds one after another in Paddle's binary form (dense_tensor_serialize.cc, v3.3.1), and the byte where
 * they end: that of the file, or of the first that is none.
 */
export async function rawTensors(
  source: ByteSource,
): Promise<{ readonly tensors: readonly RawTensor[]; readonly end: number }> {
  const tensors: RawTensor[] = [];
  let position = 0;
  while (position < source.byteLength && tensors.length < MAX_TENSORS) {
    const left = source.byteLength - position;
    const bytes = await source.read(position, Math.min(HEAD_BYTES + MAX_DESCRIPTION_BYTES, left));
    const head = rawHead(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (head === undefined || head.headBytes + head.byteLength > left) break;
    const { headBytes, ...facts } = head;
    tensors.push({ ...facts, begin: position + headBytes });
    position += headBytes + facts.byteLength;
  }
  return { tensors, end: position };
}

function rawHead(bytes: Buffer): (Omit<RawTensor, "begin"> & { headBytes: number }) | undefined {
  if (bytes.byteLength < HEAD_BYTES || !bytes.subarray(0, 16).every((byte) => byte === 0))
    return undefined;
  const length = bytes.readInt32LE(16);
  if (length < 2 || length > MAX_DESCRIPTION_BYTES) return undefined;
  const headBytes = HEAD_BYTES + length;
  if (headBytes > bytes.byteLength) return undefined;
  const described = tensorDescription(bytes.subarray(HEAD_BYTES, headBytes));
  if (described?.dtype === undefined) return undefined;
  const { dtype, shape } = described;
  const byteLength = byteCount(shape, dtype);
  return byteLength === undefined ? undefined : { dtype, shape, byteLength, headBytes };
}

/** Paddle's TensorDesc: field 1 is the type, field 2 a dimension, each a varint of its own or several packed. */
export function tensorDescription(
  message: Uint8Array,
): { readonly dtype: Dtype | undefined; readonly shape: readonly number[] } | undefined {
  let dtype: Dtype | undefined;
  const shape: number[] = [];
  for (const { number, type, value, bytes } of protoFields(message) ?? []) {
    if (number === 1 && type === 0) dtype = DTYPE_OF_VAR_TYPE.get(value);
    else if (number === 2 && type === 0) shape.push(value);
    else if (number === 2 && type === 2) shape.push(...(packedVarints(bytes) ?? [Number.NaN]));
    else return undefined;
  }
  return { dtype, shape };
}
