import { setImmediate } from "node:timers/promises";
import type { ImportanceMatrix } from "../../formats/gguf/importance/importance-matrix.ts";
import { blockJudge, type JudgeBlock } from "../../formats/gguf/judge/judge-block.ts";
import { narrowRows, type Assembly } from "../../mapping/assembly.ts";
import { readAssembly } from "../../mapping/read-assembly.ts";
import { decodeValues } from "../../tensor/decode.ts";
import { HALF_WAYS } from "./half-way.ts";
import { askMatrix, isByMatrix, type AskedMatrix } from "./ask-matrix.ts";
import type { BlockPlace, MatrixUse, TensorJudgement } from "./judgement.ts";
import { isRequantised, isSameEverywhere } from "./requantised.ts";
import { WaysOfBand, WaysOfTensor } from "./ways.ts";
import type { StoredRows } from "../../mapping/stored-rows.ts";

/** Elements of a band of rows that is judged at once. */
const BAND_ELEMENTS = 2 ** 19;

/** Blocks that a judgement names. */
const NAMED = 4096;

export interface JudgeOptions {
  /** Whether the file names an importance matrix. */
  readonly isWeighted: boolean;
  /** The matrix that the file is said to be made with. */
  readonly matrix?: ImportanceMatrix | undefined;
  /** Whether the original's numbers are those of blocks themselves: then equal numbers are enough. */
  readonly isOriginalQuantised?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told the bytes of the file that were judged. */
  readonly onBytes?: ((count: number, tensor: string) => void) | undefined;
}

/** What is known of a tensor so far. */
interface Tally {
  identical: number;
  rounded: number;
  unexplained: number;
  worst: number;
  maxAbs: number;
  squares: number;
  energy: number;
  /** Σ stored · original and Σ stored², whose ratio a fit makes nearly 1. */
  product: number;
  storedEnergy: number;
  cutOff: number;
  readonly roundedPlaces: BlockPlace[];
  readonly places: BlockPlace[];
}

/**
 * Holds a quantised tensor against the original's numbers, block by block: first the bytes that quantising makes of them, then each level under the
 * block's own scales. The original may have been rounded to binary16 or bfloat16 on its way.
 * @param parts The tensor's rows in order.
 */
export async function judgeTensor(
  name: string,
  parts: readonly StoredRows[],
  originals: ReadOriginals,
  options: JudgeOptions,
): Promise<TensorJudgement> {
  const tally: Tally = {
    identical: 0,
    rounded: 0,
    unexplained: 0,
    worst: 0,
    maxAbs: 0,
    squares: 0,
    energy: 0,
    product: 0,
    storedEnergy: 0,
    cutOff: 0,
    roundedPlaces: [],
    places: [],
  };
  let [row, blocks, elements] = [0, 0, 0];
  let asked: AskedMatrix = { use: null, columns: undefined };
  for (const part of parts) {
    const first = row;
    const own = await askMatrix(part, options.matrix);
    asked = (await isByMatrix(part, own.columns, (begin, end) =>
      originals(first + begin, first + end),
    ))
      ? own
      : { use: "left-out", columns: undefined };
    const { columns } = asked;
    const judge = blockJudge(part.type.name, options.isWeighted);
    const ways = new WaysOfTensor();
    const band = Math.max(1, Math.floor(BAND_ELEMENTS / part.columns));
    for (let begin = 0; begin < part.rows; begin += band) {
      options.signal?.throwIfAborted();
      const end = Math.min(part.rows, begin + band);
      const bytes = await part.read(begin, end);
      const values = await originals(row + begin, row + end);
      const { isOriginalQuantised = false } = options;
      judgeBand(
        { name, part, begin, bytes, originals: values, columns, judge, ways, isOriginalQuantised },
        tally,
      );
      options.onBytes?.(bytes.byteLength, name);
      await setImmediate();
    }
    row += part.rows;
    elements += part.rows * part.columns;
    blocks += (part.rows * part.columns) / part.type.elements;
  }
  return judged(name, parts, blocks, elements, tally, asked.use);
}

/** Rows `begin` to `end`, not included, of what a tensor was quantised from. */
export type ReadOriginals = (begin: number, end: number) => Promise<Float32Array>;

export function originalsOf(reference: Assembly): ReadOriginals {
  return (begin, end) => floatsOf(narrowRows(reference, begin, end));
}

async function floatsOf(assembly: Assembly): Promise<Float32Array> {
  const values = decodeValues(await readAssembly(assembly), assembly.dtype);
  return Float32Array.from(values ?? []);
}

interface Band {
  readonly name: string;
  readonly part: StoredRows;
  /** Its first row. */
  readonly begin: number;
  readonly bytes: Uint8Array;
  readonly originals: Float32Array;
  /** What an importance matrix has for each column; undefined without one. */
  readonly columns: Float32Array | undefined;
  readonly judge: JudgeBlock;
  readonly ways: WaysOfTensor;
  readonly isOriginalQuantised: boolean;
}

