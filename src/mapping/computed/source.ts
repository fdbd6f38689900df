import { WbError } from "../../errors/wb-error.ts";
import { madeSource } from "../../sources/made-source.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { rowMajorStrides } from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { Recipe, RowMaker } from "./recipe.ts";
import { rowMaker } from "./rows.ts";

/** How a tensor is computed, in what can be sent to another thread once its inputs can. */
export interface Computation {
  readonly recipe: Recipe;
  /** The first is what the tensor is named after. */
  readonly inputs: readonly StoredTensor[];
  /** What messages call the tensor. */
  readonly label: string;
}

const computations = new WeakMap<ByteSource, Computation>();

/** How a source's bytes are computed; undefined where they are stored. */
export function computationOf(source: ByteSource): Computation | undefined {
  return computations.get(source);
}

/** The stored tensors that a tensor's values come from: itself, where nothing is computed. */
export function storedInputs(tensor: StoredTensor): readonly StoredTensor[] {
  const computation = computationOf(tensor.source);
  return computation === undefined ? [tensor] : computation.inputs.flatMap(storedInputs);
}

/** Bytes of a band of rows that is computed at once. */
const BAND_BYTES = 2 ** 20;

/** A tensor whose values are computed as they are read, row by row, from others. */
export function computedTensor(
  name: string,
  computation: Computation,
  facts: Partial<StoredTensor> = {},
): StoredTensor {
  const { dtype, shape, isTransposed } = computation.recipe;
  return {
    ...facts,
    name,
    dtype,
    shape,
    strides: isTransposed ? transposedStrides(shape) : rowMajorStrides(shape),
    source: computedSource(computation),
    byteOffset: 0,
    byteOrder: "little",
    storage: `computed:${computation.label}`,
  };
}

/** Strides of matrices, one or a stack of them, that are stored the other way round. */
function transposedStrides(shape: readonly number[]): readonly number[] {
  const [columns = 1, rows = 1] = shape.slice(-2);
  const stored = rowMajorStrides([...shape.slice(0, -2), rows, columns]);
  return [...stored.slice(0, -2), ...stored.slice(-2).toReversed()];
}

/** The bytes of a computation. Two bands are kept, since pieces of many rows may be read in turn. */
export function computedSource(computation: Computation): ByteSource {
  const { recipe, inputs, label } = computation;
  const { rows, columns, dtype } = recipe;
  const rowBytes = columns * (DTYPES[dtype].bits / 8);
  const band = Math.max(1, Math.floor(BAND_BYTES / Math.max(1, rowBytes)));
  let maker: Promise<RowMaker> | undefined;
  const kept = new Map<number, Promise<Uint8Array>>();
  const bandAt = (index: number): Promise<Uint8Array> => {
    const known = kept.get(index);
    if (known !== undefined) return known;
    maker ??= rowMaker(recipe, inputs);
    const made = maker.then((make) => make(index * band, Math.min(rows, (index + 1) * band)));
    kept.set(index, made);
    for (const old of kept.keys()) {
      if (kept.size <= KEPT_BANDS) break;
      kept.delete(old);
    }
    return made;
  };
  const source = madeSource({ label, byteLength: rows * rowBytes }, async (begin, target) => {
    const bandBytes = band * rowBytes;
    let done = 0;
    while (done < target.byteLength) {
      const at = begin + done;
      const index = Math.floor(at / bandBytes);
      const bytes = await bandAt(index);
      const from = at - index * bandBytes;
      const piece = bytes.subarray(from, from + target.byteLength - done);
      if (piece.byteLength === 0) throw new WbError("WB7001", `${label}: an empty band`);
      target.set(piece, done);
      done += piece.byteLength;
    }
  });
  computations.set(source, computation);
  return source;
}

const KEPT_BANDS = 2;
