import { WbError } from "../../errors/wb-error.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import {
  concatViews,
  slicedView,
  transposedAssembly,
  transposedView,
  wholeView,
  type Assembly,
  type TensorView,
} from "../assembly.ts";
import { sourceName } from "../source-groups.ts";
import type { Step, WriteStep } from "../step.ts";
import { entriesOf, tensorNamed } from "./entries.ts";
import { renderOperation, type LearnedOperation, type LearnedStatement } from "./statement.ts";

/** Statements about layers, for one layer. */
export function atLayer(statement: LearnedStatement, layer: number): LearnedStatement {
  const put = (name: string): string => name.replaceAll("{i}", String(layer));
  return { ...statement, left: statement.left.map(put), right: put(statement.right) };
}

/** Layers that are tried for a statement with {i}. */
const MAX_LAYERS = 10_000;

/** What a map makes of a checkpoint. */
export interface AppliedMap {
  readonly steps: readonly Step[];
  /** Tensors that are left out as others' values again; to be compared before that is believed. */
  readonly copies: readonly { readonly copy: StoredTensor; readonly of: StoredTensor }[];
}

/**
 * The steps that make the right side of a map from a checkpoint of the left's kind; pure.
 * @throws WbError WB3712 where a tensor is in no statement, or a statement's tensors are not there or do not fit.
 */
export function applyMap(
  checkpoint: Checkpoint,
  statements: readonly LearnedStatement[],
): AppliedMap {
  const byName = new Map(checkpoint.tensors.map((tensor) => [tensor.name, tensor]));
  const problems: string[] = [];
  const steps: Step[] = [];
  const copies: { copy: StoredTensor; of: StoredTensor }[] = [];
  const used = new Set<string>();
  for (const statement of statements) {
    const isLayered = statement.left.some((name) => name.includes("{i}"));
    let count = 0;
    for (let layer = 0; layer < (isLayered ? MAX_LAYERS : 1); layer++) {
      const one = isLayered ? atLayer(statement, layer) : statement;
      const tensors = one.left.flatMap((name) => tensorNamed(byName, name) ?? []);
      if (tensors.length < one.left.length) {
        if (tensors.length > 0 || !isLayered)
          problems.push(`${one.right}: ${one.left.join(", ")} are not all there`);
        break;
      }
      count++;
      const [copy, of] = tensors;
      if (one.operation.kind === "tied" && copy !== undefined && of !== undefined) {
        used.add(copy.name);
        copies.push({ copy, of });
        steps.push({ kind: "drop", from: [sourceName(copy)], why: `the same as ${of.name}` });
        continue;
      }
      const assembly = madeFrom(one.operation, tensors);
      if (assembly === undefined) problems.push(`${one.right}: the shapes do not fit`);
      else if (one.cast !== undefined && DTYPES[assembly.dtype].kind !== "float")
        problems.push(`${one.right}: ${assembly.dtype} is not cast to ${one.cast}`);
      else {
        for (const { name } of tensors) used.add(name);
        // An entry of a stack is a part of what the file has.
        const isPart = one.left.some((name) => !byName.has(name));
        steps.push(stepOf(one, tensors, assembly, isPart));
      }
    }
    if (isLayered && count === 0) problems.push(`${statement.right}: no layer of it is there`);
  }
  for (const name of checkpoint.tensors.flatMap((tensor) => unusedOf(tensor, used)))
    problems.push(`${name}: the map does not know it`);
  if (problems.length > 0) throw misfit(checkpoint.path, problems);
  return { steps, copies };
}

/** A tensor that nothing was made of, or the entries of a stack that are left where others were taken. */
function unusedOf(tensor: StoredTensor, used: ReadonlySet<string>): readonly string[] {
  if (used.has(tensor.name)) return [];
  const entries = entriesOf(tensor) ?? [];
  const rest = entries.filter(({ name }) => !used.has(name));
  return rest.length === entries.length ? [tensor.name] : rest.map(({ name }) => name);
}

const MAX_LISTED = 10;

function misfit(path: string, problems: readonly string[]): WbError {
  const lines = problems.slice(0, MAX_LISTED).map((problem) => `  ${shownName(problem)}`);
  if (problems.length > MAX_LISTED) lines.push(`  and ${problems.length - MAX_LISTED} more`);
  return new WbError("WB3712", `${path}: the map is not of this checkpoint:\n${lines.join("\n")}`, {
    details: { path },
  });
}

function stepOf(
  { right, operation, cast }: LearnedStatement,
  tensors: readonly StoredTensor[],
  assembly: Assembly,
  isPart: boolean,
): WriteStep {
  const isOne = tensors.length === 1;
  const kind =
    operation.kind === "same" && !isPart
      ? "copy"
      : (operation.kind === "transpose" || operation.kind === "axes") && !isPart
        ? "transpose"
        : isOne
          ? "split"
          : "merge";
  const why = `as the map says: ${renderOperation(operation)}`;
  const from = tensors.map(sourceName);
  return {
    kind,
    from,
    to: right,
    assembly,
    why,
    ...(cast === undefined || cast === assembly.dtype ? {} : { cast }),
  };
}

/** What an operation makes of its left tensors; undefined where their shapes or dtypes do not fit. */
export function madeFrom(
  operation: LearnedOperation,
  tensors: readonly StoredTensor[],
): Assembly | undefined {
  const rows = rowsOf(operation, tensors);
  if (!("toColumns" in operation) || !(operation.toColumns ?? false)) return rows;
  return rows?.shape.length === 2 ? transposedAssembly(rows) : undefined;
}

function rowsOf(
  operation: LearnedOperation,
  tensors: readonly StoredTensor[],
): Assembly | undefined {
  const views = tensors.map(wholeView);
  switch (operation.kind) {
    case "same":
      return joined(views);
    case "tied":
      return undefined;
    case "transpose":
      return views[0]?.shape.length === 2 ? joined(views.map(transposedView)) : undefined;
    case "axes": {
      const [view] = views;
      return view?.shape.length === operation.order.length
        ? joined([withAxes(view, operation.order)])
        : undefined;
    }
    case "stack":
      return joined(
        views.map((view) => ({
          ...view,
          shape: [1, ...view.shape],
          strides: [0, ...view.strides],
        })),
      );
    case "concatenate":
      return joined(operation.axis === 0 ? views : views.map(transposedView));
    case "gather": {
      const oriented = operation.axis === 0 ? views : views.map(transposedView);
      const parts = operation.runs.map(({ of, begin, count, step }) => {
        const view = oriented[of];
        const last = begin + (count - 1) * step;
        return view === undefined || last >= (view.shape[0] ?? 0) || count < 1
          ? undefined
          : slicedView(view, 0, begin, count, step);
      });
      return parts.every((part) => part !== undefined) ? joined(parts) : undefined;
    }
    default:
      return operation satisfies never;
  }
}

/** The window with its axes in another order. */
function withAxes(view: TensorView, order: readonly number[]): TensorView {
  const along = (sizes: readonly number[]): readonly number[] =>
    order.map((axis) => sizes[axis] ?? 1);
  return { ...view, shape: along(view.shape), strides: along(view.strides) };
}

function joined(views: readonly TensorView[]): Assembly | undefined {
  const [first] = views;
  const fits = views.every(
    ({ shape, tensor }) =>
      tensor.dtype === first?.tensor.dtype &&
      shape.slice(1).join() === first.shape.slice(1).join() &&
      shape.length === first.shape.length,
  );
  return first !== undefined && fits ? concatViews(views, 0) : undefined;
}
