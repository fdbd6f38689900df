import { setImmediate } from "node:timers/promises";
import { narrowRows, type Assembly } from "../../mapping/assembly.ts";
import { plainRange, type PlainRange } from "../../mapping/plain-range.ts";
import { readAssembly, streamAssembly } from "../../mapping/read-assembly.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import { byteCount, elementCount, renderShape, sameShape } from "../../tensor/shape.ts";
import { addChunk, noDifference } from "./compare-values.ts";
import type { ValueDifference } from "./value-difference.ts";

/** How two tensors of one name compare; the first two have the same values. */
export type DiffClass =
  "identical" | "equalValues" | "withinTolerance" | "differ" | "onlyLeft" | "onlyRight";

/** One tensor of two checkpoints. */
export interface TensorDiff {
  readonly name: string;
  readonly class: DiffClass;
  readonly maxAbs: number | null;
  readonly maxRel: number | null;
  readonly ulp: number | null;
  readonly firstIndex: number | null;
  readonly differing: number;
  readonly dtypes: readonly Dtype[];
  readonly shape: readonly number[];
  /** Why a tensor differs where that is plain: another shape. */
  readonly note?: string;
}

export interface DiffOptions {
  /** |a − b| that still counts as within tolerance, beside what rounding to the coarser dtype explains. */
  readonly maxAbs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((count: number, tensor: string) => void) | undefined;
}

/** Elements of a chunk, of each side. */
const CHUNK_ELEMENTS = 2 ** 20;

/** Compares the tensors of two checkpoints by name; each is streamed once. In order of the left side, then the right. */
export async function diffTensors(
  left: ReadonlyMap<string, Assembly>,
  right: ReadonlyMap<string, Assembly>,
  options: DiffOptions = {},
): Promise<readonly TensorDiff[]> {
  const results: TensorDiff[] = [];
  for (const [name, assembly] of left) {
    const other = right.get(name);
    results.push(
      other === undefined
        ? oneSided(name, assembly, "onlyLeft")
        : await diffPair(name, assembly, other, options),
    );
  }
  for (const [name, assembly] of right) {
    if (!left.has(name)) results.push(oneSided(name, assembly, "onlyRight"));
  }
  return results;
}

function oneSided(
  name: string,
  { dtype, shape }: Assembly,
  side: "onlyLeft" | "onlyRight",
): TensorDiff {
  return {
    name,
    class: side,
    maxAbs: null,
    maxRel: null,
    ulp: null,
    firstIndex: null,
    differing: elementCount(shape) ?? 0,
    dtypes: [dtype],
    shape,
  };
}

async function diffPair(
  name: string,
  left: Assembly,
  right: Assembly,
  options: DiffOptions,
): Promise<TensorDiff> {
  const dtypes = [left.dtype, right.dtype];
  if (!sameShape(left.shape, right.shape)) {
    return {
      ...oneSided(name, left, "onlyLeft"),
      class: "differ",
      dtypes,
      note: `shape ${renderShape(left.shape)} against ${renderShape(right.shape)}`,
    };
  }
  const difference = await compareAssemblies(left, right, options, name);
  return {
    name,
    class: classify(difference, options.maxAbs ?? 0),
    maxAbs: finite(difference.maxAbs),
    maxRel: finite(difference.maxRel),
    ulp: difference.ulp ?? null,
    firstIndex: difference.firstIndex < 0 ? null : difference.firstIndex,
    differing: difference.differing,
    dtypes,
    shape: left.shape,
  };
}

/** JSON has no NaN and no infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function classify(difference: ValueDifference, maxAbs: number): DiffClass {
  if (difference.identicalBits) return "identical";
  if (difference.equalValues) return "equalValues";
  const isWithin = difference.beyondRounding <= 0 || difference.maxAbs <= maxAbs;
  return isWithin && !Number.isNaN(difference.maxAbs) ? "withinTolerance" : "differ";
}

/** Streams both sides in step. The left one leads; of the right one the same elements are taken from its own stream. */
async function compareAssemblies(
  left: Assembly,
  right: Assembly,
  options: DiffOptions,
  name: string,
): Promise<ValueDifference> {
  const ranges = [plainRange(left), plainRange(right)] as const;
  if (ranges[0] !== undefined && ranges[1] !== undefined)
    return compareRanges([left, right], ranges[0], ranges[1], options, name);
  const total = noDifference();
  const pull = chunkPuller(right, options.signal);
  const chunkBytes = CHUNK_ELEMENTS * (DTYPES[left.dtype].bits / 8);
  await streamAssembly(left, { chunkBytes, signal: options.signal }, async (chunk) => {
    const elements = chunk.byteLength / (DTYPES[left.dtype].bits / 8);
    addChunk(total, chunk, left.dtype, await pull(elements), right.dtype);
    options.onBytes?.(chunk.byteLength, name);
  });
  return total;
}

