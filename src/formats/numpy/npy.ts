import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { dtypesBy } from "../../tensor/dtype.ts";
import { byteCount, columnMajorStrides, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import type { ArrayFacts } from "./ndarray.ts";
import { malformed } from "./dtype.ts";

const MAGIC = Buffer.from("\u0093NUMPY", "latin1");

/** Longest header that numpy itself reads of a file that it is not told to trust, in bytes (numpy v2.2, `_MAX_HEADER_SIZE`). */
const MAX_HEADER_BYTES = 10_000;
/** Dimensions of an array; numpy 2 allows 64. */
const MAX_DIMENSIONS = 64;

/** A dict as numpy writes it: three keys in their order, and the dtype a text. */
const HEADER =
  /^\{'descr': (?:'(?<order>[<>|=])(?<code>[A-Za-z]\d*)(?:\[\w+\])?'|\[.*\]), 'fortran_order': (?<fortran>True|False), 'shape': \((?<shape>[\d, ]*)\), ?\} *\n?$/s;

const DTYPE_OF_CODE = dtypesBy("numpy");

/** What an array of numpy's is, by its header (numpy's NEP 1). */
export type NpyArray =
  | { readonly kind: "numbers"; readonly facts: ArrayFacts }
  /** A pickle, from that byte on. */
  | { readonly kind: "objects"; readonly dataBegin: number }
  | { readonly kind: "other"; readonly why: string };

/** Reads the header of one array; its elements stay where they are. @throws WbError WB3402, WB3403. */
export async function readNpy(source: ByteSource, where: string): Promise<NpyArray> {
  const head = Buffer.from(await source.read(0, Math.min(12, source.byteLength)));
  if (head.byteLength < 12 || !MAGIC.equals(head.subarray(0, MAGIC.byteLength)))
    throw malformed(where, "it does not begin as numpy's arrays do");
  const version = head[6] ?? 0;
  if (version < 1 || version > 3) throw malformed(where, `its version is ${version}`);
  const begin = version === 1 ? 10 : 12;
  const length = version === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8);
  if (length > MAX_HEADER_BYTES || begin + length > source.byteLength)
    throw malformed(where, `its header is said to have ${length} bytes`);
  const text = Buffer.from(await source.read(begin, length)).toString("utf8");
  const groups = HEADER.exec(text)?.groups;
  if (groups === undefined)
    throw malformed(where, `its header is ${JSON.stringify(text.trim().slice(0, 100))}`);
  const { order, code, fortran, shape = "" } = groups;
  const dataBegin = begin + length;
  if (code === undefined) return { kind: "other", why: "an array of records" };
  if (code === "O") return { kind: "objects", dataBegin };
  const dtype = DTYPE_OF_CODE.get(code);
  if (dtype === undefined)
    return { kind: "other", why: `an array that is not of numbers (numpy's ${code})` };
  const sizes = sizesOf(shape, where);
  const expected = byteCount(sizes, dtype);
  const found = source.byteLength - dataBegin;
  if (expected !== found) {
    throw new WbError(
      "WB3403",
      `${where} (${dtype} ${renderShape(sizes)}) needs ${expected ?? "more than 2^53"} bytes but its data has ${found}`,
      { details: { where, found, ...(expected === undefined ? {} : { expected }) } },
    );
  }
  const strides = fortran === "True" ? columnMajorStrides(sizes) : rowMajorStrides(sizes);
  const byteOrder = order === ">" ? "big" : "little";
  return {
    kind: "numbers",
    facts: { dtype, shape: sizes, strides, source, byteOffset: dataBegin, byteOrder },
  };
}

/** The sizes of "3, 4", "3," and "". */
function sizesOf(text: string, where: string): readonly number[] {
  const parts = text.split(",").map((part) => part.trim());
  const isOne = parts.length > 1 && parts.at(-1) === "";
  const numbers = (isOne ? parts.slice(0, -1) : parts).filter((part) => part !== "" || isOne);
  if (numbers.length > MAX_DIMENSIONS)
    throw malformed(where, `it has ${numbers.length} dimensions`);
  return numbers.map((part) => {
    const size = Number(part);
    if (/^\d+$/.test(part) && Number.isSafeInteger(size)) return size;
    throw malformed(where, `its shape is (${text})`);
  });
}
