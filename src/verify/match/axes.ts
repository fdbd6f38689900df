import { assemblyOf, wholeView } from "../../mapping/assembly.ts";
import { madeFrom } from "../../mapping/learned/apply.ts";
import type { LearnedStatement } from "../../mapping/learned/statement.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { sameValues } from "./confirm.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { likeness } from "./likeness.ts";
import type { Matched } from "./match-tensors.ts";

/** Axes of which all orders are tried. */
const MAX_AXES = 5;

/**
 * What was matched, with the tensors of three axes and more whose values stand in another order of axes, as convolutions do in other
 * frameworks: hashes that know no order say which two to compare, the values say which order it is.
 * @param rounded As for `fingerprint`.
 */
export async function withAxes(
  matched: Matched,
  [left, right]: readonly [readonly Fingerprint[], readonly Fingerprint[]],
  rounded: Dtype | undefined,
  signal?: AbortSignal,
): Promise<Matched> {
  const open = new Set(matched.unexplained);
  const used = new Set(matched.statements.flatMap((statement) => statement.left));
  const made = new Set(matched.statements.map((statement) => statement.right));
  const statements: LearnedStatement[] = [];
  const free = left.filter(({ tensor }) => open.has(tensor.name) && !used.has(tensor.name));
  for (const print of right) {
    const { name } = print.tensor;
    if (print.unordered === undefined || !open.has(name) || made.has(name)) continue;
    const candidates = free
      .filter(({ unordered }) => unordered === print.unordered)
      .toSorted((a, b) => likeness(b.tensor.name, name) - likeness(a.tensor.name, name));
    for (const candidate of candidates) {
      if (used.has(candidate.tensor.name)) continue;
      const statement = await orderOf(candidate, print, rounded, signal);
      if (statement === undefined) continue;
      used.add(candidate.tensor.name);
      statements.push(statement);
      break;
    }
  }
  const explained = new Set(statements.flatMap((one) => [...one.left, one.right]));
  // A name that both sides have is explained where both are.
  const stillOpen = (name: string): boolean =>
    [left, right].some((side, at) => {
      const mine = side.some(({ tensor }) => tensor.name === name);
      const done = statements.some((one) =>
        at === 0 ? one.left.includes(name) : one.right === name,
      );
      const before = at === 0 ? used.has(name) : made.has(name);
      return mine && !done && !before;
    });
  return {
    ...matched,
    statements: [...matched.statements, ...statements],
    unexplained: matched.unexplained.filter((name) => !explained.has(name) || stillOpen(name)),
  };
}

/** The statement that makes the one of the other, by values; undefined where no order of axes does. */
async function orderOf(
  { tensor: from }: Fingerprint,
  { tensor: to }: Fingerprint,
  rounded: Dtype | undefined,
  signal: AbortSignal | undefined,
): Promise<LearnedStatement | undefined> {
  if (from.shape.length !== to.shape.length || from.shape.length > MAX_AXES) return undefined;
  for (const order of orders(from.shape, to.shape)) {
    signal?.throwIfAborted();
    const operation = { kind: "axes", order } as const;
    const made = madeFrom(operation, [from]);
    if (made === undefined) continue;
    if (await sameValues(made, assemblyOf(wholeView(to)), rounded, { signal }))
      return { left: [from.name], right: to.name, operation };
  }
  return undefined;
}

/** The orders in which axes of these sizes have the wanted sizes. */
function orders(
  sizes: readonly number[],
  wanted: readonly number[],
): readonly (readonly number[])[] {
  let found: readonly (readonly number[])[] = [[]];
  for (const size of wanted)
    found = found.flatMap((order) =>
      sizes.flatMap((own, axis) =>
        own === size && !order.includes(axis) ? [[...order, axis]] : [],
      ),
    );
  return found;
}
