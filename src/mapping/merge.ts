import { sameShape } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";
import {
  assemblyOf,
  concatViews,
  transposedView,
  wholeView,
  type Assembly,
  type TensorView,
} from "./assembly.ts";
import type { LayoutShapes, SourceGroup, Target } from "./family.ts";
import type { LinearLayout } from "./step.ts";

/** Along which axis of [out, in] tensor parallelism cuts a Linear weight. */
export type SplitAxis = "out" | "in";

export interface MatrixFacts {
  readonly out: number;
  readonly in: number;
  readonly split: SplitAxis;
}

/** The window of a stored Linear weight in torch's layout, [out, in]. */
export function torchView(tensor: StoredTensor, layout: LinearLayout): TensorView {
  return layout === "paddle" ? transposedView(wholeView(tensor)) : wholeView(tensor);
}

/** A Linear weight from its parts: [out, in], whatever the layout and the number of ranks. */
export function linearTarget(name: string, group: SourceGroup, facts: MatrixFacts): Target {
  const views = group.parts.map((part) => torchView(part, group.layout));
  const axis = facts.split === "out" ? 0 : 1;
  const shape = [facts.out, facts.in];
  const partShape = partOf(shape, axis, views.length);
  return {
    name,
    assembly: mergeViews(views, shape, partShape, axis),
    expected: [shape, partShape].map((size) =>
      group.layout === "paddle" ? size.toReversed() : size,
    ),
    why: linearWhy(group),
  };
}

function linearWhy({ layout, parts }: SourceGroup): string {
  const reasons: string[] = [];
  if (layout === "paddle") {
    const isColumnMajor = parts.every(
      ({ shape, strides }) => shape.length === 2 && strides[0] === 1 && strides[1] !== 1,
    );
    reasons.push(
      isColumnMajor
        ? "Paddle Linear is [in, out], stored column-major: the bytes already lie as [out, in]"
        : "Paddle Linear stores [in, out]; torch stores [out, in]",
    );
  }
  if (parts.length > 1) reasons.push(`tensor-parallel parts of ${parts.length} ranks`);
  return reasons.length === 0 ? "as it lies" : reasons.join("; ");
}

/** A vector: replicated on all ranks, or cut into equal parts. */
export function vectorTarget(
  name: string,
  group: SourceGroup,
  size: number,
  isSplit: boolean,
): Target {
  const views = group.parts.map(wholeView);
  const partShape = isSplit ? partOf([size], 0, views.length) : [size];
  return {
    name,
    assembly: mergeViews(views, [size], partShape, 0),
    expected: [[size], partShape],
    why: views.length > 1 ? mergedWhy(views, [size]) : "as it lies",
  };
}

/** An embedding table [vocab, hidden]: cut along the vocabulary (PaddleNLP) or along hidden (InternLM's training). */
export function tableTarget(
  name: string,
  group: SourceGroup,
  shape: readonly [number, number],
): Target {
  const views = group.parts.map(wholeView);
  const byRows = partOf(shape, 0, views.length);
  const byColumns = partOf(shape, 1, views.length);
  return {
    name,
    assembly: mergeViews(views, shape, byRows, 0) ?? mergeViews(views, shape, byColumns, 1),
    expected: [shape, byRows, byColumns],
    why: views.length > 1 ? mergedWhy(views, shape) : "as it lies",
  };
}

function mergedWhy(views: readonly TensorView[], shape: readonly number[]): string {
  const isReplicated = views.every((view) => sameShape(view.shape, shape));
  return isReplicated
    ? `the same on all ${views.length} tensor-parallel ranks; rank 0 is taken`
    : `tensor-parallel parts of ${views.length} ranks`;
}

/** The whole from views of its parts; from the first where each has all of it; undefined when no shape fits. */
export function mergeViews(
  views: readonly TensorView[],
  shape: readonly number[],
  partShape: readonly number[],
  axis: number,
): Assembly | undefined {
  const [first] = views;
  if (first === undefined || views.some(({ tensor }) => tensor.dtype !== first.tensor.dtype))
    return undefined;
  if (views.every((view) => sameShape(view.shape, shape))) return assemblyOf(first);
  return views.every((view) => sameShape(view.shape, partShape))
    ? concatViews(views, axis)
    : undefined;
}

/** A part's shape; a size that does not divide gives a fraction, which no tensor has. */
export function partOf(shape: readonly number[], axis: number, parts: number): readonly number[] {
  return shape.map((size, at) => (at === axis ? size / parts : size));
}

/** The shapes of one part of a Linear weight that prove a layout. */
export function matrixLayoutShapes(facts: MatrixFacts, parts: number): LayoutShapes {
  const whole = [facts.out, facts.in];
  const part = partOf(whole, facts.split === "out" ? 0 : 1, parts);
  const torch = [whole, part];
  return { torch, paddle: torch.map((shape) => shape.toReversed()) };
}
