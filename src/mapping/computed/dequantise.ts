import { WbError } from "../../errors/wb-error.ts";
import { quantisedMatrices, type QuantisedMatrix } from "../../model/quantised.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { assemblyOf, wholeView } from "../assembly.ts";
import { readAssembly } from "../read-assembly.ts";
import type { QuantisationFacts } from "./facts.ts";
import { recordIn } from "../../model/config/fields.ts";
import type { Recipe } from "./recipe.ts";
import { computedTensor } from "./source.ts";

/** A matrix's stored tensors, by the last part of their names. */
type Parts = ReadonlyMap<string, StoredTensor>;

/** How a matrix is computed, and from what, in the order that the recipe says. */
interface Decoding {
  readonly recipe: Recipe;
  readonly inputs: readonly StoredTensor[];
}

export interface Dequantised {
  readonly checkpoint: Checkpoint;
  readonly note: string;
}

/**
 * A checkpoint in which every quantised matrix is one tensor of its values, computed as they are read; undefined where nothing is
 * quantised. Only tables of a few bytes are read here.
 * @throws WbError WB4706 for a variant whose values are not computed, WB3709 for parts that do not fit together.
 */
export async function dequantise(
  checkpoint: Checkpoint,
  facts: QuantisationFacts,
): Promise<Dequantised | undefined> {
  const matrices = quantisedMatrices(checkpoint.tensors.map(({ name }) => name));
  const [first] = matrices;
  if (first === undefined) return undefined;
  const byName = new Map(checkpoint.tensors.map((tensor) => [tensor.name, tensor]));
  const partOf = new Map<string, string>();
  const made = new Map<string, StoredTensor>();
  const skipped = [...checkpoint.skipped];
  for (const matrix of matrices) {
    const parts = new Map<string, StoredTensor>();
    for (const [key, name] of matrix.parts) {
      const tensor = byName.get(name);
      if (tensor !== undefined) parts.set(key, tensor);
      partOf.set(name, matrix.name);
    }
    const { recipe, inputs } = await decodingOf(matrix, parts, facts);
    const label = `${checkpoint.path}: ${matrix.name}`;
    made.set(matrix.name, computedTensor(matrix.name, { recipe, inputs, label }));
    for (const [key, tensor] of parts)
      if (ACTIVATION_SCALES.has(key))
        skipped.push({
          name: tensor.name,
          why: "a scale of activations, of no use without quantised weights",
        });
  }
  const tensors: StoredTensor[] = [];
  for (const tensor of checkpoint.tensors) {
    const name = partOf.get(tensor.name);
    if (name === undefined) tensors.push(tensor);
    else {
      const matrix = made.get(name);
      if (matrix !== undefined) tensors.push(matrix);
      made.delete(name);
    }
  }
  const kinds = [...new Set(matrices.map(({ by }) => by))].join(", ");
  const note = `${checkpoint.path}: dequantised ${matrices.length} matrices (${kinds}) from ${partOf.size} tensors of codes and scales`;
  return { checkpoint: { ...checkpoint, tensors, skipped }, note };
}

const ACTIVATION_SCALES: ReadonlySet<string> = new Set([
  "activation_scale",
  "input_scale",
  "input_zero_point",
]);

async function decodingOf(
  matrix: QuantisedMatrix,
  parts: Parts,
  facts: QuantisationFacts,
): Promise<Decoding> {
  switch (matrix.by) {
    case "FP8 with block scales":
      return scaled(
        matrix,
        part(matrix, parts, "weight"),
        part(matrix, parts, "weight_scale_inv"),
        facts,
      );
    case "FP8 with a scale":
      return withZeros(
        matrix,
        scaled(matrix, part(matrix, parts, "weight"), part(matrix, parts, "weight_scale"), facts),
        parts,
      );
    case "compressed-tensors":
      return packed(matrix, parts);
    case "GPTQ":
      return gptq(matrix, parts, facts);
    case "AWQ":
      return awq(matrix, parts, facts);
    case "bitsandbytes, 8 bit":
      return eightBit(matrix, parts);
    case "bitsandbytes, 4 bit":
      return fourBit(matrix, parts);
    case "MXFP4":
      return mxfp4(matrix, parts);
    default:
      return matrix.by satisfies never;
  }
}

function part({ name }: QuantisedMatrix, parts: Parts, key: string): StoredTensor {
  const tensor = parts.get(key);
  if (tensor !== undefined) return tensor;
  throw new WbError("WB3709", `${shownName(name)}: ${key} is missing`, {
    details: { tensor: name },
  });
}

