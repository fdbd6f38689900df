import { WbError } from "../../errors/wb-error.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { assemblyOf, narrowRows, wholeView } from "../assembly.ts";
import { readAssembly } from "../read-assembly.ts";
import { lowRankRows } from "./low-rank.ts";
import type { Recipe, RowMaker } from "./recipe.ts";
import { codeValues, isTabled, tabledRows } from "./scaled-rows.ts";
import { storedValues } from "./stored-values.ts";

type Of<Kind extends Recipe["kind"]> = Extract<Recipe, { kind: Kind }>;
type Inputs = readonly StoredTensor[];

/** What computes a recipe's rows; scales and tables are read once. */
export async function rowMaker(recipe: Recipe, inputs: Inputs): Promise<RowMaker> {
  if (recipe.kind === "lowRank") return lowRankRows(recipe, inputs);
  if (recipe.kind === "scaled" && isTabled(recipe)) return tabledMaker(recipe, inputs);
  const values = await valueMaker(recipe, inputs);
  return async (begin, end) => storedValues(await values(begin, end), recipe.dtype);
}

/** Rows `begin` to `end` as float32. */
type ValueMaker = (begin: number, end: number) => Promise<Float32Array>;

function valueMaker(
  recipe: Exclude<Recipe, { kind: "lowRank" }>,
  inputs: Inputs,
): Promise<ValueMaker> {
  switch (recipe.kind) {
    case "scaled":
      return scaledRows(recipe, inputs);
    case "gptq":
      return gptqRows(recipe, inputs);
    case "awq":
      return awqRows(recipe, inputs);
    case "fourBit":
      return fourBitRows(recipe, inputs);
    case "mxfp4":
      return Promise.resolve(mxfp4Rows(recipe, inputs));
    default:
      return recipe satisfies never;
  }
}

function inputAt(inputs: Inputs, index: number): StoredTensor {
  const tensor = inputs[index];
  if (tensor === undefined) throw new WbError("WB7001", `a computation without input ${index}`);
  return tensor;
}

/** All values of a small input. Scales that are exponents alone (E8M0) are powers of two. */
async function valuesOf(tensor: StoredTensor): Promise<Float32Array> {
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  if (tensor.dtype === "F8_E8M0") return Float32Array.from(bytes, (byte) => 2 ** (byte - 127));
  const values = decodeValues(bytes, tensor.dtype);
  if (values === undefined)
    throw new WbError("WB7001", `${tensor.name}: ${tensor.dtype} has no values`);
  return Float32Array.from(values);
}

