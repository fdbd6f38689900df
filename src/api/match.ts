import { isCastTarget } from "../convert/values/cast.ts";
import { REAL_FILE_SYSTEM } from "../convert/staging/file-system.ts";
import { writeWhole } from "../convert/staging/write-whole.ts";
import { WbError } from "../errors/wb-error.ts";
import { openCheckpoint, type Selection } from "../formats/open.ts";
import { renderMap } from "../mapping/learned/map-file.ts";
import { renderOperation, type LearnedStatement } from "../mapping/learned/statement.ts";
import { DTYPES, type Dtype } from "../tensor/dtype.ts";
import { byteCount } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import { collapseStatements } from "../verify/match/collapse.ts";
import { confirmed } from "../verify/match/confirm.ts";
import { fingerprint, type Fingerprint } from "../verify/match/fingerprint.ts";
import { withAxes } from "../verify/match/axes.ts";
import { matchTensors } from "../verify/match/match-tensors.ts";

export interface MatchOptions {
  /** Where the map is written, when every tensor is explained. */
  readonly out?: string | undefined;
  readonly selection?: Selection | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number, item: string) => void;
}

export interface MatchResult {
  readonly tensors: readonly {
    readonly left: readonly string[];
    readonly right: readonly string[];
    readonly operation: string;
  }[];
  /** Names of either side that nothing explains. */
  readonly unexplained: readonly string[];
  /** The statements with {i} for layers, as `--out` writes them. */
  readonly statements: readonly LearnedStatement[];
  /** Null where no map was asked for, or none was written. */
  readonly out: string | null;
  readonly notes: readonly string[];
  readonly seconds: number;
}

/**
 * How two checkpoints of the same weights relate, by their values alone.
 * @throws WbError of the readers; WB6001, WB6002 where the map cannot be written.
 */
export async function match(
  leftPath: string,
  rightPath: string,
  options: MatchOptions = {},
): Promise<MatchResult> {
  const begin = performance.now();
  const { signal, selection, onProgress = () => undefined } = options;
  const left = await openCheckpoint(leftPath, { selection, signal, lenient: true });
  try {
    const right = await openCheckpoint(rightPath, { selection, signal, lenient: true });
    try {
      for (const { checkpoint } of [left, right]) refuseRanks(checkpoint);
      const sides = [left.checkpoint, right.checkpoint] as const;
      const rounded = narrower(mainDtype(sides[0]), mainDtype(sides[1]));
      const total = sides.reduce((sum, side) => sum + bytesOf(side), 0);
      let done = 0;
      const isStacked = sides[1].tensors.some(({ shape }) => shape.length > 2);
      const printsOf = async ({ tensors }: Checkpoint): Promise<readonly Fingerprint[]> => {
        const prints: Fingerprint[] = [];
        for (const tensor of tensors) {
          signal?.throwIfAborted();
          prints.push(await fingerprint(tensor, { rounded, isStacked, signal }));
          done += byteCount(tensor.shape, tensor.dtype) ?? 0;
          onProgress(done, total, tensor.name);
        }
        return prints;
      };
      const prints = [await printsOf(sides[0]), await printsOf(sides[1])] as const;
      const found = await withAxes(matchTensors(prints[0], prints[1]), prints, rounded, signal);
      const { statements, ties, unexplained } = await confirmed(found, prints, rounded, signal);
      const dtypes = new Map(sides.flatMap(({ tensors }, side) => dtypesOf(tensors, side)));
      const cast = statements.map((one) => withCast(one, dtypes));
      const collapsed = collapseStatements([...cast, ...ties.map(tieStatement)]);
      const isWhole = unexplained.length === 0 && statements.length > 0;
      if (isWhole && options.out !== undefined)
        await writeWhole(options.out, renderMap(collapsed), REAL_FILE_SYSTEM);
      return {
        tensors: [
          ...statements.map((one) => ({
            left: one.left,
            right: [one.right],
            operation: `${renderOperation(one.operation)}${castOf(one, dtypes)}`,
          })),
          ...ties.map(({ name, of }) => ({ left: [name], right: [], operation: `tied to ${of}` })),
        ],
        unexplained,
        statements: collapsed,
        out: isWhole ? (options.out ?? null) : null,
        notes: [
          ...left.notes,
          ...right.notes,
          ...(rounded === undefined ? [] : [`wider values are compared as ${rounded} has them`]),
          ...uncast(statements, dtypes),
        ],
        seconds: (performance.now() - begin) / 1000,
      };
    } finally {
      await right.checkpoint.close();
    }
  } finally {
    await left.checkpoint.close();
  }
}

