import { assemblyOf, wholeView, type Assembly } from "../../mapping/assembly.ts";
import { BufferRing } from "../../mapping/buffer-ring.ts";
import { madeFrom } from "../../mapping/learned/apply.ts";
import type { StreamOptions } from "../../mapping/read-assembly.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { sameShape } from "../../tensor/shape.ts";
import { patterns, type Fingerprint } from "./fingerprint.ts";
import type { Matched } from "./match-tensors.ts";
import { streamBoth } from "./stream-both.ts";

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
  let isSame = true;
  await streamBoth(left, right, options, (one, other) => {
    if (!isSame || (left.dtype === right.dtype && Buffer.compare(one, other) === 0)) return;
    isSame = samePatterns(one, left.dtype, other, right.dtype, rounded);
  });
  return isSame;
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
