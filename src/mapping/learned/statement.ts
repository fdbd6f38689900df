import { WbError } from "../../errors/wb-error.ts";
import type { CastDtype } from "../step.ts";

/** Rows (or columns) of one of a statement's left tensors, in the order in which the right one has them as rows. */
export interface Run {
  /** Which of the left tensors. */
  readonly of: number;
  readonly begin: number;
  readonly count: number;
  readonly step: number;
}

/**
 * How one tensor of the right side is made of the left's: `left, left | right | operation`, with {i} for a layer's number.
 * A left name with [3] behind it is the fourth matrix of a stack.
 * - `same`, `transpose`: of one left tensor.
 * - `axes 2 3 1 0`: the right's axes in order, as the left counts them; of three axes and more.
 * - `concatenate`: the lefts' rows one after another; with `transpose` after it, their columns.
 * - `stack`: each left is one entry of the right's first axis.
 * - `rows 0@0:32:2 0@1:32:2`: 32 rows of left 0 from row 0 in steps of 2, then from row 1; `columns` likewise, as rows.
 * - `tied`: the first left has the values of the second, and the right, which is empty, has it once.
 * - `… to columns`: what was put together as rows, transposed: a join of columns, or columns in another order.
 * - `…, cast to BF16`: behind all of it, values are rounded to that dtype, or widened.
 */
export interface LearnedStatement {
  readonly left: readonly string[];
  readonly right: string;
  readonly operation: LearnedOperation;
  /** The dtype that the right side has, where the left has another. */
  readonly cast?: CastDtype;
}

export type LearnedOperation =
  | { readonly kind: "same" | "transpose" | "stack" | "tied" }
  | { readonly kind: "axes"; readonly order: readonly number[] }
  | { readonly kind: "concatenate"; readonly axis: 0 | 1; readonly toColumns?: boolean }
  | {
      readonly kind: "gather";
      readonly axis: 0 | 1;
      readonly runs: readonly Run[];
      readonly toColumns?: boolean;
    };

/** How statements say that the rows become columns in the end. */
const TO_COLUMNS = " to columns";

export function renderOperation(operation: LearnedOperation): string {
  const isTransposed = "toColumns" in operation && (operation.toColumns ?? false);
  return `${renderRows(operation)}${isTransposed ? TO_COLUMNS : ""}`;
}

function renderRows(operation: LearnedOperation): string {
  switch (operation.kind) {
    case "same":
    case "transpose":
    case "stack":
    case "tied":
      return operation.kind;
    case "axes":
      return `axes ${operation.order.join(" ")}`;
    case "concatenate":
      return operation.axis === 0 ? "concatenate" : "concatenate transpose";
    case "gather": {
      const runs = operation.runs.map(({ of, begin, count, step }) =>
        step === 1 ? `${of}@${begin}:${count}` : `${of}@${begin}:${count}:${step}`,
      );
      return `${operation.axis === 0 ? "rows" : "columns"} ${runs.join(" ")}`;
    }
    default:
      return operation satisfies never;
  }
}

/** How statements say that values become another dtype. */
const CAST = ", cast to ";
const CASTS: readonly CastDtype[] = ["F32", "F16", "BF16"];

export function renderStatement({ left, right, operation, cast }: LearnedStatement): string {
  const casting = cast === undefined ? "" : `${CAST}${cast}`;
  return `${left.join(", ")} | ${right} | ${renderOperation(operation)}${casting}`;
}

const RUN = /^(\d{1,9})@(\d{1,15}):(\d{1,15})(?::(\d{1,15}))?$/;

/** @throws WbError WB3711. */
export function parseStatement(text: string, path: string): LearnedStatement {
  const [leftText = "", right = "", made = "", ...rest] = text
    .split("|")
    .map((part) => part.trim());
  const cast = CASTS.find((dtype) => made.endsWith(`${CAST}${dtype}`));
  const operationText = cast === undefined ? made : made.slice(0, -`${CAST}${cast}`.length);
  const left = leftText.split(",").map((name) => name.trim());
  const isTransposed = operationText.endsWith(TO_COLUMNS);
  const rowsText = isTransposed ? operationText.slice(0, -TO_COLUMNS.length) : operationText;
  const [word = "", ...words] = rowsText.split(" ");
  const rows = operationOf(word, words);
  const operation = isTransposed ? transposed(rows) : rows;
  const isTied = operation?.kind === "tied";
  const hasRight = isTied ? right === "" && left.length === 2 : right !== "";
  if (rest.length > 0 || !hasRight || left.includes("") || operation === undefined)
    throw new WbError("WB3711", `${path}: no statement: ${JSON.stringify(text)}`, {
      details: { path },
    });
  return { left, right, operation, ...(cast === undefined ? {} : { cast }) };
}

function transposed(rows: LearnedOperation | undefined): LearnedOperation | undefined {
  return rows?.kind === "concatenate" || rows?.kind === "gather"
    ? { ...rows, toColumns: true }
    : undefined;
}

function operationOf(word: string, words: readonly string[]): LearnedOperation | undefined {
  if (word === "concatenate") {
    if (words.length === 0) return { kind: "concatenate", axis: 0 };
    return words.join(" ") === "transpose" ? { kind: "concatenate", axis: 1 } : undefined;
  }
  if (word === "same" || word === "transpose" || word === "stack" || word === "tied")
    return words.length === 0 ? { kind: word } : undefined;
  if (word === "axes") return axesOf(words);
  if (word !== "rows" && word !== "columns") return undefined;
  const runs = words.flatMap((text): Run | [] => {
    const match = RUN.exec(text);
    if (match === null) return [];
    const [of = 0, begin = 0, count = 0, step = 1] = match.slice(1).map((one) => Number(one ?? 1));
    return { of, begin, count, step };
  });
  if (runs.length === 0 || runs.length !== words.length) return undefined;
  return { kind: "gather", axis: word === "rows" ? 0 : 1, runs };
}

/** Every axis once. */
function axesOf(words: readonly string[]): LearnedOperation | undefined {
  const order = words.map(Number);
  const isWhole = order.toSorted((a, b) => a - b).every((axis, at) => axis === at);
  return order.length > 2 && isWhole ? { kind: "axes", order } : undefined;
}