function refusePart({ name }: QuantisedMatrix, parts: Parts, key: string): void {
  if (parts.has(key)) throw unsupported(name, `with ${key}`);
}

function unsupported(name: string, what: string): WbError {
  return new WbError("WB4706", `${shownName(name)}: quantised ${what}`, {
    details: { tensor: name },
  });
}

function misfit({ name, by }: QuantisedMatrix, ...tensors: readonly StoredTensor[]): WbError {
  const found = tensors.map(
    (one) => `${shownName(one.name)} ${one.dtype} ${renderShape(one.shape)}`,
  );
  return new WbError(
    "WB3709",
    `${shownName(name)}: its parts do not fit together as ${by} stores them: ${found.join(", ")}`,
    { details: { tensor: name } },
  );
}

/** The dtype of a product with these scales; exponents alone, and whole numbers, are computed with in float32. */
function dtypeOf(scales: StoredTensor): Recipe["dtype"] {
  return scales.dtype === "F16" || scales.dtype === "BF16" ? scales.dtype : "F32";
}

function plain(rows: number, columns: number, dtype: Recipe["dtype"]) {
  const purpose = "dequantise";
  return { purpose, dtype, shape: [rows, columns], rows, columns, isTransposed: false } as const;
}

function transposed(rows: number, columns: number, dtype: Recipe["dtype"]) {
  const purpose = "dequantise";
  return { purpose, dtype, shape: [columns, rows], rows, columns, isTransposed: true } as const;
}

/** Codes with a scale for all, for each row, for blocks of a row or for blocks of a matrix. */
function scaled(
  matrix: QuantisedMatrix,
  weight: StoredTensor,
  scales: StoredTensor,
  { blockSize }: QuantisationFacts,
): Decoding {
  const [rows = 0, columns = 0] = weight.shape;
  const isCode = weight.dtype === "I8" || weight.dtype === "F8_E4M3" || weight.dtype === "F8_E5M2";
  if (!isCode) throw unsupported(matrix.name, `codes of ${weight.dtype}`);
  const count = scales.shape.reduce((product, size) => product * size, 1);
  const block = blockOf([rows, columns], scales.shape, count, blockSize);
  if (weight.shape.length !== 2 || block === undefined) throw misfit(matrix, weight, scales);
  const [blockRows, blockColumns] = block;
  return {
    recipe: {
      ...plain(rows, columns, dtypeOf(scales)),
      kind: "scaled",
      blockRows,
      blockColumns,
      packedBits: 0,
      factor: 1,
    },
    inputs: [weight, scales],
  };
}

/** Rows and columns that share a scale; undefined where the shapes do not say. */
function blockOf(
  [rows, columns]: readonly [number, number],
  shape: readonly number[],
  count: number,
  told: readonly [number, number] | undefined,
): readonly [number, number] | undefined {
  if (count === 1) return [rows, columns];
  if (shape.length === 1) return count === rows ? [1, columns] : undefined;
  const [down = 0, across = 0] = shape;
  if (shape.length !== 2) return undefined;
  for (const block of told === undefined ? USUAL_BLOCKS : [told, ...USUAL_BLOCKS])
    if (Math.ceil(rows / block[0]) === down && Math.ceil(columns / block[1]) === across)
      return block;
  if (rows % down !== 0 || columns % across !== 0) return undefined;
  return [rows / down, columns / across];
}

/** DeepSeek's. */
const USUAL_BLOCKS: readonly (readonly [number, number])[] = [[128, 128]];

async function packed(matrix: QuantisedMatrix, parts: Parts): Promise<Decoding> {
  refusePart(matrix, parts, "weight_g_idx");
  const codes = part(matrix, parts, "weight_packed");
  const scales = part(matrix, parts, "weight_scale");
  if (codes.dtype === "U8") throw unsupported(matrix.name, "in pairs of floats of 4 bits");
  const sizes = await bytesOf(part(matrix, parts, "weight_shape"));
  const [rows = 0, columns = 0] = new BigInt64Array(sizes.buffer, 0, sizes.byteLength / 8);
  const [down, across] = [Number(rows), Number(columns)];
  const [codeRows = 0, words = 0] = codes.shape;
  if (codes.dtype !== "I32" || codeRows !== down) throw misfit(matrix, codes, scales);
  const bits = [4, 8].find((width) => Math.ceil(across / (32 / width)) === words);
  if (bits === undefined)
    throw unsupported(matrix.name, "in codes of other widths than 4 and 8 bits");
  const groups = scales.shape[1] ?? 1;
  if (scales.shape[0] !== down || across % groups !== 0) throw misfit(matrix, codes, scales);
  const zeros = parts.get("weight_zero_point");
  const zeroWords = Math.ceil(down / (32 / bits));
  const hasFittingZeros =
    zeros?.dtype === "I32" && zeros.shape[0] === zeroWords && (zeros.shape[1] ?? 1) === groups;
  if (zeros !== undefined && !hasFittingZeros) throw misfit(matrix, codes, scales, zeros);
  return {
    recipe: {
      ...plain(down, across, dtypeOf(scales)),
      kind: "scaled",
      blockRows: 1,
      blockColumns: across / groups,
      packedBits: bits,
      factor: 1,
      ...(zeros === undefined ? {} : { zeros: "packed" as const }),
    },
    inputs: zeros === undefined ? [codes, scales] : [codes, scales, zeros],
  };
}

