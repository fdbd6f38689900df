import { sameShape } from "../../tensor/shape.ts";
import type { LearnedOperation, LearnedStatement, Run } from "../../mapping/learned/statement.ts";
import { likeness } from "./likeness.ts";
import { operationOfRuns } from "./runs-operation.ts";
import type { Fingerprint } from "./fingerprint.ts";

export interface Matched {
  readonly statements: readonly LearnedStatement[];
  /** Left tensors with another left one's values, which is used: ties. */
  readonly ties: readonly { readonly name: string; readonly of: string }[];
  /** Names of either side that no statement explains. */
  readonly unexplained: readonly string[];
}

/** Where a row's values are on the left. */
interface Place {
  readonly print: Fingerprint;
  /** Rows, columns, or all of a tensor as one row. */
  readonly axis: 0 | 1 | "whole";
  readonly index: number;
}

/** Finds how the right side's tensors are made of the left's, by the hashes of values; pure. */
export function matchTensors(left: readonly Fingerprint[], right: readonly Fingerprint[]): Matched {
  const used = new Set<string>();
  const found = new Map<string, LearnedStatement>();
  const take = (
    print: Fingerprint,
    names: readonly string[],
    operation: LearnedOperation,
  ): void => {
    for (const name of names) used.add(name);
    found.set(print.tensor.name, { left: names, right: print.tensor.name, operation });
  };
  matchWhole(left, right, used, take);
  const rest = right.filter(({ tensor }) => !found.has(tensor.name));
  const places = placesOf(left.filter(({ tensor }) => !used.has(tensor.name)));
  const covered = new Map<Fingerprint, Uint8Array>();
  // Matrices first: their vectors follow them.
  for (const print of rest.toSorted((a, b) => b.tensor.shape.length - a.tensor.shape.length)) {
    const { tensor } = print;
    const made =
      tensor.shape.length >= 2
        ? (gathered(print, places, covered) ?? gatheredColumns(print, places, covered))
        : besideWeight(print, found, left, covered);
    if (made !== undefined) take(print, made.names, made.operation);
  }
  return { statements: [...found.values()], ...leftOver(left, right, used, found, covered) };
}

type Take = (print: Fingerprint, names: readonly string[], operation: LearnedOperation) => void;

/** Equal and transposed tensors. Of several that are equal, one that is free and whose name is most alike. */
function matchWhole(
  left: readonly Fingerprint[],
  right: readonly Fingerprint[],
  used: ReadonlySet<string>,
  take: Take,
): void {
  const equal = groupBy(left, ({ rowsDigest, tensor }) => `${rowsDigest} ${tensor.shape.join()}`);
  const across = groupBy(left, ({ columnsDigest, tensor }) =>
    columnsDigest === undefined ? "" : `${columnsDigest} ${tensor.shape.toReversed().join()}`,
  );
  for (const print of right) {
    const { shape, name } = print.tensor;
    const same = best(equal.get(`${print.rowsDigest} ${shape.join()}`) ?? [], name, used);
    if (same !== undefined) {
      take(print, [same], { kind: "same" });
      continue;
    }
    const transposed = shape.length === 2 ? across.get(`${print.rowsDigest} ${shape.join()}`) : [];
    const other = best(transposed ?? [], name, used);
    if (other !== undefined) take(print, [other], { kind: "transpose" });
  }
}

function groupBy(
  prints: readonly Fingerprint[],
  keyOf: (print: Fingerprint) => string,
): ReadonlyMap<string, readonly Fingerprint[]> {
  const groups = new Map<string, Fingerprint[]>();
  for (const print of prints) {
    const key = keyOf(print);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [print]);
    else group.push(print);
  }
  return groups;
}

function best(
  candidates: readonly Fingerprint[],
  name: string,
  used: ReadonlySet<string>,
): string | undefined {
  const free = candidates.filter(({ tensor }) => !used.has(tensor.name));
  const names = (free.length === 0 ? candidates : free).map(({ tensor }) => tensor.name);
  return names.toSorted((a, b) => likeness(b, name) - likeness(a, name))[0];
}

