import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { byteCount, columnMajorStrides, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { latin1Source } from "../pickle/latin1-source.ts";
import { malformed, parseNumpyDtype, type NumpyDtype } from "./dtype.ts";
import { describeValue } from "../pickle/stack.ts";
import { encodeLatin1 } from "../pickle/text.ts";
import type { PickleReduce, PickleValue } from "../pickle/value.ts";
import { memorySource, sliceSource } from "../../sources/file.ts";

/** Dimensions of an array; numpy 2 allows 64. */
const MAX_DIMENSIONS = 64;

/** An array's facts, as StoredTensor has them but for its name and storage. */
export type ArrayFacts = Pick<
  StoredTensor,
  "dtype" | "shape" | "strides" | "source" | "byteOffset" | "byteOrder"
>;

const MULTIARRAY = new Set(["numpy.core.multiarray", "numpy._core.multiarray"]);
const NUMERIC = new Set(["numpy.core.numeric", "numpy._core.numeric"]);

/** True for the calls that numpy pickles arrays and scalars as. */
export function isNdarray(value: PickleValue): value is PickleReduce {
  if (typeof value !== "object" || value?.kind !== "reduce") return false;
  const { module, name } = value.callable;
  return (
    (MULTIARRAY.has(module) && (name === "_reconstruct" || name === "scalar")) ||
    (NUMERIC.has(module) && name === "_frombuffer")
  );
}

/**
 * Reads a pickled numpy array (numpy v2.2, numpy/_core/src/multiarray/methods.c, `array_reduce`): `_reconstruct(…)` built
 * with (version, shape, dtype, is Fortran, data), `scalar(dtype, data)`, or `_frombuffer(data, dtype, shape, order)`.
 * @throws WbError WB3402, WB3403, WB4401.
 */
export function parseNdarray(call: PickleReduce, where: string): ArrayFacts {
  const { name } = call.callable;
  const { items } = call.args;
  refuseChanges(call, where, name === "_reconstruct");
  if (name === "scalar") return arrayFacts(items[0], { items: [], order: "C" }, items[1], where);
  if (name === "_frombuffer") {
    const [data, dtype, shape, order] = items;
    return arrayFacts(
      dtype,
      { items: sizesOf(shape, where), order: orderOf(order, where) },
      data,
      where,
    );
  }
  if (
    typeof call.state !== "object" ||
    call.state?.kind !== "tuple" ||
    call.state.items.length !== 5
  ) {
    throw malformed(where, "the array was never given its shape and data");
  }
  const [, shape, dtype, isFortran, data] = call.state.items;
  if (typeof isFortran !== "boolean" && isFortran !== 0 && isFortran !== 1) {
    throw malformed(where, `its Fortran flag is ${describeValue(isFortran)}`);
  }
  const order = isFortran === true || isFortran === 1 ? "F" : "C";
  return arrayFacts(dtype, { items: sizesOf(shape, where), order }, data, where);
}

/** What a pickle does to an array or to its bytes after they are made would change them, and no pickler writes it. */
function refuseChanges(call: PickleReduce, where: string, mayBeBuilt: boolean): void {
  const isBuilt = call.state !== undefined && !mayBeBuilt;
  if (!isBuilt && call.items.length === 0 && call.entries.length === 0) return;
  throw malformed(where, `${describeValue(call)} is changed after it was made`);
}

function orderOf(value: PickleValue | undefined, where: string): "C" | "F" {
  if (value === "C" || value === "F") return value;
  throw malformed(where, `its order is ${describeValue(value)}, expected C or F`);
}

function arrayFacts(
  dtypeValue: PickleValue | undefined,
  shape: { readonly items: readonly number[]; readonly order: "C" | "F" },
  data: PickleValue | undefined,
  where: string,
): ArrayFacts {
  const { dtype, byteOrder }: NumpyDtype = parseNumpyDtype(dtypeValue, where);
  const expected = byteCount(shape.items, dtype);
  if (expected === undefined)
    throw malformed(where, `its shape ${renderShape(shape.items)} has more than 2^53 bytes`);
  const source = dataSource(data, expected, where);
  if (source.byteLength !== expected)
    throw wrongSize(where, dtype, shape.items, expected, source.byteLength);
  const strides =
    shape.order === "F" ? columnMajorStrides(shape.items) : rowMajorStrides(shape.items);
  return { dtype, shape: shape.items, strides, source, byteOffset: 0, byteOrder };
}

function sizesOf(value: PickleValue | undefined, where: string): readonly number[] {
  const items = typeof value === "object" && value?.kind === "tuple" ? value.items : undefined;
  if (items === undefined)
    throw malformed(where, `its shape is ${describeValue(value)}, expected a tuple`);
  if (items.length > MAX_DIMENSIONS) throw malformed(where, `it has ${items.length} dimensions`);
  return items.map((item) => {
    if (typeof item === "number" && Number.isSafeInteger(item) && item >= 0) return item;
    throw malformed(where, `its shape has ${describeValue(item)} in it`);
  });
}

/** The bytes of an array wherever the pickle put them. */
function dataSource(data: PickleValue | undefined, expected: number, where: string): ByteSource {
  if (typeof data === "string") return latin1Memory(data, where);
  if (typeof data !== "object" || data === null)
    throw malformed(where, `its data is ${describeValue(data)}`);
  if (data.kind === "bytes")
    return sliceSource(data.parent, data.begin, data.byteLength, data.parent.label);
  if (data.kind === "reduce") {
    refuseChanges(data, where, false);
    const { module, name } = data.callable;
    const [first, encoding] = data.args.items;
    if (
      module === "_codecs" &&
      name === "encode" &&
      (encoding === "latin1" || encoding === "latin-1")
    ) {
      return encodedText(first, expected, where);
    }
    if ((name === "bytes" || name === "bytearray") && first === undefined)
      return memorySource(new Uint8Array(0), where);
    // A bytearray of bytes; one of a bytearray, and so on down, is nobody's honest file.
    const isBytes =
      typeof first === "string" || (typeof first === "object" && first?.kind !== "reduce");
    if (name === "bytearray" && isBytes) return dataSource(first, expected, where);
  }
  throw malformed(where, `its data is ${describeValue(data)}`);
}

/** Protocol 2: `_codecs.encode(text, "latin1")`. */
function encodedText(text: PickleValue | undefined, expected: number, where: string): ByteSource {
  if (typeof text === "string") return latin1Memory(text, where);
  if (typeof text !== "object" || text?.kind !== "text")
    throw malformed(where, `its data is ${describeValue(text)}`);
  // Every byte takes one or two of UTF-8; anything else is damage that shows before a byte is read.
  if (text.byteLength < expected || text.byteLength > 2 * expected) {
    throw new WbError(
      "WB3403",
      `${where}: its data is a text of ${text.byteLength} bytes of UTF-8, which cannot decode to the ${expected} bytes expected`,
      { details: { where } },
    );
  }
  return latin1Source(text, expected, where);
}

function latin1Memory(text: string, where: string): ByteSource {
  const bytes = encodeLatin1(text);
  if (bytes === undefined) throw malformed(where, "its data is text with characters beyond U+00FF");
  return memorySource(bytes, where);
}

function wrongSize(
  where: string,
  dtype: string,
  shape: readonly number[],
  expected: number,
  found: number,
): WbError {
  return new WbError(
    "WB3403",
    `${where} (${dtype} ${renderShape(shape)}) needs ${expected} bytes but its data has ${found}`,
    { details: { where, expected, found } },
  );
}
