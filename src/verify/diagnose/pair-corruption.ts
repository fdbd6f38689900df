import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "./tensor-edits.ts";

/** Share of a tensor's elements that damage stays below; more is another mistake. */
const FEW = 0.05;

/** Elements or rows that a sentence lists. */
const LISTED = 4;

/**
 * What few differing elements look like: a flipped bit, zeroed rows, a lost tail, a stretch of foreign bytes. Undefined when
 * the difference is all over the tensor.
 */
export function describeCorruption(ours: HostTensor, reference: HostTensor): string | undefined {
  const differing: number[] = [];
  let count = 0;
  let last = -1;
  for (let index = 0; index < reference.data.length; index++) {
    if (ours.data[index] === reference.data[index]) continue;
    count++;
    last = index;
    if (differing.length <= LISTED) differing.push(index);
  }
  const [first = 0] = differing;
  const { columns } = sizeOf(ours);
  const isStretch = count > 0.5 * (last - first + 1);
  if (isStretch && ours.data.subarray(first, last + 1).every((value) => value === 0)) {
    return last === ours.data.length - 1
      ? `its last ${last - first + 1} elements are 0`
      : `elements ${first} to ${last} are 0: ${rowsOf(first, last, columns)}`;
  }
  if (isStretch && count > 1 && last - first + 1 < 0.9 * ours.data.length)
    return `elements ${first} to ${last} are others: ${rowsOf(first, last, columns)}`;
  const [only = 0] = ours.data;
  if (ours.data.length > 1 && ours.data.every((value) => value === only))
    return `every element is ${only}, on the other side they differ`;
  if (count > Math.max(1, FEW * ours.data.length)) return undefined;
  if (count === 1) {
    const [found = 0, expected = 0] = [ours.data[first], reference.data[first]];
    return `element ${first} is ${found}, on the other side ${expected}`;
  }
  const listed = differing.slice(0, LISTED).join(", ");
  return `${count} elements differ: ${listed}${count > LISTED ? " and more" : ""}`;
}

function rowsOf(first: number, last: number, columns: number): string {
  const [from, to] = [Math.floor(first / columns), Math.floor(last / columns)];
  return from === to ? `row ${from}` : `rows ${from} to ${to}`;
}
