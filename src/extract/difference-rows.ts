import { WbError } from "../errors/wb-error.ts";
import { narrowRows, type Assembly } from "../mapping/assembly.ts";
import { readAssembly } from "../mapping/read-assembly.ts";
import { decodeValues } from "../tensor/decode.ts";
import { DTYPES, type Dtype } from "../tensor/dtype.ts";

/** A matrix that is read in bands of whole rows, as often as it is asked for. */
export interface MatrixRows {
  readonly rows: number;
  readonly columns: number;
  /** Gives `count` rows from `begin` on, row-major; the values are only valid until the call returns. */
  each(onBand: (values: Float64Array, begin: number, count: number) => void): Promise<void>;
}

/** What two versions of one weight differ by. */
export interface Difference {
  /** Sums of squares: of the difference, and of the base. */
  readonly energy: number;
  readonly baseEnergy: number;
  /** The most that rounding the tuned weights to their dtype leaves, as a sum of squares; 0 where nothing is rounded. */
  readonly roundingEnergy: number;
}

/** Elements of a band: two of them in float64 stay within 8 MiB. */
const BAND_ELEMENTS = 2 ** 19;

/** tuned - base, row by row, in float64; both of one shape. */
export function differenceRows(
  base: Assembly,
  tuned: Assembly,
  signal: AbortSignal | undefined,
): MatrixRows {
  const [rows = 1, ...rest] = base.shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  return {
    rows,
    columns,
    each: async (onBand) => {
      await eachPair(base, tuned, signal, (left, right, begin, count) => {
        for (let index = 0; index < right.length; index++)
          right[index] = (right[index] ?? 0) - (left[index] ?? 0);
        onBand(right, begin, count);
      });
    },
  };
}

/** Compares two versions of a tensor of any number of axes; both of one shape. */
export async function compareValues(
  base: Assembly,
  tuned: Assembly,
  signal: AbortSignal | undefined,
): Promise<Difference> {
  const unit = roundingOf(tuned.dtype);
  let [energy, baseEnergy, roundingEnergy] = [0, 0, 0];
  await eachPair(base, tuned, signal, (left, right) => {
    for (let index = 0; index < right.length; index++) {
      const [a, b] = [left[index] ?? 0, right[index] ?? 0];
      energy += (b - a) * (b - a);
      baseEnergy += a * a;
      const rounded = Math.max(unit.relative * Math.abs(b), unit.smallest);
      roundingEnergy += rounded * rounded;
    }
  });
  return { energy, baseEnergy, roundingEnergy };
}

function roundingOf(dtype: Dtype): { readonly relative: number; readonly smallest: number } {
  return DTYPES[dtype].rounding ?? { relative: 0, smallest: 0 };
}

type OnPair = (left: Float64Array, right: Float64Array, begin: number, count: number) => void;

async function eachPair(
  base: Assembly,
  tuned: Assembly,
  signal: AbortSignal | undefined,
  onPair: OnPair,
): Promise<void> {
  const [left, right] = [asRows(base), asRows(tuned)];
  const [rows = 1, ...rest] = left.shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  const band = Math.max(1, Math.floor(BAND_ELEMENTS / Math.max(1, columns)));
  for (let begin = 0; begin < rows; begin += band) {
    signal?.throwIfAborted();
    const end = Math.min(rows, begin + band);
    const values = await Promise.all([valuesOf(left, begin, end), valuesOf(right, begin, end)]);
    onPair(values[0], values[1], begin, end - begin);
  }
}

async function valuesOf(side: Assembly, begin: number, end: number): Promise<Float64Array> {
  const values = decodeValues(await readAssembly(narrowRows(side, begin, end)), side.dtype);
  if (values === undefined) throw new WbError("WB7001", `${side.dtype} has no numbers`);
  return values;
}

/** A scalar is one row. */
function asRows(side: Assembly): Assembly {
  if (side.shape.length > 0) return side;
  const parts = side.parts.map((part) => ({ ...part, shape: [1], strides: [1] }));
  return { ...side, shape: [1], parts };
}