function judgeBand(
  { name, part, begin, bytes, originals, columns: weights, judge, ways, isOriginalQuantised }: Band,
  tally: Tally,
): void {
  const { type, columns, storedName } = part;
  const count = originals.length / type.elements;
  const across = columns / type.elements;
  const stored = new Float32Array(originals.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const band = new WaysOfBand(originals, type.name, name, weights);
  ways.learn(band, bytes, type.bytes);
  for (let block = 0; block < count; block++) {
    const at = block * type.bytes;
    const from = block * type.elements;
    type.decode(view, at, stored, from);
    const most = addErrors(tally, stored, originals, from, from + type.elements);
    const isSame =
      (isOriginalQuantised && most === 0) ||
      ways.possible.some((way) => band.isMade(way, bytes, at, type.bytes));
    if (isSame) {
      tally.identical++;
      // Its error is the quantiser's own; ranges take many times as long as bytes, so that one block of a hundred tells of the rest.
      if (tally.identical <= FIRST || tally.identical % MEASURED === 0)
        tally.worst = Math.max(tally.worst, judge(bytes, at, originals, from).worst);
      continue;
    }
    const errors = HALF_WAYS.map((way) => judge(bytes, at, band.values(way), from));
    const found = errors.find(({ isExplained }) => isExplained) ?? errors[0];
    tally.cutOff += found?.cutOff ?? 0;
    tally.worst = Math.max(tally.worst, found?.worst ?? Number.NaN);
    const isExplained = found?.isExplained === true;
    if (isExplained) tally.rounded++;
    else tally.unexplained++;
    const list = isExplained ? tally.roundedPlaces : tally.places;
    if (list.length < NAMED)
      list.push({
        tensor: storedName,
        ...part.placeOf(begin + Math.floor(block / across), block % across),
      });
  }
}

/** Of blocks that are proved to the byte the first ones of a tensor are measured, and one of so many behind them. */
const FIRST = 1000;
const MEASURED = 100;

/** Gives the block's largest error. */
function addErrors(
  tally: Tally,
  stored: Float32Array,
  originals: Float32Array,
  begin: number,
  end: number,
): number {
  let [squares, energy, most, product, storedEnergy] = [0, 0, 0, 0, 0];
  for (let index = begin; index < end; index++) {
    const original = originals[index] ?? Number.NaN;
    const value = stored[index] ?? Number.NaN;
    const error = Math.abs(value - original);
    product += value * original;
    storedEnergy += value * value;
    squares += error * error;
    energy += original * original;
    if (!(error <= most)) most = error;
  }
  tally.squares += squares;
  tally.energy += energy;
  tally.product += product;
  tally.storedEnergy += storedEnergy;
  tally.maxAbs = Math.max(tally.maxAbs, most);
  return most;
}

/** How far the factor between a tensor and its original may be from 1: scales are fitted, block by block, so that it is 1 in the mean. */
const MOST_FACTOR = 1.25;

function isScaled({ product, storedEnergy }: Tally): boolean {
  if (storedEnergy === 0) return false;
  const factor = product / storedEnergy;
  return !(factor < MOST_FACTOR && factor > 1 / MOST_FACTOR);
}

/** Share of identical blocks from which on the tensor is known to be of this quantiser, and every other block is told. */
const MOSTLY = 0.5;

function judged(
  name: string,
  parts: readonly StoredRows[],
  blocks: number,
  elements: number,
  tally: Tally,
  use: MatrixUse | null,
): TensorJudgement {
  const types = [...new Set(parts.map(({ type }) => type.name))];
  const isSameQuantiser = tally.identical > MOSTLY * blocks;
  // By a matrix all types search for their scales.
  const isRounded = use !== "used" && types.every(isSameEverywhere);
  const isStrict = (isSameQuantiser && isRounded) || isScaled(tally);
  const {
    roundedPlaces,
    places,
    rounded,
    unexplained,
    product: _p,
    storedEnergy: _s,
    ...rest
  } = tally;
  return {
    ...rest,
    name,
    type: types.join(", "),
    blocks,
    elements,
    matrix: (use === "used" || use === "left-out") && !isSameQuantiser ? "other" : use,
    isRequantised: types.every(isRequantised),
    rounded: isStrict ? 0 : rounded,
    unexplained: isStrict ? unexplained + rounded : unexplained,
    places: isStrict ? inOrder([...places, ...roundedPlaces]) : places,
    otherScales: isSameQuantiser && !isStrict ? roundedPlaces : [],
  };
}

function inOrder(places: readonly BlockPlace[]): readonly BlockPlace[] {
  return places.toSorted((left, right) => left.offset - right.offset);
}