type Places = ReadonlyMap<string, readonly Place[]>;

function placesOf(left: readonly Fingerprint[]): Places {
  const places = new Map<string, Place[]>();
  const put = (hash: number, width: number, place: Place): void => {
    const key = `${hash} ${width}`;
    const list = places.get(key);
    if (list === undefined) places.set(key, [place]);
    else if (list.length < MAX_EQUAL) list.push(place);
  };
  for (const print of left) {
    const { shape } = print.tensor;
    if (shape.length === 0) continue;
    const count = shape.reduce((product, size) => product * size, 1);
    // Of a vector only all of it: its values one by one tell nothing.
    if (shape.length === 1) {
      if (print.whole !== undefined) put(print.whole, count, { print, axis: "whole", index: 0 });
      continue;
    }
    for (const [index, hash] of print.rows.entries())
      put(hash, count / print.rows.length, { print, axis: 0, index });
    for (const [index, hash] of (print.columns ?? []).entries())
      put(hash, shape[0] ?? 0, { print, axis: 1, index });
    if (print.whole !== undefined) put(print.whole, count, { print, axis: "whole", index: 0 });
  }
  return places;
}

/** Equal rows that are kept as candidates; tables have many rows of zeros. */
const MAX_EQUAL = 64;

interface MutableRun {
  readonly place: Place;
  count: number;
  step: number;
}

/** The operation that puts a tensor together from rows or columns of the left's. */
function gathered(
  { tensor, rows }: Pick<Fingerprint, "tensor" | "rows">,
  places: Places,
  covered: Map<Fingerprint, Uint8Array>,
): { names: readonly string[]; operation: LearnedOperation } | undefined {
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  const width = count / Math.max(1, rows.length);
  const runs: MutableRun[] = [];
  for (const hash of rows) {
    const candidates = places.get(`${hash} ${width}`) ?? [];
    const run = runs.at(-1);
    const next = run === undefined ? undefined : candidates.find((place) => follows(run, place));
    if (run !== undefined && next !== undefined) {
      if (run.count === 1) run.step = next.index - run.place.index;
      run.count++;
      continue;
    }
    const [place] = candidates;
    if (place === undefined) return undefined;
    runs.push({ place, count: 1, step: 1 });
  }
  const axes = new Set(runs.map(({ place }) => place.axis));
  const [axis] = axes;
  if (axes.size !== 1 || axis === undefined) return undefined;
  const prints = [...new Set(runs.map(({ place }) => place.print))];
  const names = prints.map((print) => print.tensor.name);
  if (axis === "whole") {
    const isOfEntries = prints.every(
      (print) => print.tensor.shape.length === tensor.shape.length - 1,
    );
    if (runs.length !== prints.length || !isOfEntries) return undefined;
    for (const print of prints) covered.set(print, new Uint8Array(print.rows.length).fill(1));
    return { names, operation: { kind: "stack" } };
  }
  const found = runs.map((run): Run => ({
    of: prints.indexOf(run.place.print),
    begin: run.place.index,
    count: run.count,
    step: run.step,
  }));
  for (const run of found) cover(covered, prints[run.of], run, axis);
  const sizes = prints.map((print) => sizeOf(print, axis));
  return { names, operation: operationOfRuns(axis, found, sizes) };
}

/** A matrix whose columns are rows or columns of the left's, as a join of columns is. */
function gatheredColumns(
  { tensor, columns }: Fingerprint,
  places: Places,
  covered: Map<Fingerprint, Uint8Array>,
): { names: readonly string[]; operation: LearnedOperation } | undefined {
  if (columns === undefined) return undefined;
  const across = { ...tensor, shape: tensor.shape.toReversed() };
  const made = gathered({ tensor: across, rows: columns }, places, covered);
  if (made?.operation.kind !== "concatenate" && made?.operation.kind !== "gather") return undefined;
  return { ...made, operation: { ...made.operation, toColumns: true } };
}

