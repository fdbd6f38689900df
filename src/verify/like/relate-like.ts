import {
  assemblyOf,
  narrowRows,
  transposedAssembly,
  wholeView,
  type Assembly,
} from "../../mapping/assembly.ts";
import { madeFrom } from "../../mapping/learned/apply.ts";
import { entriesOf } from "../../mapping/learned/entries.ts";
import type { LearnedOperation, LearnedStatement } from "../../mapping/learned/statement.ts";
import { readAssembly } from "../../mapping/read-assembly.ts";
import { decodeValues } from "../../tensor/decode.ts";
import { renderShape, sameShape } from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { sameValues } from "../match/confirm.ts";
import { haveSameNumbers } from "../match/likeness.ts";
import { agreement, agrees } from "./agreement.ts";
import { Coverage } from "./coverage.ts";
import { gatherRows, type Gathered } from "./gather-rows.ts";
import { candidatesOf, chosen } from "./pair-whole.ts";
import { selectRows } from "./select-rows.ts";
import { sketchRows, sketchWhole, type RowSet, type WholeSketch } from "./sketch.ts";
import { hasValues, rowWidth } from "./stream-values.ts";
import { besideStatement, nearestVector, type Vector } from "./vectors.ts";

/** How a model is brought to the form of another one that is its relative, as a model trained further is. */
export interface LikeResult {
  readonly statements: readonly LearnedStatement[];
  /** Tensors of either side that nothing explains, with the reason. */
  readonly unexplained: readonly { readonly name: string; readonly why: string }[];
  /** What the user should know; one sentence each. */
  readonly notes: readonly string[];
}

export interface LikeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onTensor?: (tensor: StoredTensor) => void;
}

/**
 * Finds how each of the base's tensors is made of the source's, by values that correlate: whole tensors, then rows and columns
 * that were joined, split or put in another order, tables that grew, and vectors as the tensors beside them, by their values,
 * or by their names where values do not tell. Every matrix that is claimed was measured value by value.
 */
export async function relateLike(
  sources: readonly StoredTensor[],
  base: readonly StoredTensor[],
  options: LikeOptions = {},
): Promise<LikeResult> {
  const search = new Search(sources, base, options);
  await search.whole();
  await search.rows();
  await search.entries();
  await search.tables();
  await search.vectors();
  return search.result();
}

class Search {
  #sources: readonly StoredTensor[];
  readonly #base: readonly StoredTensor[];
  readonly #options: LikeOptions;
  readonly #found = new Map<string, LearnedStatement>();
  readonly #used = new Set<string>();
  readonly #why = new Map<StoredTensor, string>();
  readonly #notes: string[] = [];
  readonly #coverage = new Coverage();
  #sketches: readonly WholeSketch[] = [];

  constructor(
    sources: readonly StoredTensor[],
    base: readonly StoredTensor[],
    options: LikeOptions,
  ) {
    this.#sources = sources;
    this.#base = base;
    this.#options = options;
    for (const tensor of [...sources, ...base])
      if (!hasValues(tensor))
        this.#why.set(tensor, `its dtype ${tensor.dtype} has no plain numbers to compare`);
  }

