import {
  layerLoss,
  type Adapter,
  type Adapters,
  type Layer,
  type Role,
  type Seen,
} from "./attention.ts";
import { descend } from "./descend.ts";
import type { Matrix } from "./products.ts";

/** A layer on the golden's own states. */
export interface Problem {
  readonly layer: Layer;
  readonly prompts: readonly Seen[];
}

/** Numbers to find by each number that is known: with more, anything could be fitted. */
const MOST_UNKNOWN = 0.5;

/** Share of the departure's root mean square that may be left. */
const FITTED = 0.004;

/**
 * Matrices of at most some rank whose sum with the projections brings attention to what it should have given.
 * @returns Undefined where there are none, "unknown" where too little is known to fit so many numbers.
 */
export async function fitAdapters(
  problem: Problem,
  roles: readonly Role[],
  rank: number,
  spend: () => Promise<boolean>,
): Promise<Adapters | undefined | "unknown"> {
  const shapes = roles.map((role) => ({ role, ...shapeOf(problem, role) }));
  const unknown = shapes.reduce((sum, { out, input }) => sum + rank * (out + input), 0);
  if (unknown > MOST_UNKNOWN * equations(problem)) return "unknown";
  const views = (numbers: Float64Array): Adapters => {
    let at = 0;
    const take = (rows: number, columns: number): Matrix => {
      const data = numbers.subarray(at, (at += rows * columns));
      return { rows, columns, data };
    };
    return new Map(
      shapes.map(({ role, out, input }): [Role, Adapter] => [
        role,
        { down: take(rank, input), up: take(out, rank) },
      ]),
    );
  };
  const lossAt = (numbers: Float64Array): { value: number; gradient: Float64Array } => {
    const gradient = new Float64Array(numbers.length);
    const [adapters, slopes] = [views(numbers), views(gradient)];
    let value = 0;
    for (const seen of problem.prompts) value += layerLoss(problem.layer, seen, adapters, slopes);
    return { value, gradient };
  };
  const first = new Float64Array(unknown);
  // As adapters are begun: down at random, up at zero.
  const draw = drawer();
  for (const { down } of views(first).values())
    for (let index = 0; index < down.data.length; index++)
      down.data[index] = draw() / Math.sqrt(down.columns);
  const goal = FITTED ** 2 * lossAt(new Float64Array(unknown)).value;
  const { at, value } = await descend(lossAt, first, goal, spend);
  return value <= goal ? views(at) : undefined;
}

/** Rows and columns of a projection's weight. */
function shapeOf(
  { layer: { config } }: Problem,
  role: Role,
): { readonly out: number; readonly input: number } {
  const { heads, kvHeads, headDim, hiddenSize } = config;
  if (role === "output") return { out: hiddenSize, input: heads * headDim };
  return { out: (role === "query" ? heads : kvHeads) * headDim, input: hiddenSize };
}

/** Numbers of the golden that are fitted to. */
export function equations({ prompts }: Problem): number {
  return prompts.reduce((sum, { wanted }) => sum + wanted.length, 0);
}

/** Multiplications of one look at the problem, about. */
export function costOf({ prompts, layer: { config } }: Problem): number {
  const { hiddenSize, heads, headDim, intermediateSize } = config;
  const width = heads * headDim;
  const matrices = 2 * width * hiddenSize + 9 * hiddenSize * intermediateSize;
  return prompts.reduce(
    (sum, { input: { rows } }) => sum + rows * matrices + 6 * rows * rows * width,
    0,
  );
}

/** Numbers from -1 to 1, the same ones in every run (a linear congruential generator, Numerical Recipes). */
function drawer(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
