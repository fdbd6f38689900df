import { madeSource } from "../../sources/made-source.ts";
import { sourceRecords } from "../../tensor/byte-source.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { bf16ToF32Bits, f16ToF32Bits } from "../../tensor/float-bits.ts";
import type { StoredTensor } from "../../tensor/table.ts";

/** Bytes of a float32. */
const WIDE_BYTES = 4;

/** Bytes of the narrow numbers that are read at a time. */
const PIECE_BYTES = 2 ** 20;

/** Fills float32 numbers from little-endian ones of another width. */
type Widen = (bytes: DataView, numbers: DataView) => void;

const WIDEN: Readonly<Partial<Record<StoredTensor["dtype"], Widen>>> = {
  F16: (bytes, numbers) => {
    for (let at = 0; at < bytes.byteLength; at += 2)
      numbers.setUint32(2 * at, f16ToF32Bits(bytes.getUint16(at, true)), true);
  },
  BF16: (bytes, numbers) => {
    for (let at = 0; at < bytes.byteLength; at += 2)
      numbers.setUint32(2 * at, bf16ToF32Bits(bytes.getUint16(at, true)), true);
  },
  F64: (bytes, numbers) => {
    for (let at = 0; at < bytes.byteLength; at += 8)
      numbers.setFloat32(at / 2, bytes.getFloat64(at, true), true);
  },
};

/** A tensor of floats as float32, as torch's float() gives it; any other tensor as it is. */
export function widened(tensor: StoredTensor): StoredTensor {
  const { dtype, source: parent, byteOffset } = tensor;
  const widen = WIDEN[dtype];
  if (widen === undefined) return tensor;
  const itemBytes = DTYPES[dtype].bits / 8;
  const byteLength = Math.floor(parent.byteLength / itemBytes) * WIDE_BYTES;
  const facts = { label: parent.label, byteLength, records: sourceRecords(parent) };
  const most = PIECE_BYTES / itemBytes;
  const source = madeSource(facts, async (begin, target) => {
    const last = Math.ceil((begin + target.byteLength) / WIDE_BYTES);
    for (let first = Math.floor(begin / WIDE_BYTES); first < last; first += most) {
      const count = Math.min(most, last - first);
      const bytes = await parent.read(first * itemBytes, count * itemBytes);
      const numbers = new Uint8Array(count * WIDE_BYTES);
      widen(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), viewOf(numbers));
      const at = first * WIDE_BYTES;
      const from = Math.max(begin, at);
      const end = Math.min(begin + target.byteLength, at + numbers.byteLength);
      target.set(numbers.subarray(from - at, end - at), from - begin);
    }
  });
  return {
    ...tensor,
    dtype: "F32",
    source,
    byteOffset: (byteOffset / itemBytes) * WIDE_BYTES,
  };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