function follows({ place, count, step }: MutableRun, next: Place): boolean {
  if (next.print !== place.print || next.axis !== place.axis) return false;
  return count === 1 ? next.index > place.index : next.index === place.index + count * step;
}

function sizeOf(print: Fingerprint | undefined, axis: 0 | 1): number {
  return print?.tensor.shape[axis] ?? 0;
}

function cover(
  covered: Map<Fingerprint, Uint8Array>,
  print: Fingerprint | undefined,
  { begin, count, step }: Run,
  axis: 0 | 1,
): void {
  if (print === undefined) return;
  const marks = covered.get(print) ?? new Uint8Array(sizeOf(print, axis));
  covered.set(print, marks);
  for (let at = 0; at < count; at++) marks[begin + at * step] = 1;
}

/** A vector goes as the matrix beside it goes; its values are held against that. */
function besideWeight(
  print: Fingerprint,
  found: ReadonlyMap<string, LearnedStatement>,
  left: readonly Fingerprint[],
  covered: Map<Fingerprint, Uint8Array>,
): { names: readonly string[]; operation: LearnedOperation } | undefined {
  const { name } = print.tensor;
  const at = name.lastIndexOf(".") + 1;
  const key = name.slice(at);
  const byName = new Map(left.map((one) => [one.tensor.name, one]));
  for (const [weight, { left: names, operation }] of found) {
    if (!weight.startsWith(name.slice(0, at)) || weight.lastIndexOf(".") + 1 !== at) continue;
    const vectors = names.map((one) => byName.get(one.slice(0, one.lastIndexOf(".") + 1) + key));
    if (!vectors.every((one) => one !== undefined && one.tensor.shape.length === 1)) continue;
    const sizes = vectors.map((one) => one?.rows.length ?? 0);
    const runs =
      operation.kind === "gather"
        ? operation.runs
        : operation.kind === "concatenate"
          ? sizes.map((count, of): Run => ({ of, begin: 0, count, step: 1 }))
          : [];
    const values = runs.flatMap(({ of, begin, count, step }) =>
      Array.from({ length: count }, (_, index) => vectors[of]?.rows[begin + index * step]),
    );
    const isEqual =
      values.length === print.rows.length &&
      values.every((value, index) => value === print.rows[index]);
    if (!isEqual) continue;
    for (const run of runs) cover(covered, vectors[run.of], run, 0);
    const own = vectors.flatMap((one) => one?.tensor.name ?? []);
    const isJoin = operation.kind === "concatenate";
    return {
      names: own,
      operation: isJoin ? { kind: "concatenate", axis: 0 } : { kind: "gather", axis: 0, runs },
    };
  }
  return undefined;
}

function leftOver(
  left: readonly Fingerprint[],
  right: readonly Fingerprint[],
  used: ReadonlySet<string>,
  found: ReadonlyMap<string, LearnedStatement>,
  covered: ReadonlyMap<Fingerprint, Uint8Array>,
): Pick<Matched, "ties" | "unexplained"> {
  const ties: { name: string; of: string }[] = [];
  const unexplained = right.flatMap(({ tensor }) => (found.has(tensor.name) ? [] : [tensor.name]));
  for (const print of left) {
    const { name, shape } = print.tensor;
    const marks = covered.get(print);
    if (used.has(name) && (marks === undefined || marks.every((mark) => mark === 1))) continue;
    const twin = used.has(name)
      ? undefined
      : left.find(
          (other) =>
            used.has(other.tensor.name) &&
            other.rowsDigest === print.rowsDigest &&
            sameShape(other.tensor.shape, shape),
        );
    if (twin === undefined) unexplained.push(name);
    else ties.push({ name, of: twin.tensor.name });
  }
  return { ties, unexplained };
}