async function wordsOf(tensor: StoredTensor): Promise<Uint32Array> {
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function rowsOf(tensor: StoredTensor, begin: number, end: number): Promise<Uint8Array> {
  return readAssembly(narrowRows(assemblyOf(wholeView(tensor)), begin, end));
}

async function tabledMaker(recipe: Of<"scaled">, inputs: Inputs): Promise<RowMaker> {
  const codes = inputAt(inputs, 0);
  const values = codeValues(codes.dtype);
  const scales = await valuesOf(inputAt(inputs, 1));
  return async (begin, end) => {
    const bytes = await rowsOf(codes, begin, end);
    return tabledRows(recipe, { values, scales }, bytes, [begin, end]);
  };
}

async function scaledRows(recipe: Of<"scaled">, inputs: Inputs): Promise<ValueMaker> {
  const { columns, blockRows, blockColumns, packedBits, factor } = recipe;
  const codes = inputAt(inputs, 0);
  const scales = await valuesOf(inputAt(inputs, 1));
  const across = Math.ceil(columns / blockColumns);
  const zeros = await zerosOf(recipe, inputs, across);
  return async (begin, end) => {
    const bytes = await rowsOf(codes, begin, end);
    const values =
      packedBits === 0
        ? decodeValues(bytes, codes.dtype)
        : unpacked(bytes, packedBits, end - begin, columns);
    if (values === undefined) throw new WbError("WB7001", `${codes.name}: no codes`);
    const made = new Float32Array((end - begin) * columns);
    let at = 0;
    for (let row = begin; row < end; row++) {
      const scaleRow = Math.floor(row / blockRows) * across;
      for (let first = 0, block = 0; first < columns; first += blockColumns, block++) {
        const scale = scales[scaleRow + block] ?? Number.NaN;
        const zero = zeros === undefined ? 0 : (zeros[scaleRow + block] ?? Number.NaN);
        const last = Math.min(columns, first + blockColumns);
        for (let column = first; column < last; column++, at++)
          made[at] = ((values[at] ?? Number.NaN) - zero) * scale;
      }
    }
    if (factor !== 1)
      for (let index = 0; index < made.length; index++) made[index] = (made[index] ?? 0) * factor;
    return made;
  };
}

/** Zeros in the order of the scales; codes less zeros are whole numbers, exact in every dtype of scales. */
async function zerosOf(
  { zeros, packedBits, rows }: Of<"scaled">,
  inputs: Inputs,
  across: number,
): Promise<Float64Array | Float32Array | undefined> {
  if (zeros === undefined) return undefined;
  const stored = inputAt(inputs, 2);
  if (zeros === "plain") return valuesOf(stored);
  const words = await wordsOf(stored);
  const perWord = Math.floor(32 / packedBits);
  const half = 2 ** (packedBits - 1);
  const values = new Float64Array(rows * across);
  for (let row = 0, at = 0; row < rows; row++)
    for (let block = 0; block < across; block++, at++) {
      const word = words[Math.floor(row / perWord) * across + block] ?? 0;
      values[at] = ((word >>> (packedBits * (row % perWord))) & (2 * half - 1)) - half;
    }
  return values;
}

/** Floats of 4 bits (OCP Microscaling formats 1.0, E2M1), the sign in the highest bit. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** Pairs of codes, the first in the low half, times a power of two for each 32 (transformers v5.23, integrations/mxfp4.py). */
function mxfp4Rows({ columns }: Of<"mxfp4">, inputs: Inputs): ValueMaker {
  const [codes, exponents] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  return async (begin, end) => {
    const [pairs, powers] = await Promise.all([
      rowsOf(codes, begin, end),
      rowsOf(exponents, begin, end),
    ]);
    const made = new Float32Array((end - begin) * columns);
    for (let group = 0, at = 0; group < powers.length; group++) {
      const scale = Math.fround(2 ** ((powers[group] ?? 0) - 127));
      for (let byte = 0; byte < 16; byte++, at += 2) {
        const pair = pairs[group * 16 + byte] ?? 0;
        made[at] = (E2M1[pair & 15] ?? 0) * scale;
        made[at + 1] = (E2M1[pair >>> 4] ?? 0) * scale;
      }
    }
    return made;
  };
}

/** Codes of a few bits from words, the first in the lowest bits, less half their range (compressed-tensors). */
function unpacked(bytes: Uint8Array, bits: number, rows: number, columns: number): Float64Array {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const perWord = Math.floor(32 / bits);
  const rowWords = words.length / rows;
  const half = 2 ** (bits - 1);
  const values = new Float64Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) {
      const word = words[row * rowWords + Math.floor(column / perWord)] ?? 0;
      values[at] = ((word >>> (bits * (column % perWord))) & (2 * half - 1)) - half;
    }
  return values;
}

/** Code `index` of a row's string of codes of `bits` bits. */
function codeAt(words: Uint32Array, begin: number, index: number, bits: number): number {
  const first = index * bits;
  const place = begin + (first >>> 5);
  const shift = first & 31;
  const low = (words[place] ?? 0) >>> shift;
  const rest = 32 - shift;
  const high = rest < bits ? (words[place + 1] ?? 0) << rest : 0;
  return (low | high) & (2 ** bits - 1);
}

