import {
  assemblyOf,
  isContiguous,
  narrowRows,
  wholeView,
  type Assembly,
} from "../../mapping/assembly.ts";
import { madeFrom } from "../../mapping/learned/apply.ts";
import { BufferRing } from "../../mapping/buffer-ring.ts";
import { readAssembly, streamAssembly, type StreamOptions } from "../../mapping/read-assembly.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import { elementCount, sameShape } from "../../tensor/shape.ts";
import { patterns, type Fingerprint } from "./fingerprint.ts";
import type { Matched } from "./match-tensors.ts";

/**
 * What was matched by hashes, held against the values themselves: hashes of 53 bits can be equal by chance, and by intent.
 * Names of what does not hold become unexplained.
 * @param rounded As for `fingerprint`.
 */
export async function confirmed(
  { statements, ties, unexplained }: Matched,
  [left, right]: readonly [readonly Fingerprint[], readonly Fingerprint[]],
  rounded: Dtype | undefined,
  signal?: AbortSignal,
): Promise<Matched> {
  const lefts = new Map(left.map(({ tensor }) => [tensor.name, tensor]));
  const rights = new Map(right.map(({ tensor }) => [tensor.name, tensor]));
  const wrong = new Set<string>();
  const buffers = new BufferRing();
  const isSame = (one: Assembly, other: Assembly): Promise<boolean> =>
    sameValues(one, other, rounded, { buffers, signal });
  for (const { left: names, right: name, operation } of statements) {
    const target = rights.get(name);
    const made = madeFrom(
      operation,
      names.flatMap((one) => lefts.get(one) ?? []),
    );
    const holds =
      target !== undefined &&
      made !== undefined &&
      (await isSame(made, assemblyOf(wholeView(target))));
    if (!holds) for (const one of [...names, name]) wrong.add(one);
  }
  for (const { name, of } of ties) {
    const [one, other] = [lefts.get(name), lefts.get(of)];
    if (one === undefined || other === undefined) continue;
    if (!(await isSame(assemblyOf(wholeView(one)), assemblyOf(wholeView(other))))) wrong.add(name);
  }
  return {
    statements: statements.filter(({ right: name }) => !wrong.has(name)),
    ties: ties.filter(({ name }) => !wrong.has(name)),
    unexplained: [...new Set([...unexplained, ...wrong])],
  };
}

/** Whether two logical tensors have the same values in the same shape, floats as the narrower dtype has them. */
export async function sameValues(
  left: Assembly,
  right: Assembly,
  rounded: Dtype | undefined,
  options: StreamOptions = {},
): Promise<boolean> {
  if (!sameShape(left.shape, right.shape)) return false;
  // What is in order can be read from any element on; the other side is streamed in whole rows.
  const [streamed, sought] = isContiguous(right) ? [left, right] : [right, left];
  const read = readerOf(sought);
  const bytesOf = (count: number, dtype: Dtype): number => (count * DTYPES[dtype].bits) / 8;
  let begin = 0;
  let isSame = true;
  await streamAssembly(streamed, options, async (chunk) => {
    if (!isSame) return;
    const count = (chunk.byteLength * 8) / DTYPES[streamed.dtype].bits;
    const other = await read(begin, begin + count);
    begin += count;
    if (streamed.dtype === sought.dtype && Buffer.compare(chunk, other) === 0) return;
    if (other.byteLength !== bytesOf(count, sought.dtype)) isSame = false;
    else isSame = samePatterns(chunk, streamed.dtype, other, sought.dtype, rounded);
  });
  return isSame;
}

/** Reads elements of a logical tensor; only whole rows where they are not in order. */
function readerOf(assembly: Assembly): (begin: number, end: number) => Promise<Uint8Array> {
  const count = elementCount(assembly.shape) ?? 0;
  if (isContiguous(assembly)) {
    const parts = assembly.parts.map((part) => ({ ...part, shape: [count], strides: [1] }));
    const flat = { ...assembly, shape: [count], axis: 0, parts };
    return (begin, end) => readAssembly(narrowRows(flat, begin, end));
  }
  const width = count / Math.max(1, assembly.shape[0] ?? 1);
  return (begin, end) => readAssembly(narrowRows(assembly, begin / width, end / width));
}

function samePatterns(
  left: Uint8Array,
  leftDtype: Dtype,
  right: Uint8Array,
  rightDtype: Dtype,
  rounded: Dtype | undefined,
): boolean {
  const [a, b] = [patterns(left, leftDtype, rounded), patterns(right, rightDtype, rounded)];
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
