import { inLayer, layerOf } from "../../../model/layer-number.ts";
import type { Laboratory, HostTensor } from "../../compare/model-runner.ts";
import type { Statement } from "../../relate/claim.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import type { Read } from "./hypothesis.ts";
import { sizeOf, transposed } from "./tensor-edits.ts";

/** Equal elements in a row, other than 0, that two tensors of trained weights never have by chance. */
const MIN_RUN = 24;

/** Tensors that one search reads to compare: of a whole model of many layers, those nearby alone. */
const READS = 4000;

/** Layers before and after that are compared at least. */
const NEIGHBOURS = 4;

const BITS = (() => {
  const float = new Float32Array(1);
  return { float, whole: new Int32Array(float.buffer) };
})();

/**
 * What a tensor has that belongs elsewhere: rows or columns that repeat others of it, a stretch of the same tensor of another layer,
 * or one value throughout where that tensor has many in the layer next to it.
 */
export async function judgeCopies(
  names: readonly string[],
  laboratory: Laboratory,
  read: Read,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  const reach = Math.max(NEIGHBOURS, Math.floor(READS / (2 * names.length)));
  for (const name of names) {
    const tensor = await read(name);
    // Zeros throughout are a value of their own, which others judge.
    if (tensor.data.every((value) => value === 0)) continue;
    const repeated = repeatedLines(tensor, "rows") ?? repeatedLines(tensor, "columns");
    const copy = repeated ?? (await sharedWithOthers(name, tensor, laboratory, reach));
    if (copy === undefined) continue;
    const { evidence, statement, of } = copy;
    found.push({
      cause: repeated === undefined ? "corrupt" : "duplicated",
      tensors: [name],
      ...commonLayer([name]),
      evidence,
      claims: [{ tensor: name, ...(of === undefined ? {} : { of }), ...statement }],
    });
  }
  return found;
}

/** What a tensor has that belongs elsewhere, in words and as data. */
interface Copy {
  readonly evidence: string;
  readonly statement: Statement;
  /** The tensor on our own side that has it, too, where it is another one. */
  readonly of?: string;
}

function repeatedLines(tensor: HostTensor, axis: "rows" | "columns"): Copy | undefined {
  if (tensor.shape.length !== 2 && axis === "columns") return undefined;
  const lines = axis === "rows" ? tensor : transposed(tensor);
  const { rows: count, columns: width } = sizeOf(lines);
  if (tensor.shape.length < 2 || width < MIN_RUN) return undefined;
  const lineOf = new Map<number, number>();
  const pairs: { readonly row: number; readonly like: number }[] = [];
  for (let row = 0; row < count; row++) {
    const values = lines.data.subarray(row * width, (row + 1) * width);
    if (values.every((value) => value === values[0])) continue;
    const key = keyOf(values);
    const like = lineOf.get(key);
    if (like === undefined) lineOf.set(key, row);
    else if (values.every((value, column) => value === lines.data[like * width + column]))
      pairs.push({ row, like });
  }
  const [first] = pairs;
  if (first === undefined) return undefined;
  let end = 1;
  while (pairs[end]?.row === first.row + end && pairs[end]?.like === first.like + end) end++;
  const rest = pairs.length - end;
  const one = axis === "rows" ? "row" : "column";
  const stretch =
    end === 1
      ? `${one} ${first.row} repeats ${one} ${first.like}`
      : `${axis} ${first.row} to ${first.row + end - 1} repeat ${axis} ${first.like} to ${first.like + end - 1}`;
  return {
    evidence: `${stretch}${rest > 0 ? ` and ${rest} more ${axis} others` : ""}`,
    statement: {
      kind: "repeated-lines",
      axis,
      lines: pairs.map(({ row }) => row),
      like: pairs.map(({ like }) => like),
    },
  };
}

/** A number that equal lines share, and hardly any others: of 53 bits, made of the first elements. */
function keyOf(values: Float32Array): number {
  let [low, high] = [0, 0];
  for (let index = 0; index < MIN_RUN; index++) {
    // -0 equals 0.
    BITS.float[0] = (values[index] ?? 0) + 0;
    const bits = BITS.whole[0] ?? 0;
    low = Math.imul(low ^ bits, 0x01000193);
    high = Math.imul(high + bits, 0x85ebca6b) ^ (high >>> 13);
  }
  return (low >>> 0) + (high >>> 11) * 2 ** 32;
}

async function sharedWithOthers(
  name: string,
  tensor: HostTensor,
  laboratory: Laboratory,
  reach: number,
): Promise<Copy | undefined> {
  const isConstant = tensor.data.every((value) => value === tensor.data[0]);
  for (const other of othersOf(name, laboratory, reach)) {
    const { data } = await laboratory.read(other);
    if (data.length !== tensor.data.length) continue;
    if (isConstant) {
      const value = tensor.data[0] ?? 0;
      if (data.every((element) => element === value)) return undefined;
      return {
        evidence: `every element is ${value}, which those of ${other} are not`,
        statement: { kind: "constant", value },
      };
    }
    const run = longestRun(tensor.data, data);
    const end = run.begin + run.length;
    if (run.length >= MIN_RUN)
      return {
        evidence: `elements ${run.begin} to ${end - 1} are those of ${other}`,
        statement: { kind: "shared-run", begin: run.begin, end },
        of: other,
      };
  }
  return undefined;
}

/** The same tensor of the other layers, the nearest first. */
function othersOf(name: string, laboratory: Laboratory, reach: number): readonly string[] {
  const layer = layerOf(name);
  if (layer === undefined) return [];
  const distances = Array.from(
    { length: Math.min(reach, laboratory.config.layers) },
    (_unused, index) => index + 1,
  );
  return distances
    .flatMap((distance) => [layer - distance, layer + distance])
    .map((other) => inLayer(name, other))
    .filter((other) => laboratory.facts(other) !== undefined);
}

/** The longest stretch of equal elements that is not one value throughout. */
function longestRun(
  left: Float32Array,
  right: Float32Array,
): { readonly begin: number; readonly length: number } {
  let best = { begin: 0, length: 0 };
  for (let begin = 0; begin < left.length; begin++) {
    if (left[begin] !== right[begin]) continue;
    let end = begin + 1;
    let changes = 0;
    for (; end < left.length && left[end] === right[end]; end++)
      if (left[end] !== left[end - 1]) changes++;
    if (end - begin > best.length && changes > MIN_RUN / 2) best = { begin, length: end - begin };
    begin = end;
  }
  return best;
}