/** Whole codes with a zero for each scale (compressed-tensors' int-quantized). */
function withZeros(matrix: QuantisedMatrix, made: Decoding, parts: Parts): Decoding {
  const zeros = parts.get("weight_zero_point");
  if (zeros === undefined || made.recipe.kind !== "scaled") return made;
  const [codes, scales] = made.inputs;
  if (codes === undefined || scales === undefined) throw misfit(matrix, zeros);
  const isWhole = codes.dtype === "I8" && zeros.dtype === "I8";
  if (!isWhole || countOf(zeros) !== countOf(scales)) throw misfit(matrix, codes, scales, zeros);
  return { recipe: { ...made.recipe, zeros: "plain" }, inputs: [codes, scales, zeros] };
}

function countOf({ shape }: StoredTensor): number {
  return elementCount(shape) ?? 0;
}

/** gpt-oss' experts: [experts, out, groups, 16] pairs of codes; transformers has them as [experts, in, out]. */
function mxfp4(matrix: QuantisedMatrix, parts: Parts): Decoding {
  const blocks = part(matrix, parts, "_blocks");
  const scales = part(matrix, parts, "_scales");
  const [experts = 0, outputs = 0, groups = 0, bytes = 0] = blocks.shape;
  const fits =
    [blocks, scales].every(({ dtype }) => dtype === "U8") &&
    blocks.shape.length === 4 &&
    bytes === 16 &&
    scales.shape.join() === blocks.shape.slice(0, 3).join() &&
    [blocks, scales].every(isContiguous);
  if (!fits) throw misfit(matrix, blocks, scales);
  const rows = experts * outputs;
  const columns = groups * 2 * bytes;
  return {
    recipe: {
      purpose: "dequantise",
      kind: "mxfp4",
      dtype: "BF16",
      shape: [experts, columns, outputs],
      rows,
      columns,
      isTransposed: true,
    },
    inputs: [asRows(blocks, rows), asRows(scales, rows)],
  };
}

function isContiguous({ shape, strides }: StoredTensor): boolean {
  return rowMajorStrides(shape).join() === strides.join();
}

/** The same bytes as a matrix. */
function asRows(tensor: StoredTensor, rows: number): StoredTensor {
  const columns = countOf(tensor) / Math.max(1, rows);
  return { ...tensor, shape: [rows, columns], strides: [columns, 1] };
}

function gptq(matrix: QuantisedMatrix, parts: Parts, facts: QuantisationFacts): Decoding {
  const inputs = ["qweight", "qzeros", "scales", "g_idx"].map((key) => part(matrix, parts, key));
  const [codes, zeros, scales, groups] = inputs;
  if (codes === undefined || zeros === undefined || scales === undefined || groups === undefined)
    throw misfit(matrix, ...inputs);
  if (facts.packing !== undefined && !GPTQ_PACKINGS.has(facts.packing))
    throw unsupported(matrix.name, `in the packing ${facts.packing}`);
  const [words = 0, columns = 0] = codes.shape;
  const [rows = 0] = groups.shape;
  const bits = (32 * words) / rows;
  const fits =
    [2, 3, 4, 8].includes(bits) &&
    [codes, zeros, groups].every(({ dtype }) => dtype === "I32") &&
    scales.shape[1] === columns &&
    zeros.shape[0] === scales.shape[0] &&
    zeros.shape[1] === (columns * bits) / 32;
  if (!fits) throw misfit(matrix, ...inputs);
  return {
    recipe: {
      ...transposed(rows, columns, dtypeOf(scales)),
      kind: "gptq",
      bits,
      zeroOffset: facts.hasPlainZeros ? 0 : 1,
    },
    inputs,
  };
}

const GPTQ_PACKINGS: ReadonlySet<string> = new Set(["gptq", "gptq_v2"]);

