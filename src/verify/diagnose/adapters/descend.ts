import { dot } from "./products.ts";

/** A function of many numbers: its value, and its derivative by each of them. */
export type Smooth = (at: Float64Array) => {
  readonly value: number;
  readonly gradient: Float64Array;
};

/** Steps whose changes of place and of gradient are remembered. */
const MEMORY = 30;

/** The share of a step's expected fall that must be had (Armijo). */
const SUFFICIENT = 1e-4;

/** Times that one step is made shorter. */
const SHORTER = 12;

/** So many steps must take this share of the value away, or it is a floor. */
const WINDOW = 100;
const PROGRESS = 0.05;

export interface Descent {
  readonly at: Float64Array;
  readonly value: number;
}

/**
 * Goes downhill by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5) until the value is at most `goal`.
 * @param spend Takes one evaluation; false where none is left.
 */
export async function descend(
  of: Smooth,
  start: Float64Array,
  goal: number,
  spend: () => Promise<boolean>,
): Promise<Descent> {
  let at = start;
  let { value, gradient } = of(at);
  const pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[] = [];
  const values = [value];
  while (value > goal) {
    const earlier = values.at(-WINDOW);
    if (values.length >= WINDOW && earlier !== undefined && value > (1 - PROGRESS) * earlier) break;
    const direction = newtonLike(gradient, pairs);
    const slope = dot(direction, gradient);
    if (!(slope < 0)) break;
    const step = await lineSearch(of, { at, value }, direction, slope, pairs.length === 0, spend);
    if (step === undefined) break;
    const s = difference(step.at, at);
    const y = difference(step.gradient, gradient);
    const curvature = dot(s, y);
    if (curvature > 1e-12 * dot(y, y)) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > MEMORY) pairs.shift();
    }
    ({ at, value, gradient } = step);
    values.push(value);
  }
  return { at, value };
}

async function lineSearch(
  of: Smooth,
  from: Descent,
  direction: Float64Array,
  slope: number,
  isFirst: boolean,
  spend: () => Promise<boolean>,
): Promise<(Descent & { readonly gradient: Float64Array }) | undefined> {
  let length = isFirst ? Math.min(1, 1 / Math.sqrt(dot(direction, direction))) : 1;
  for (let tries = 0; tries < SHORTER; tries++) {
    if (!(await spend())) return undefined;
    const at = from.at.map((value, index) => value + length * (direction[index] ?? 0));
    const { value, gradient } = of(at);
    if (value <= from.value + SUFFICIENT * length * slope) return { at, value, gradient };
    // The lowest point of the parabola through what is known, within bounds.
    const lowest = (-slope * length) / (2 * ((value - from.value) / length - slope));
    length = Math.min(0.5 * length, Math.max(0.1 * length, Number.isFinite(lowest) ? lowest : 0));
  }
  return undefined;
}

function newtonLike(
  gradient: Float64Array,
  pairs: readonly { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[],
): Float64Array {
  const direction = gradient.map((value) => -value);
  const shares: number[] = [];
  for (const { s, y, rho } of pairs.toReversed()) {
    const share = rho * dot(s, direction);
    shares.push(share);
    addScaled(direction, y, -share);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (const [index, value] of direction.entries()) direction[index] = scale * value;
  }
  for (const [index, { s, y, rho }] of pairs.entries())
    addScaled(direction, s, (shares[pairs.length - 1 - index] ?? 0) - rho * dot(y, direction));
  return direction;
}

function addScaled(sum: Float64Array, other: Float64Array, factor: number): void {
  for (let index = 0; index < sum.length; index++)
    sum[index] = (sum[index] ?? 0) + factor * (other[index] ?? 0);
}

function difference(left: Float64Array, right: Float64Array): Float64Array {
  return left.map((value, index) => value - (right[index] ?? 0));
}
