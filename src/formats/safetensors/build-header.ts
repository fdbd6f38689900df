import { WbError } from "../../errors/wb-error.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import { byteCount, renderShape } from "../../tensor/shape.ts";
import { shownName } from "../../tensor/shown-name.ts";

/** A tensor to be written. */
export interface TensorFacts {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

export interface SafetensorsLayout<T extends TensorFacts> {
  /** Length, JSON and padding: the bytes before the data. */
  readonly header: Uint8Array;
  /** In the order in which their data follows the header, without gaps. */
  readonly tensors: readonly T[];
}

const DTYPE_ORDER: readonly string[] = Object.keys(DTYPES);

/**
 * The header of a safetensors file. Tensors are sorted by dtype, the widest alignment first, then by name, and the header is
 * padded with spaces to a multiple of 8: the same bytes as huggingface/safetensors 24b0b28 writes
 * (safetensors/src/tensor.rs, `prepare`).
 * @throws WbError WB4901 for a dtype that the format has not.
 */
export function buildSafetensorsHeader<T extends TensorFacts>(
  tensors: readonly T[],
  metadata: ReadonlyMap<string, string>,
  label: string,
): SafetensorsLayout<T> {
  const sorted = tensors.toSorted(
    (left, right) =>
      DTYPE_ORDER.indexOf(right.dtype) - DTYPE_ORDER.indexOf(left.dtype) ||
      compareBytes(left.name, right.name),
  );
  const fields: string[] = [];
  if (metadata.size > 0)
    fields.push(
      `"__metadata__":${JSON.stringify(Object.fromEntries([...metadata].toSorted(byKey)))}`,
    );
  let begin = 0;
  for (const { name, dtype, shape } of sorted) {
    if (!DTYPES[dtype].safetensors) {
      throw new WbError(
        "WB4901",
        `${label}: tensor ${shownName(name)} is ${DTYPES[dtype].torch ?? ""} (${dtype}), which safetensors cannot hold`,
        {
          hint: "Write PyTorch or Paddle instead (--to pytorch), or split it into real and imaginary parts first.",
          details: { path: label, tensor: name, dtype },
        },
      );
    }
    const byteLength = byteCount(shape, dtype);
    if (byteLength === undefined) {
      throw new WbError(
        "WB4901",
        `${label}: tensor ${shownName(name)} ${dtype} ${renderShape(shape)} has no whole number of bytes`,
        { details: { path: label, tensor: name, dtype } },
      );
    }
    const end = begin + byteLength;
    fields.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`,
    );
    begin = end;
  }
  const json = Buffer.from(`{${fields.join(",")}}`, "utf8");
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return { header, tensors: sorted };
}

function byKey(left: readonly [string, string], right: readonly [string, string]): number {
  return compareBytes(left[0], right[0]);
}

/** Order of the names' UTF-8 bytes, which is Rust's; JavaScript's own goes by UTF-16 units. */
function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left, "utf8"), Buffer.from(right, "utf8"));
}