  /** Tensors that are another one as it is, or transposed. */
  async whole(added = this.#sources): Promise<void> {
    const { signal, onTensor } = this.#options;
    const sketchAll = async (tensors: readonly StoredTensor[]): Promise<readonly WholeSketch[]> => {
      const sketches: WholeSketch[] = [];
      for (const tensor of tensors.filter(isMatrix)) {
        sketches.push(await sketchWhole(tensor, signal));
        onTensor?.(tensor);
      }
      return sketches;
    };
    const sketches = await sketchAll(added);
    this.#sketches = [...this.#sketches, ...sketches];
    const open = this.#base.filter(({ name }) => !this.#found.has(name));
    const candidates = candidatesOf(await sketchAll(open), sketches);
    // Those with one choice first, so that what they take is no choice of others.
    const order = [...candidates].toSorted(([, a], [, b]) => a.length - b.length);
    for (const [{ tensor }, list] of order) {
      const choice = chosen(tensor.name, list, this.#used);
      if (choice === "several") this.#why.set(tensor, `several fit as well: ${namesOf(list)}`);
      else if (choice !== undefined) {
        const { source, kind } = choice;
        await this.#take(tensor, [source.tensor], { kind });
      }
    }
  }

  /** Matrices that are rows or columns of others, joined, split or in another order, and stacks. */
  async rows(): Promise<void> {
    const rest = this.#sources.filter((tensor) => isMatrix(tensor) && !this.#used.has(tensor.name));
    const sets = new Map<string, RowSet>();
    const setOf = async (tensor: StoredTensor, axis: RowSet["axis"]): Promise<RowSet> => {
      const key = `${axis} ${tensor.name}`;
      const set = sets.get(key) ?? (await sketchRows(tensor, axis, this.#options.signal));
      sets.set(key, set);
      return set;
    };
    for (const target of this.#base) {
      if (!isMatrix(target) || this.#found.has(target.name)) continue;
      const open = rest.filter((tensor) => !this.#isTaken(tensor));
      const near = open.filter(({ name }) => haveSameNumbers(name, target.name));
      for (const scope of near.length < open.length ? [near, open] : [open]) {
        if (await this.#gather(target, scope, setOf)) break;
      }
    }
  }

  /** Stacks of matrices that no tensor of the base has as stacks: each matrix by itself, as if it were stored so. */
  async entries(): Promise<void> {
    const isOpen = this.#base.some(
      ({ name, shape }) => shape.length === 2 && !this.#found.has(name),
    );
    const stacks = this.#sources.filter(
      (tensor) => isMatrix(tensor) && !this.#used.has(tensor.name),
    );
    const split = new Map(stacks.map((stack) => [stack, entriesOf(stack) ?? []]));
    const entries = [...split.values()].flat();
    if (!isOpen || entries.length === 0) return;
    this.#sources = [...this.#sources, ...entries];
    await this.whole(entries);
    await this.rows();
    // What is left is told as it is stored.
    const isLeft = ({ name }: StoredTensor): boolean => !this.#used.has(name);
    const gone = new Set<StoredTensor>();
    for (const [stack, own] of split) {
      const parts = own.every(isLeft) ? own : [stack];
      for (const one of parts) gone.add(one);
    }
    this.#sources = this.#sources.filter((one) => !gone.has(one));
    this.#sketches = this.#sketches.filter(({ tensor }) => !gone.has(tensor));
  }

  async #gather(
    target: StoredTensor,
    scope: readonly StoredTensor[],
    setOf: (tensor: StoredTensor, axis: RowSet["axis"]) => Promise<RowSet>,
  ): Promise<boolean> {
    for (const axis of target.shape.length === 2 ? ([0, 1] as const) : ([0] as const)) {
      const rows = await sketchRows(target, axis, this.#options.signal);
      const pool: RowSet[] = [];
      for (const tensor of scope)
        for (const own of axesWith(tensor, rows.width, target.shape.length > 2))
          pool.push(await setOf(tensor, own));
      const gathered = gatherRows(rows, pool);
      if (gathered !== undefined && (await this.#takeRows(target, gathered, axis === 1)))
        return true;
    }
    return false;
  }

  async #takeRows(target: StoredTensor, found: Gathered, toColumns: boolean): Promise<boolean> {
    const { operation, tensors } = found;
    const isTransposed =
      toColumns && (operation.kind === "gather" || operation.kind === "concatenate");
    const transposed = isTransposed ? { ...operation, toColumns: true } : operation;
    if (!(await this.#take(target, tensors, transposed))) return false;
    this.#coverage.cover(found);
    return true;
  }

  /** Tables with more rows or fewer than the base's, as vocabularies have that grew or were cut. */
  async tables(): Promise<void> {
    for (const target of this.#base) {
      const statement = this.#found.get(target.name);
      const source = this.#sources.find(({ name }) => name === statement?.left[0]);
      if (statement === undefined) await this.#grown(target);
      else if (source !== undefined && statement.left.length === 1)
        this.#widen(statement, source, target);
    }
  }

  /** A target that is the first rows of one table alone is that table, with the rows that it has more. */
  #widen(statement: LearnedStatement, source: StoredTensor, target: StoredTensor): void {
    const { operation } = statement;
    if (operation.kind !== "gather" || !this.#coverage.isHead(source, operation)) return;
    if (
      [...this.#found.values()].some((one) => one !== statement && one.left.includes(source.name))
    )
      return;
    const isSame = (operation.axis === 0) === (operation.toColumns !== true);
    this.#found.set(target.name, {
      ...statement,
      operation: { kind: isSame ? "same" : "transpose" },
    });
    this.#coverage.coverAll(source);
    this.#notes.push(grownNote(source, target));
  }

  async #grown(target: StoredTensor): Promise<void> {
    if (target.shape.length !== 2) return;
    for (const source of this.#sources) {
      if (source.shape.length !== 2 || this.#used.has(source.name)) continue;
      for (const kind of ["same", "transpose"] as const) {
        const whole = assemblyOf(wholeView(source));
        const made = kind === "same" ? whole : transposedAssembly(whole);
        for (const isTransposed of [false, true]) {
          const [a, b] = [made, assemblyOf(wholeView(target))].map((one) =>
            isTransposed ? transposedAssembly(one) : one,
          );
          if (a === undefined || b === undefined || a.shape[1] !== b.shape[1]) continue;
          const [more = 0, fewer = 0] = [a.shape[0], b.shape[0]]
            .map(Number)
            .toSorted((x, y) => y - x);
          if (more === fewer || fewer < MIN_TABLE) continue;
          const isHead = fewer >= more / 2 && (await this.#haveSameHead(a, b, fewer));
          const isSelection = (): Promise<boolean> =>
            // Rows of the assemblies are columns where both were transposed.
            this.#isSelection(source, target, [
              isTransposed === (kind === "same") ? 1 : 0,
              isTransposed ? 1 : 0,
            ]);
          if (!isHead && ((a.shape[0] ?? 0) > (b.shape[0] ?? 0) || !(await isSelection())))
            continue;
          this.#put(target, [source], { kind });
          this.#coverage.coverAll(source);
          this.#notes.push(grownNote(source, target));
          return;
        }
      }
    }
  }

  async #haveSameHead(left: Assembly, right: Assembly, count: number): Promise<boolean> {
    const [rows, others] = [narrowRows(left, 0, count), narrowRows(right, 0, count)];
    return agrees(await agreement(rows, others, this.#options.signal), rows.shape);
  }

  /** Whether a table has fewer rows than the base's because others were taken out of it, as vocabularies are made smaller. */
  async #isSelection(
    source: StoredTensor,
    target: StoredTensor,
    [own, others]: readonly [0 | 1, 0 | 1],
  ): Promise<boolean> {
    const { signal } = this.#options;
    const rows = await sketchRows(source, own, signal);
    const runs = selectRows(rows, await sketchRows(target, others, signal));
    if (runs === undefined) return false;
    const made = madeFrom({ kind: "gather", axis: others, runs }, [target]);
    const whole = assemblyOf(wholeView(source));
    const table = own === 0 ? whole : transposedAssembly(whole);
    return made !== undefined && agrees(await agreement(table, made, signal), table.shape);
  }

  /** Vectors as what is beside them, then by values and names, and again as what was found so. */
  async vectors(): Promise<void> {
    const sources = await vectorsOf(this.#sources);
    let rest = await vectorsOf(this.#base);
    for (let before = -1; before !== rest.length && rest.length > 0;) {
      before = rest.length;
      rest = rest.filter((target) => !this.#takeBeside(target, sources));
      for (const target of rest) {
        const free = sources.filter(({ tensor }) => !this.#used.has(tensor.name));
        const nearest = nearestVector(target, free);
        if (nearest === "several") this.#why.set(target.tensor, SEVERAL_VECTORS);
        else if (nearest !== undefined)
          this.#put(target.tensor, [nearest.tensor], { kind: "same" });
      }
      rest = rest.filter(({ tensor }) => !this.#found.has(tensor.name));
    }
  }

  #takeBeside(target: Vector, sources: readonly Vector[]): boolean {
    const statement = besideStatement(target, [...this.#found.values()], sources, this.#used);
    if (statement === undefined) return false;
    const tensors = statement.left.flatMap(
      (name) => this.#sources.find((one) => one.name === name) ?? [],
    );
    const { operation } = statement;
    this.#put(target.tensor, tensors, operation);
    if (operation.kind === "gather")
      this.#coverage.cover({ tensors, operation, runs: operation.runs, axis: 0 });
    return true;
  }

  async result(): Promise<LikeResult> {
    const ties = await this.#ties();
    const unexplained = [
      ...this.#base.filter(({ name }) => !this.#found.has(name)),
      ...this.#sources.filter((tensor) => !ties.has(tensor.name) && !this.#isTaken(tensor)),
    ].map((tensor) => ({
      name: tensor.name,
      why: this.#why.get(tensor) ?? this.#missing(tensor),
    }));
    const tied = [...ties].map(([name, of]): LearnedStatement => ({
      left: [name, of],
      right: "",
      operation: { kind: "tied" },
    }));
    return { statements: [...this.#found.values(), ...tied], unexplained, notes: this.#notes };
  }

  #isTaken(tensor: StoredTensor): boolean {
    return this.#used.has(tensor.name) && this.#coverage.isWhole(tensor);
  }

  #missing(tensor: StoredTensor): string {
    if (this.#used.has(tensor.name))
      return "some of its rows or columns are in no tensor of the base";
    const isOfBase = this.#base.includes(tensor);
    return isOfBase ? "no tensor of the source is like it" : "no tensor of the base is like it";
  }

  /** Matrices of the source that are others' values again. */
  async #ties(): Promise<ReadonlyMap<string, string>> {
    const ties = new Map<string, string>();
    for (const { tensor } of this.#sketches) {
      if (this.#used.has(tensor.name)) continue;
      for (const { tensor: other } of this.#sketches) {
        if (!this.#used.has(other.name) || !sameShape(tensor.shape, other.shape)) continue;
        const sides = [assemblyOf(wholeView(tensor)), assemblyOf(wholeView(other))] as const;
        if (tensor.dtype !== other.dtype || !(await sameValues(...sides, undefined))) continue;
        ties.set(tensor.name, other.name);
        break;
      }
    }
    return ties;
  }

  /** Takes what was found by sketches, when the values say so, too. */
  async #take(
    target: StoredTensor,
    tensors: readonly StoredTensor[],
    operation: LearnedOperation,
  ): Promise<boolean> {
    const made = madeFrom(operation, tensors);
    if (made === undefined) return false;
    const found = await agreement(made, assemblyOf(wholeView(target)), this.#options.signal);
    if (!agrees(found, target.shape)) return false;
    this.#put(target, tensors, operation);
    return true;
  }

  #put(target: StoredTensor, tensors: readonly StoredTensor[], operation: LearnedOperation): void {
    const left = tensors.map(({ name }) => name);
    for (const name of left) this.#used.add(name);
    this.#why.delete(target);
    this.#found.set(target.name, { left, right: target.name, operation });
  }
}

/** Rows of a table at least: fewer are no vocabulary. */
const MIN_TABLE = 32;

const SEVERAL_VECTORS = "several vectors are as like it, by values and by names";

function isMatrix(tensor: StoredTensor): boolean {
  return tensor.shape.length >= 2 && !tensor.shape.includes(0) && hasValues(tensor);
}

function namesOf(list: readonly { readonly source: WholeSketch }[]): string {
  return list
    .slice(0, 3)
    .map(({ source }) => source.tensor.name)
    .join(", ");
}

/** The ways in which a tensor has rows of that many values. */
function axesWith(
  { shape }: StoredTensor,
  width: number,
  isStack: boolean,
): readonly RowSet["axis"][] {
  const own = rowWidth({ shape });
  return [
    ...(own === width ? ([0] as const) : []),
    ...(shape.length === 2 && shape[0] === width ? ([1] as const) : []),
    ...(isStack && own * (shape[0] ?? 1) === width ? (["whole"] as const) : []),
  ];
}

async function vectorsOf(tensors: readonly StoredTensor[]): Promise<Vector[]> {
  const vectors: Vector[] = [];
  for (const tensor of tensors) {
    if (tensor.shape.length > 1 || !hasValues(tensor)) continue;
    const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
    vectors.push({ tensor, values: decodeValues(bytes, tensor.dtype) ?? new Float64Array(0) });
  }
  return vectors;
}

function grownNote(source: StoredTensor, target: StoredTensor): string {
  return `${source.name} ${renderShape(source.shape)} has another size than the base's ${target.name} ${renderShape(target.shape)}: all of it is written, and config.json has to say so`;
}