function tieStatement({ name, of }: { name: string; of: string }): LearnedStatement {
  return { left: [name, of], right: "", operation: { kind: "tied" } };
}

function refuseRanks({ tensors, path }: Checkpoint): void {
  if (tensors.every(({ rank }) => rank === undefined)) return;
  throw new WbError("WB2702", `${path}: parallel parts are matched after they were merged`, {
    hint: "Convert the model first, with its config.json.",
  });
}

function bytesOf({ tensors }: Checkpoint): number {
  return tensors.reduce((sum, { shape, dtype }) => sum + (byteCount(shape, dtype) ?? 0), 0);
}

/** The float dtype that most bytes have. */
function mainDtype({ tensors }: Checkpoint): Dtype | undefined {
  const bytes = new Map<Dtype, number>();
  for (const { dtype, shape } of tensors)
    if (DTYPES[dtype].kind === "float")
      bytes.set(dtype, (bytes.get(dtype) ?? 0) + (byteCount(shape, dtype) ?? 0));
  return [...bytes].toSorted(([, a], [, b]) => b - a)[0]?.[0];
}

function narrower(left: Dtype | undefined, right: Dtype | undefined): Dtype | undefined {
  if (left === undefined || right === undefined || left === right) return undefined;
  return DTYPES[left].bits < DTYPES[right].bits ? left : right;
}

function dtypesOf(
  tensors: readonly StoredTensor[],
  side: number,
): readonly (readonly [string, Dtype])[] {
  return tensors.map(({ name, dtype }) => [`${side} ${name}`, dtype]);
}

function castOf(statement: LearnedStatement, dtypes: ReadonlyMap<string, Dtype>): string {
  const { from, to } = dtypesIn(statement, dtypes);
  return from === to || from === undefined || to === undefined ? "" : `, cast ${from} to ${to}`;
}

/** What the statement is made of, and what it makes. */
function dtypesIn(
  { left, right }: LearnedStatement,
  dtypes: ReadonlyMap<string, Dtype>,
): { readonly from: Dtype | undefined; readonly to: Dtype | undefined } {
  const [first = ""] = left;
  // An entry of a stack has the dtype of the stack.
  const from = dtypes.get(`0 ${first}`) ?? dtypes.get(`0 ${first.replace(/\[\d+\]$/, "")}`);
  return { from, to: dtypes.get(`1 ${right}`) };
}

/** Casts that a map cannot ask for. */
function uncast(
  statements: readonly LearnedStatement[],
  dtypes: ReadonlyMap<string, Dtype>,
): readonly string[] {
  const missing = new Map<Dtype, number>();
  for (const statement of statements) {
    const { from, to } = dtypesIn(statement, dtypes);
    if (from !== to && to !== undefined && !isCastTarget(to))
      missing.set(to, (missing.get(to) ?? 0) + 1);
  }
  return [...missing].map(
    ([dtype, count]) =>
      `a map does not cast to ${dtype}: by it, ${count} of the tensors keep their dtype`,
  );
}

function withCast(
  statement: LearnedStatement,
  dtypes: ReadonlyMap<string, Dtype>,
): LearnedStatement {
  const { from, to } = dtypesIn(statement, dtypes);
  if (from === to || to === undefined || !isCastTarget(to)) return statement;
  return { ...statement, cast: to };
}