/** GPTQ (Frantar et al. 2022) as AutoGPTQ packs it: codes of one output column in words down the column; zeros along a row. */
async function gptqRows(recipe: Of<"gptq">, inputs: Inputs): Promise<ValueMaker> {
  const { bits, columns, zeroOffset } = recipe;
  const codes = inputAt(inputs, 0);
  const [zeroWords, scales, groups] = await Promise.all([
    wordsOf(inputAt(inputs, 1)),
    valuesOf(inputAt(inputs, 2)),
    valuesOf(inputAt(inputs, 3)),
  ]);
  const zeroStride = (columns * bits) / 32;
  const mask = 2 ** bits - 1;
  const zeros = scales.map((_scale, index) => {
    const row = Math.floor(index / columns) * zeroStride;
    const code = codeAt(zeroWords, row, index % columns, bits);
    return zeroOffset === 0 ? code : (code + zeroOffset) & mask;
  });
  return async (begin, end) => {
    // Codes may cross words: those of 32 rows fill whole ones.
    const from = Math.floor((begin * bits) / 32);
    const to = Math.ceil((end * bits) / 32);
    const bytes = await rowsOf(codes, from, to);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const made = new Float32Array((end - begin) * columns);
    for (let row = begin, at = 0; row < end; row++) {
      const group = groups[row] ?? Number.NaN;
      const first = row * bits - from * 32;
      const place = Math.floor(first / 32) * columns;
      const shift = first % 32;
      const rest = 32 - shift;
      for (let column = 0; column < columns; column++, at++) {
        const low = (words[place + column] ?? 0) >>> shift;
        const high = rest < bits ? (words[place + columns + column] ?? 0) << rest : 0;
        const code = (low | high) & mask;
        const scale = scales[group * columns + column] ?? Number.NaN;
        made[at] = scale * (code - (zeros[group * columns + column] ?? 0));
      }
    }
    return made;
  };
}

/** Where AWQ's packing puts code i of eight (AutoAWQ, `AWQ_REVERSE_ORDER`). */
const AWQ_PLACE = [0, 4, 1, 5, 2, 6, 3, 7] as const;

function nibble(word: number, column: number): number {
  return (word >>> (4 * (AWQ_PLACE[column % 8] ?? 0))) & 15;
}

async function awqRows(recipe: Of<"awq">, inputs: Inputs): Promise<ValueMaker> {
  const { columns, groupSize } = recipe;
  const codes = inputAt(inputs, 0);
  const [zeroWords, scales] = await Promise.all([
    wordsOf(inputAt(inputs, 1)),
    valuesOf(inputAt(inputs, 2)),
  ]);
  const perRow = columns / 8;
  return async (begin, end) => {
    const bytes = await rowsOf(codes, begin, end);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const made = new Float32Array((end - begin) * columns);
    for (let row = begin, at = 0; row < end; row++) {
      const group = Math.floor(row / groupSize);
      for (let column = 0; column < columns; column++, at++) {
        const place = column >>> 3;
        const code = nibble(words[(row - begin) * perRow + place] ?? 0, column);
        const zero = nibble(zeroWords[group * perRow + place] ?? 0, column);
        made[at] = (code - zero) * (scales[group * columns + column] ?? Number.NaN);
      }
    }
    return made;
  };
}

/** bitsandbytes' nf4 and fp4: two codes a byte, the first in the high bits, blocks of the flattened matrix. */
async function fourBitRows(recipe: Of<"fourBit">, inputs: Inputs): Promise<ValueMaker> {
  const { columns, blockSize, nested } = recipe;
  const codes = inputAt(inputs, 0);
  const table = Float32Array.from(await valuesOf(inputAt(inputs, 2)));
  // Of fp4, told as bitsandbytes tells it (backends/default/ops.py), code 8 is minus nothing: its kernels multiply by the sign.
  if ((table[1] ?? 0) > 0 && table[8] === 0) table[8] = -0;
  const outer = await valuesOf(inputAt(inputs, 1));
  const absmax = nested === undefined ? outer : await nestedScales(outer, nested, inputs);
  return async (begin, end) => {
    const first = begin * columns;
    const count = (end - begin) * columns;
    const from = Math.floor(first / 2);
    const bytes = new Uint8Array(Math.ceil((first + count) / 2) - from);
    await codes.source.readInto(codes.byteOffset + from, bytes);
    const made = new Float32Array(count);
    for (let at = 0; at < count; at++) {
      const index = first + at;
      const byte = bytes[(index >>> 1) - from] ?? 0;
      const code = (index & 1) === 0 ? byte >>> 4 : byte & 15;
      made[at] =
        (table[code] ?? Number.NaN) * (absmax[Math.floor(index / blockSize)] ?? Number.NaN);
    }
    return made;
  };
}

async function nestedScales(
  codes: Float32Array,
  { blockSize, offset }: { readonly blockSize: number; readonly offset: number },
  inputs: Inputs,
): Promise<Float32Array> {
  const scales = await valuesOf(inputAt(inputs, 3));
  const table = await valuesOf(inputAt(inputs, 4));
  return codes.map((code, index) =>
    Math.fround(
      Math.fround((table[code] ?? Number.NaN) * (scales[Math.floor(index / blockSize)] ?? 0)) +
        Math.fround(offset),
    ),
  );
}
