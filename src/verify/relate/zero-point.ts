import type { HostTensor } from "../compare/model-runner.ts";
import { CODE_SLACK, areCodes, groupsOf, isWhole, LARGEST_CODE, perGroup } from "./codes.ts";
import type { Relation } from "./relation.ts";

/** Codes from the least to the largest of a group at least before a line through them says something. */
const LEAST_SPAN = 4;

/** Steps of the search for a slope; each leaves two thirds of the interval. */
const STEPS = 40;

/** How far from the slope of least squares the one with the least largest error is looked for. */
const AROUND = 0.2;

/** A straight line from values to codes. */
interface Line {
  /** The largest distance of a code from it. */
  readonly error: number;
  readonly offset: number;
}

/**
 * Codes with a zero point read as values: whole numbers that are the other side's values by one factor for each group, and moved by one
 * number for all of them, or by one for each group. Undefined where no line is within half a step of every code.
 */
export function codesWithZeroPoints(ours: HostTensor, reference: HostTensor): Relation | undefined {
  if (!isWhole(ours.data, -LARGEST_CODE, LARGEST_CODE)) return undefined;
  for (const group of groupsOf(ours)) {
    const offsets = offsetsOf(ours.data, reference.data, group);
    if (offsets === undefined) continue;
    const middle = Math.round(offsets.toSorted((a, b) => a - b)[offsets.length >> 1] ?? 0);
    const isCommon = areCodes(
      ours.data.map((value) => value - middle),
      reference.data,
      group,
    );
    const [least, most] = spanOf(ours.data);
    const of = perGroup(group, ours);
    const zero = isCommon ? String(middle) : "a zero point of its own";
    return {
      cause: "scaled",
      text: `every value is a whole number from ${least} to ${most}, which is the other side's times ${of}, plus ${zero}, and rounded: codes of a quantized tensor without their scales and zero points`,
      relation: `ours = round(other · factor + ${isCommon ? String(middle) : "zero"}), ${of}`,
      isHarmless: false,
      claim: { kind: "codes-with-zero", group, zero: isCommon ? middle : undefined },
    };
  }
  return undefined;
}

/** Where the line of each group has value 0; undefined where one has none, or most groups have too few codes to tell. */
function offsetsOf(
  codes: Float32Array,
  values: Float32Array,
  group: number,
): readonly number[] | undefined {
  const offsets: number[] = [];
  let told = 0;
  for (let begin = 0; begin < codes.length; begin += group) {
    const part = codes.subarray(begin, begin + group);
    const line = lineOf(part, values.subarray(begin, begin + group));
    if (line === undefined || line.error > CODE_SLACK) return undefined;
    const [least, most] = spanOf(part);
    if (most - least >= LEAST_SPAN) told++;
    offsets.push(line.offset);
  }
  return 2 * told > offsets.length ? offsets : undefined;
}

/** The rising line with the least largest error. For a given slope the best offset is the middle, and the error is convex in the slope. */
function lineOf(codes: Float32Array, values: Float32Array): Line | undefined {
  const slope = slopeOf(codes, values);
  if (!(slope > 0)) return undefined;
  let [low, high] = [slope * (1 - AROUND), slope * (1 + AROUND)];
  // Off by more than two steps everywhere near, it is no rounding.
  if (at(slope, codes, values).error > 4 * CODE_SLACK) return undefined;
  for (let step = 0; step < STEPS; step++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (at(left, codes, values).error < at(right, codes, values).error) high = right;
    else low = left;
  }
  return at((low + high) / 2, codes, values);
}

function at(slope: number, codes: Float32Array, values: Float32Array): Line {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < codes.length; index++) {
    const rest = (codes[index] ?? 0) - slope * (values[index] ?? 0);
    least = Math.min(least, rest);
    most = Math.max(most, rest);
  }
  return { error: (most - least) / 2, offset: (most + least) / 2 };
}

/** By least squares. */
function slopeOf(codes: Float32Array, values: Float32Array): number {
  const [code, value] = [meanOf(codes), meanOf(values)];
  let [products, squares] = [0, 0];
  for (let index = 0; index < codes.length; index++) {
    const from = (values[index] ?? 0) - value;
    products += ((codes[index] ?? 0) - code) * from;
    squares += from * from;
  }
  return products / squares;
}

function meanOf(data: Float32Array): number {
  return data.reduce((sum, value) => sum + value, 0) / data.length;
}

function spanOf(data: Float32Array): readonly [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}
