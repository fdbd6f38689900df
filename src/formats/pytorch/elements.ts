import type { StoredTensor } from "../../tensor/table.ts";
import { DTYPES, swapUnitBytes } from "../../tensor/dtype.ts";
import { isRowMajor, rowMajorStrides } from "../../tensor/shape.ts";

/** Steps between elements up to which a row is read whole and its elements picked out. */
const MAX_PICKED_STEP = 64;

/** Elements `from` to `from + count` of a tensor in row-major order, as little-endian bytes. */
export async function readElements(
  tensor: StoredTensor,
  from: number,
  count: number,
): Promise<Uint8Array> {
  const { shape, strides, source, byteOffset, dtype } = tensor;
  const width = DTYPES[dtype].bits / 8;
  const bytes = new Uint8Array(count * width);
  if (isRowMajor(shape, strides)) {
    await source.readInto(byteOffset + from * width, bytes);
    return littleEndian(bytes, tensor);
  }
  const last = shape.length - 1;
  const steps = rowMajorStrides(shape);
  const step = strides[last] ?? 1;
  for (let done = 0; done < count;) {
    const at = from + done;
    const index = shape.map((size, axis) => Math.floor(at / (steps[axis] ?? 1)) % size);
    const run = Math.min(count - done, (shape[last] ?? 1) - (index[last] ?? 0));
    const element = index.reduce((sum, place, axis) => sum + place * (strides[axis] ?? 0), 0);
    const target = bytes.subarray(done * width, (done + run) * width);
    await readStrided(tensor, element, step, width, target);
    done += run;
  }
  return littleEndian(bytes, tensor);
}

/** Elements one step from another. */
async function readStrided(
  { source, byteOffset }: StoredTensor,
  element: number,
  step: number,
  width: number,
  target: Uint8Array,
): Promise<void> {
  const begin = byteOffset + element * width;
  const count = target.byteLength / width;
  if (step > MAX_PICKED_STEP) {
    for (let at = 0; at < count; at++)
      await source.readInto(
        begin + at * step * width,
        target.subarray(at * width, (at + 1) * width),
      );
    return;
  }
  const span = await source.read(begin, ((count - 1) * step + 1) * width);
  for (let at = 0; at < count; at++)
    target.set(span.subarray(at * step * width, (at * step + 1) * width), at * width);
}

function littleEndian(bytes: Uint8Array, { dtype, byteOrder }: StoredTensor): Uint8Array {
  const unit = swapUnitBytes(dtype);
  if (byteOrder === "big" && unit > 1)
    for (let at = 0; at < bytes.byteLength; at += unit) bytes.subarray(at, at + unit).reverse();
  return bytes;
}
