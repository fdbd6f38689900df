import { WbError } from "../errors/wb-error.ts";
import { blockType, type BlockType } from "../formats/gguf/block-types.ts";
import { assemblyOf, concatViews, type Assembly, type TensorView } from "./assembly.ts";
import { readAssembly } from "./read-assembly.ts";
import type { QuantisedBytes, StoredTensor } from "../tensor/table.ts";

/** Bytes of a float32, which quantised tensors are given as. */
const FLOAT_BYTES = 4;

/** Rows of one quantised tensor, under a name of the model's: each is whole blocks in the file. */
export interface StoredRows {
  readonly type: BlockType;
  /** What its file calls it. */
  readonly storedName: string;
  readonly rows: number;
  readonly columns: number;
  /** The blocks of rows `begin` to `end`, not included, one row after the other. */
  readonly read: (begin: number, end: number) => Promise<Uint8Array>;
  /** The matrices of the stored tensor, which may be a stack of them, and which of them the rows are in; undefined where they are not whole rows of one. */
  readonly stack: { readonly matrices: number; readonly own: number } | undefined;
  /** Where a block of a row stands: its place among all blocks of the stored tensor, and its byte in the file. */
  placeOf(row: number, block: number): { readonly block: number; readonly offset: number };
}

interface PartRows extends StoredRows {
  /** The same rows as bytes of the file: [rows, bytes of a row]. */
  readonly bytes: TensorView;
}

/** Whether a tensor's numbers are those of quantised blocks, all of them or some. */
export function isQuantised({ parts }: Assembly): boolean {
  return parts.some(({ tensor }) => tensor.quantised !== undefined);
}

/** Types of the quantised blocks that a tensor's numbers come from, each once. */
export function quantisedTypes({ parts }: Assembly): readonly string[] {
  return [...new Set(parts.flatMap(({ tensor }) => tensor.quantised?.type ?? []))];
}

/** The type of a matrix whose rows are whole blocks of one type; undefined of others. */
export function blocksOf(assembly: Assembly): string | undefined {
  const [type, ...others] = quantisedTypes(assembly);
  if (type === undefined || others.length > 0) return undefined;
  return storedRows(assembly) === undefined ? undefined : type;
}

/** The blocks of such a matrix, row after row. @throws WbError WB7001 for others. */
export async function readBlocks(
  assembly: Assembly,
): Promise<{ readonly type: string; readonly bytes: Uint8Array }> {
  const type = blocksOf(assembly);
  const parts = rowsOfParts(assembly);
  if (type === undefined || parts === undefined)
    throw new WbError("WB7001", "blocks were asked for of a matrix whose rows are not whole ones");
  // Queries and keys are two parts a head, whose rows a GGUF file permutes: all are read in one go, by the same buffer.
  const views = parts.map(({ bytes }) => bytes);
  return { type, bytes: await readAssembly(concatViews(views, 0)) };
}

/** A tensor as rows of blocks, one entry for each of its parts; undefined where its rows are no whole blocks. */
export function storedRows(assembly: Assembly): readonly StoredRows[] | undefined {
  return rowsOfParts(assembly);
}

function rowsOfParts(assembly: Assembly): readonly PartRows[] | undefined {
  if (assembly.axis !== 0 && assembly.parts.length > 1) return undefined;
  const found = assembly.parts.map(rowsOfPart);
  return found.every((rows) => rows !== undefined) ? found : undefined;
}

function rowsOfPart(view: TensorView): PartRows | undefined {
  const { tensor } = view;
  const { quantised } = tensor;
  const type = quantised === undefined ? undefined : blockType(quantised.type);
  if (quantised === undefined || type === undefined || view.shape.length !== 2) return undefined;
  const [rows = 0, columns = 0] = view.shape;
  const [rowStride = 0, columnStride = 0] = view.strides;
  const first = tensor.byteOffset / FLOAT_BYTES + view.elementOffset;
  const isWhole = [columns, rowStride, first].every((count) => count % type.elements === 0);
  if (!isWhole || (columnStride !== 1 && columns > 1)) return undefined;
  const bytes = bytesOf(view, tensor, quantised, type, first);
  return {
    type,
    storedName: tensor.storedName ?? tensor.name,
    rows,
    columns,
    bytes,
    stack: stackOf(quantised.shape, columns, first, first + (rows - 1) * rowStride),
    read: (begin, end) => readAssembly(assemblyOf(rowsBetween(bytes, begin, end))),
    placeOf: (row, block) => {
      const place = (first + row * rowStride) / type.elements + block;
      return { block: place, offset: quantised.begin + place * type.bytes };
    },
  };
}

/** Which matrix of a stored tensor the rows are in that begin at elements `first` to `last`. */
function stackOf(
  shape: readonly number[],
  columns: number,
  first: number,
  last: number,
): StoredRows["stack"] {
  const [width = 0, height = 1, ...others] = shape.toReversed();
  const own = Math.floor(first / (width * height));
  const isOne = columns === width && own === Math.floor(last / (width * height));
  return isOne ? { matrices: others.reduce((product, size) => product * size, 1), own } : undefined;
}

/** The same rows as bytes of the file. */
function bytesOf(
  { shape, strides }: TensorView,
  tensor: StoredTensor,
  { file, begin, byteLength }: QuantisedBytes,
  { elements, bytes }: BlockType,
  first: number,
): TensorView {
  const [rows = 0, columns = 0] = shape;
  const rowBytes = (columns / elements) * bytes;
  const own = [((strides[0] ?? 0) / elements) * bytes, 1];
  const raw: StoredTensor = {
    name: tensor.name,
    dtype: "U8",
    shape: [byteLength],
    strides: [1],
    source: file,
    byteOffset: begin,
    byteOrder: "little",
    storage: tensor.storage,
  };
  return {
    tensor: raw,
    elementOffset: (first / elements) * bytes,
    shape: [rows, rowBytes],
    strides: own,
  };
}

function rowsBetween(view: TensorView, begin: number, end: number): TensorView {
  const [, width = 0] = view.shape;
  return {
    ...view,
    elementOffset: view.elementOffset + begin * (view.strides[0] ?? 0),
    shape: [end - begin, width],
  };
}
