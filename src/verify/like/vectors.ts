import type { LearnedStatement, Run } from "../../mapping/learned/statement.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { likeness } from "../match/likeness.ts";
import { cosine } from "./sketch.ts";

/** A vector or a single number, with its values. */
export interface Vector {
  readonly tensor: StoredTensor;
  readonly values: Float64Array;
}

/** Largest distance, in lengths of the longer, of vectors that nothing but their values puts together. */
const NEAR = 0.5;
/** The same of vectors that stand beside tensors that belong together: biases of 0 learn to be something. */
const BESIDE = 1;
/** How much more like another vector has to be than the next. */
const CLEAR = 0.1;
/** Values of a vector from which on their order tells it. */
const TELLING_LENGTH = 8;

/** A vector that goes as the tensor beside it does; its module and key are told by names, its values must not contradict; pure. */
export function besideStatement(
  target: Vector,
  statements: readonly LearnedStatement[],
  sources: readonly Vector[],
  used: ReadonlySet<string>,
): LearnedStatement | undefined {
  const [module, key] = placeOf(target.tensor.name);
  const options = statements.flatMap((statement) => {
    if (placeOf(statement.right)[0] !== module) return [];
    const parts = statement.left.map((name) => vectorBeside(name, key, sources, target));
    const lefts = parts.filter((part) => part !== undefined);
    if (lefts.length !== parts.length || lefts.length === 0) return [];
    return orders(statement, lefts).flatMap(({ values, operation }) => {
      const away = distance(values, target.values);
      if (away > BESIDE || values.length !== target.values.length) return [];
      const left = lefts.map(({ tensor }) => tensor.name);
      // Of a fused one each part takes its own values.
      const isUsed = operation.kind === "same" && left.some((name) => used.has(name));
      return isUsed ? [] : [{ away, statement: { left, right: target.tensor.name, operation } }];
    });
  });
  return options.toSorted((a, b) => a.away - b.away)[0]?.statement;
}

/** The vector of that key in a tensor's module; where none has it, the nearest of the right length when all of them fit. */
function vectorBeside(
  name: string,
  key: string,
  sources: readonly Vector[],
  target: Vector,
): Vector | undefined {
  const [module] = placeOf(name);
  const all = sources.filter(
    ({ tensor }) => placeOf(tensor.name)[0] === module && areOfOneKind(tensor, target.tensor),
  );
  const named = all.find(({ tensor }) => placeOf(tensor.name)[1] === key);
  if (named !== undefined) return named;
  const fitting = all.filter(({ values }) => values.length <= target.values.length);
  if (fitting.length === 1) return fitting[0];
  const away = ({ values }: Vector): number => distance(values, target.values);
  return fitting.filter((one) => away(one) <= NEAR).toSorted((a, b) => away(a) - away(b))[0];
}

/** The ways in which vectors follow a statement of matrices: in the order of its rows, and as they are. */
function orders(
  { operation }: LearnedStatement,
  vectors: readonly Vector[],
): readonly { values: ArrayLike<number>; operation: LearnedStatement["operation"] }[] {
  const [first] = vectors;
  const runs =
    operation.kind === "gather"
      ? operation.runs
      : operation.kind === "concatenate"
        ? vectors.map(({ values }, of): Run => ({ of, begin: 0, count: values.length, step: 1 }))
        : [];
  const isPlain = vectors.length === 1 && first !== undefined;
  const plain = isPlain ? [{ values: first.values, operation: { kind: "same" } as const }] : [];
  if (runs.length === 0) return plain;
  const values = runs.flatMap(({ of, begin, count, step }) =>
    Array.from(
      { length: count },
      (_unused, at) => vectors[of]?.values[begin + at * step] ?? Number.NaN,
    ),
  );
  const gathered =
    operation.kind === "concatenate"
      ? ({ kind: "concatenate", axis: 0 } as const)
      : ({ kind: "gather", axis: 0, runs } as const);
  return [{ values, operation: gathered }, ...plain];
}

/** The vector that a target's values are most like, and names where values do not tell; "several" where neither does; pure. */
export function nearestVector(
  target: Vector,
  sources: readonly Vector[],
): Vector | "several" | undefined {
  const name = target.tensor.name;
  const scored = sources
    .filter(
      ({ tensor, values }) =>
        values.length === target.values.length && areOfOneKind(tensor, target.tensor),
    )
    .filter(({ values }) => distance(values, target.values) <= NEAR)
    .map((source) => ({ source, score: score(source.values, target.values) }))
    .toSorted((a, b) => b.score - a.score);
  const best = scored[0]?.score ?? 0;
  const near = scored.filter((one) => one.score >= best - CLEAR);
  const like = (one: { source: Vector }): number => likeness(one.source.tensor.name, name);
  const [first, second] = near.toSorted((a, b) => like(b) - like(a));
  if (first === undefined || second === undefined) return first?.source;
  return like(first) > like(second) ? first.source : "several";
}

/** How much alike: the correlation, where the target's values differ among themselves. */
function score(values: Float64Array, target: Float64Array): number {
  const plain = 1 - distance(values, target);
  if (target.length < TELLING_LENGTH) return plain;
  const [own, other] = [centred(values), centred(target)];
  const isFlat = length(other) <= 1e-3 * length(target) || length(own) === 0;
  return isFlat ? plain : cosine(own, other);
}

function centred(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function length(values: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += (values[at] ?? 0) ** 2;
  return Math.sqrt(sum);
}

function distance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  const longer = Math.max(length(left), length(right));
  if (longer === 0) return 0;
  return length(Float64Array.from(left, (value, at) => value - (right[at] ?? 0))) / longer;
}

function areOfOneKind(left: StoredTensor, right: StoredTensor): boolean {
  return DTYPES[left.dtype].kind === DTYPES[right.dtype].kind;
}

/** The module and the key of a name. */
function placeOf(name: string): readonly [module: string, key: string] {
  const at = name.lastIndexOf(".") + 1;
  return [name.slice(0, at), name.slice(at)];
}