/** Elements of a piece of both sides, which stays in the processor's cache until it is compared. */
const PIECE_ELEMENTS = 2 ** 16;

/** Bytes after which signals and progress get their turn. */
const TURN_BYTES = 2 ** 23;

/** Two tensors whose bytes are in order in files: most pieces are equal, and then are only looked at once. */
async function compareRanges(
  [{ dtype, shape }, { dtype: otherDtype }]: readonly [Assembly, Assembly],
  left: PlainRange,
  right: PlainRange,
  { signal, onBytes }: DiffOptions,
  name: string,
): Promise<ValueDifference> {
  const total = noDifference();
  const count = elementCount(shape) ?? 0;
  const [width, otherWidth] = [DTYPES[dtype].bits / 8, DTYPES[otherDtype].bits / 8];
  const piece = Math.min(PIECE_ELEMENTS, count);
  const ours = new Uint8Array(Math.ceil(piece * width));
  const theirs = new Uint8Array(Math.ceil(piece * otherWidth));
  let untold = 0;
  for (let first = 0; first < count; first += PIECE_ELEMENTS) {
    const length = Math.min(PIECE_ELEMENTS, count - first);
    const a = ours.subarray(0, Math.ceil(length * width));
    const b = theirs.subarray(0, Math.ceil(length * otherWidth));
    left.readNow(left.begin + first * width, a);
    right.readNow(right.begin + first * otherWidth, b);
    addChunk(total, a, dtype, b, otherDtype);
    untold += a.byteLength;
    if (untold < TURN_BYTES) continue;
    onBytes?.(untold, name);
    untold = 0;
    await setImmediate();
    signal?.throwIfAborted();
  }
  onBytes?.(untold, name);
  return total;
}

/** Tensors up to this many bytes are read whole. */
const WHOLE_BYTES = 64 * 2 ** 20;

/** Gives the next elements of a tensor, as many as are asked for. */
function chunkPuller(
  assembly: Assembly,
  signal: AbortSignal | undefined,
): (elements: number) => Promise<Uint8Array> {
  const width = DTYPES[assembly.dtype].bits / 8;
  const [rows = 1, ...rest] = assembly.shape;
  const rowElements = elementCount(rest) ?? 0;
  let buffered: Uint8Array = new Uint8Array(0);
  let nextRow = 0;
  return async (elements) => {
    signal?.throwIfAborted();
    const parts: Uint8Array[] = [];
    let missing = elements * width;
    while (missing > 0) {
      if (buffered.byteLength === 0) {
        const bandRows = bandRowsOf(assembly, rows - nextRow, rowElements * width);
        buffered = await readAssembly(narrowRows(assembly, nextRow, nextRow + bandRows));
        nextRow += bandRows;
      }
      const part = buffered.subarray(0, missing);
      parts.push(part);
      missing -= part.byteLength;
      buffered = buffered.subarray(part.byteLength);
    }
    const [only] = parts;
    // A fresh buffer where parts join or do not begin at a multiple of 8, which typed arrays need.
    if (parts.length === 1 && only !== undefined && only.byteOffset % 8 === 0) return only;
    return new Uint8Array(Buffer.concat(parts));
  };
}

function bandRowsOf(assembly: Assembly, rowsLeft: number, rowBytes: number): number {
  if ((byteCount(assembly.shape, assembly.dtype) ?? Infinity) <= WHOLE_BYTES) return rowsLeft;
  return Math.min(rowsLeft, Math.max(1, Math.floor((CHUNK_ELEMENTS * 16) / Math.max(1, rowBytes))));
}
