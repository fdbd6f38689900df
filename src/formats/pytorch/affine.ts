import { madeSource } from "../../sources/made-source.ts";
import { sourceRecords, type ByteSource } from "../../tensor/byte-source.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";

/** Codes as torch's affine quantisation stores them. */
export type CodeDtype = "U8" | "I8" | "I32";

/** How codes become values; per channel, the lists have one number for each index along the axis. */
export type Quantizer =
  | { readonly kind: "tensor"; readonly scale: number; readonly zeroPoint: number }
  | {
      readonly kind: "channel";
      readonly scales: Float64Array;
      readonly zeroPoints: Float64Array;
      /** Scales in double precision, as torch makes them unless the zero points are floats: what the product is computed in. */
      readonly isDouble: boolean;
      /** The channel of an element is ⌊(element − first) / step⌋ mod the number of channels; in elements of the storage. */
      readonly first: number;
      readonly step: number;
    };

export function isCodeDtype(dtype: Dtype): dtype is CodeDtype {
  return dtype === "U8" || dtype === "I8" || dtype === "I32";
}

/** Bytes of codes that are read at once. */
const CODE_BYTES = 2 ** 18;
/** Bytes of a float32. */
const VALUE_BYTES = 4;

/**
 * The float32 values that the codes of a storage stand for, element for element, as `Tensor.dequantize` computes them.
 * @param codes A storage of quint8, qint8 or qint32 codes: whole elements.
 * @param read Reads the scales; asked once, with the first values.
 */
export function affineSource(
  codes: ByteSource,
  dtype: CodeDtype,
  byteOrder: "little" | "big",
  read: () => Promise<Quantizer>,
): ByteSource {
  let quantizer: Promise<Quantizer> | undefined;
  const codeBytes = DTYPES[dtype].bits / 8;
  const count = codes.byteLength / codeBytes;
  const { label } = codes;
  const facts = { label, byteLength: count * VALUE_BYTES, records: sourceRecords(codes) };
  const most = CODE_BYTES / codeBytes;
  return madeSource(facts, async (begin, target) => {
    // Whole elements, of which the target may want a part.
    const end = begin + target.byteLength;
    const to = Math.ceil(end / VALUE_BYTES);
    for (let from = Math.floor(begin / VALUE_BYTES); from < to; from += most) {
      const length = Math.min(most, to - from);
      const bytes = await codes.read(from * codeBytes, length * codeBytes);
      quantizer ??= read();
      const values = valuesOf(codesIn(bytes, dtype, byteOrder), from, await quantizer);
      const skipped = Math.max(0, begin - from * VALUE_BYTES);
      const piece = new Uint8Array(values.buffer).subarray(skipped, end - from * VALUE_BYTES);
      target.set(piece, from * VALUE_BYTES + skipped - begin);
    }
  });
}

function codesIn(
  bytes: Uint8Array,
  dtype: CodeDtype,
  byteOrder: "little" | "big",
): Uint8Array | Int8Array | Int32Array {
  if (dtype === "U8") return bytes;
  if (dtype === "I8") return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const codes = new Int32Array(bytes.byteLength / VALUE_BYTES);
  for (let at = 0; at < codes.length; at++)
    codes[at] = view.getInt32(at * VALUE_BYTES, byteOrder === "little");
  return codes;
}

/**
 * ATen of torch v2.6.0, native/quantized: `dequantize_val` subtracts the zero point in 32-bit integers and multiplies in float32;
 * `dequantize_tensor_per_channel_affine_cpu` subtracts in float32, and multiplies in the scales' precision.
 */
function valuesOf(
  codes: Uint8Array | Int8Array | Int32Array,
  from: number,
  quantizer: Quantizer,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(codes.length);
  if (quantizer.kind === "tensor") {
    const scale = Math.fround(quantizer.scale);
    const { zeroPoint } = quantizer;
    for (let at = 0; at < codes.length; at++)
      values[at] = Math.fround(((codes[at] ?? Number.NaN) - zeroPoint) | 0) * scale;
    return values;
  }
  const { scales, zeroPoints, isDouble, first, step } = quantizer;
  const channels = scales.length;
  for (let at = 0; at < codes.length; at++) {
    // Elements before the tensor's first are another's; they are made, and never taken.
    const channel = Math.max(0, Math.floor((from + at - first) / step)) % channels;
    const zeroPoint = Math.fround(zeroPoints[channel] ?? Number.NaN);
    const distance = Math.fround(Math.fround(codes[at] ?? Number.NaN) - zeroPoint);
    const product = distance * (scales[channel] ?? Number.NaN);
    values[at] = isDouble ? product : Math.fround(product);
  }
  return values;
}
