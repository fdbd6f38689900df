import { WbError } from "../../errors/wb-error.ts";
import { elementCount, rowMajorStrides, sameShape } from "../../tensor/shape.ts";
import type { SparseTensor } from "./sparse-tensor.ts";

/** Where the entries of a sparse tensor go in its dense form; counts in elements. */
export interface SparsePlaces {
  /** Of the dense tensor. */
  readonly elements: number;
  /** Entries: of one batch, where there are several. */
  readonly entries: number;
  /** Values of one entry follow one another in as many runs as a block has rows. */
  readonly runs: number;
  readonly runLength: number;
  /** From one run of an entry to its next in the dense tensor: a row. */
  readonly runStep: number;
  /** Coordinates: the step in the dense tensor of each, and how many there are. */
  readonly coordinates: readonly { readonly step: number; readonly size: number }[];
  /** Compressed layouts: the coordinate that is compressed (rows or columns of blocks), and the other one's. */
  readonly compressed: 0 | 1 | undefined;
  readonly batches: number;
  /** Elements of one batch of the dense tensor. */
  readonly batchStep: number;
}

/**
 * Places the entries of a COO, CSR, CSC, BSR or BSC tensor as torch lays them out (torch.sparse of v2.6.0): batch dimensions, the sparse ones, and
 * the dense ones of each value.
 * @throws WbError WB3302 where indices, values and shape do not fit together.
 */
export function sparsePlaces(sparse: SparseTensor, where: string): SparsePlaces {
  const places = sparse.layout === "coo" ? coordinatePlaces(sparse) : compressedPlaces(sparse);
  if (places !== undefined) return places;
  const { layout, shape, values, indices, pointers } = sparse;
  const parts = [pointers, indices, values].filter((part) => part !== undefined);
  throw new WbError(
    "WB3302",
    `${where}: sparse ${layout.toUpperCase()} of [${shape.join(", ")}], whose parts [${parts.map((part) => part.shape.join(", ")).join("], [")}] do not fit together`,
    { details: { where } },
  );
}

function coordinatePlaces({ shape, indices, values }: SparseTensor): SparsePlaces | undefined {
  const [dimensions = 0, entries = 0] = indices.shape;
  const dense = shape.slice(dimensions);
  const fits =
    indices.shape.length === 2 &&
    dimensions <= shape.length &&
    sameShape(values.shape, [entries, ...dense]);
  const elements = elementCount(shape);
  if (!fits || elements === undefined) return undefined;
  const strides = rowMajorStrides(shape);
  return {
    elements,
    entries,
    runs: 1,
    runLength: product(dense),
    runStep: 0,
    coordinates: shape
      .slice(0, dimensions)
      .map((size, axis) => ({ size, step: strides[axis] ?? 0 })),
    compressed: undefined,
    batches: 1,
    batchStep: elements,
  };
}

function compressedPlaces({
  layout,
  shape,
  pointers,
  indices,
  values,
}: SparseTensor): SparsePlaces | undefined {
  if (pointers === undefined) return undefined;
  const batch = indices.shape.slice(0, -1);
  const entries = indices.shape.at(-1);
  const isBlocked = layout === "bsr" || layout === "bsc";
  const [rows, columns, ...dense] = shape.slice(batch.length);
  const block = isBlocked
    ? values.shape.slice(batch.length + 1, batch.length + 3)
    : ([1, 1] as const);
  const [down, across] = block;
  if (entries === undefined || rows === undefined || columns === undefined) return undefined;
  if (down === undefined || across === undefined || down < 1 || across < 1) return undefined;
  const compressed = layout === "csr" || layout === "bsr" ? 0 : 1;
  const width = product(dense);
  const coordinates = [
    { size: rows / down, step: down * columns * width },
    { size: columns / across, step: across * width },
  ];
  const lanes = coordinates[compressed]?.size ?? 0;
  const elements = elementCount(shape);
  const fits =
    rows % down === 0 &&
    columns % across === 0 &&
    sameShape(shape.slice(0, batch.length), batch) &&
    sameShape(pointers.shape, [...batch, lanes + 1]) &&
    sameShape(values.shape, [...batch, entries, ...(isBlocked ? [down, across] : []), ...dense]);
  if (!fits || elements === undefined) return undefined;
  return {
    elements,
    entries,
    runs: down,
    runLength: across * width,
    runStep: columns * width,
    coordinates,
    compressed,
    batches: product(batch),
    batchStep: rows * columns * width,
  };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((count, size) => count * size, 1);
}
