import { decodeBlocks } from "../../formats/gguf/decode-blocks.ts";
import { blockJudge } from "../../formats/gguf/judge/judge-block.ts";
import { transposedAssembly, type Assembly } from "../../mapping/assembly.ts";
import { inLayer, layerOf } from "../../model/layer-number.ts";
import { elementCount, sameShape } from "../../tensor/shape.ts";
import { judgeTensor, originalsOf, type JudgeOptions, type ReadOriginals } from "./judge-tensor.ts";
import { matchRows } from "./match-rows.ts";
import type { StoredRows } from "../../mapping/stored-rows.ts";

type Tensors = ReadonlyMap<string, Assembly>;

/** Share of blocks that a source must explain to be the source. */
const MOST = 0.9;

/** Rows that a candidate is tried on first. */
const FIRST_ROWS = 2;

/** Largest tensor, in elements, whose rows are looked for one by one. */
const MAX_ELEMENTS = 2 ** 26;

/** Rows of the original, as many as the tensor has, that it was quantised from. */
export type Source = ReadOriginals;

/**
 * What a tensor was quantised from, where that is not the original's tensor of its name: another one's numbers, its own transposed, its own rows
 * in another order, or its own times a factor. Undefined where none of them explains most of its blocks.
 */
export async function findSource(
  name: string,
  parts: readonly StoredRows[],
  reference: Tensors,
  options: JudgeOptions,
): Promise<Source | undefined> {
  const own = reference.get(name);
  if (own === undefined) return undefined;
  for (const candidate of candidatesFor(name, own, reference)) {
    const originals = originalsOf(candidate);
    if (await explains(name, parts, originals, options)) return originals;
  }
  const size = elementCount(own.shape) ?? Infinity;
  if (size > MAX_ELEMENTS) return undefined;
  const read = originalsOf(own);
  const whole = await read(0, own.shape[0] ?? 0);
  const rows = await matchRows(parts, whole, options.isWeighted);
  if (rows !== undefined) return rows;
  const factor = await factorOf(parts, read);
  const scaled: ReadOriginals = async (begin, end) =>
    (await read(begin, end)).map((value) => value * factor);
  return factor !== 1 && (await explains(name, parts, scaled, options)) ? scaled : undefined;
}

/** The nearest first: the same tensor the other way round, the same of other layers, others of its layer, the rest. */
function candidatesFor(name: string, own: Assembly, reference: Tensors): readonly Assembly[] {
  const layer = layerOf(name);
  const distance = (other: string): number => {
    if (layer !== undefined && inLayer(other, layer) === name) return 0;
    return layerOf(other) === layer ? 1 : 2;
  };
  const others = [...reference]
    .filter(([other, { shape }]) => other !== name && sameShape(shape, own.shape))
    .toSorted(([left], [right]) => distance(left) - distance(right))
    .map(([, assembly]) => assembly);
  const [rows, columns] = own.shape;
  return rows === columns ? [transposedAssembly(own), ...others] : others;
}

async function explains(
  name: string,
  parts: readonly StoredRows[],
  originals: ReadOriginals,
  options: JudgeOptions,
): Promise<boolean> {
  const [first] = parts;
  if (first === undefined || !(await startsWith(first, originals, options.isWeighted)))
    return false;
  const { blocks, unexplained } = await judgeTensor(name, parts, originals, {
    isWeighted: options.isWeighted,
    signal: options.signal,
  });
  return blocks - unexplained >= MOST * blocks;
}

async function startsWith(
  { type, rows, columns, read }: StoredRows,
  originals: ReadOriginals,
  isWeighted: boolean,
): Promise<boolean> {
  const end = Math.min(rows, FIRST_ROWS);
  const [bytes, values] = [await read(0, end), await originals(0, end)];
  const judge = blockJudge(type.name, isWeighted);
  const blocks = (end * columns) / type.elements;
  let explained = 0;
  for (let block = 0; block < blocks; block++)
    if (judge(bytes, block * type.bytes, values, block * type.elements).isExplained) explained++;
  return explained >= MOST * blocks;
}

/** The factor that brings the original nearest to the first rows' numbers; 1 where it is near 1. */
async function factorOf([first]: readonly StoredRows[], originals: ReadOriginals): Promise<number> {
  if (first === undefined) return 1;
  const { type, rows, read } = first;
  const end = Math.min(rows, FIRST_ROWS);
  const [bytes, values] = [await read(0, end), await originals(0, end)];
  const stored = decodeBlocks(bytes, type);
  let [product, energy] = [0, 0];
  for (const [index, value] of values.entries()) {
    product += value * (stored[index] ?? 0);
    energy += value * value;
  }
  const factor = product / energy;
  const power = 2 ** Math.round(Math.log2(Math.abs(factor))) * Math.sign(factor);
  const near = Math.abs(factor / power - 1) < NEAR ? power : factor;
  return Math.abs(near - 1) < NEAR || !Number.isFinite(near) ? 1 : near;
}

/** What rounding may make of a factor. */
const NEAR = 0.02;