function awq(matrix: QuantisedMatrix, parts: Parts, { packing }: QuantisationFacts): Decoding {
  const inputs = ["qweight", "qzeros", "scales"].map((key) => part(matrix, parts, key));
  const [codes, zeros, scales] = inputs;
  if (codes === undefined || zeros === undefined || scales === undefined)
    throw misfit(matrix, ...inputs);
  if (packing !== undefined && packing !== "gemm")
    throw unsupported(matrix.name, `in the packing ${packing}`);
  const [rows = 0, words = 0] = codes.shape;
  const [groups = 1, columns = 0] = scales.shape;
  const fits =
    words * 8 === columns &&
    rows % groups === 0 &&
    zeros.shape[0] === groups &&
    zeros.shape[1] === words &&
    [codes, zeros].every(({ dtype }) => dtype === "I32");
  if (!fits) throw misfit(matrix, ...inputs);
  return {
    recipe: {
      ...transposed(rows, columns, dtypeOf(scales)),
      kind: "awq",
      groupSize: rows / groups,
    },
    inputs,
  };
}

/** 1 / 127 as bitsandbytes writes it (functional.py, `int8_vectorwise_dequant`), in float32. */
const OF_127 = Math.fround(7.874015718698502e-3);

async function eightBit(matrix: QuantisedMatrix, parts: Parts): Promise<Decoding> {
  const weight = part(matrix, parts, "weight");
  const scales = part(matrix, parts, "SCB");
  const format = parts.get("weight_format");
  const [order = 0] = format === undefined ? [] : await bytesOf(format);
  if (order !== 0) throw unsupported(matrix.name, `in bitsandbytes' tiled order ${order}`);
  const [rows = 0, columns = 0] = weight.shape;
  if (weight.dtype !== "I8" || weight.shape.length !== 2 || scales.shape[0] !== rows)
    throw misfit(matrix, weight, scales);
  return {
    recipe: {
      ...plain(rows, columns, "F32"),
      kind: "scaled",
      blockRows: 1,
      blockColumns: columns,
      packedBits: 0,
      factor: OF_127,
    },
    inputs: [weight, scales],
  };
}

const DTYPE_OF_NAME: Readonly<Record<string, Recipe["dtype"]>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
};

async function fourBit(matrix: QuantisedMatrix, parts: Parts): Promise<Decoding> {
  const codes = part(matrix, parts, "");
  const absmax = part(matrix, parts, ".absmax");
  const table = part(matrix, parts, ".quant_map");
  const stateKey = [...parts.keys()].find((key) => key.startsWith(".quant_state."));
  const stateBytes = await bytesOf(part(matrix, parts, stateKey ?? ".quant_state."));
  const state = recordIn(Buffer.from(stateBytes).toString("utf8")) ?? {};
  const shape = state["shape"];
  const blockSize = Number(state["blocksize"]);
  const dtype = DTYPE_OF_NAME[String(state["dtype"])];
  const nestedBlock = state["nested_blocksize"];
  const sizes: readonly unknown[] = Array.isArray(shape) ? shape : [];
  const [rows, columns] = [Number(sizes[0]), Number(sizes[1])];
  const count = rows * columns;
  const bytes = codes.shape.reduce((product, size) => product * size, DTYPES[codes.dtype].bits / 8);
  const isWhole = Number.isSafeInteger(count) && bytes === Math.ceil(count / 2);
  const hasScales = absmax.shape[0] === Math.ceil(count / blockSize);
  if (sizes.length !== 2 || dtype === undefined || !isWhole || !hasScales)
    throw misfit(matrix, codes, absmax);
  const isNested = nestedBlock !== undefined;
  const nested = isNested
    ? { blockSize: Number(nestedBlock), offset: Number(state["nested_offset"]) }
    : undefined;
  const outer = isNested
    ? [part(matrix, parts, ".nested_absmax"), part(matrix, parts, ".nested_quant_map")]
    : [];
  return {
    recipe: { ...plain(rows, columns, dtype), kind: "fourBit", blockSize, nested },
    inputs: [codes, absmax, table, ...outer],
  };
}

/** Bytes of a table that is read while planning. */
const MAX_TABLE_BYTES = 2 ** 16;

async function bytesOf(tensor: StoredTensor): Promise<Uint8Array> {
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  if ((count * DTYPES[tensor.dtype].bits) / 8 > MAX_TABLE_BYTES)
    throw new WbError(
      "WB3709",
      `${shownName(tensor.name)}: ${count} values, more than a table has`,
      { details: { tensor: tensor.name } },
    );
  return readAssembly(assemblyOf(wholeView(tensor)));
}
