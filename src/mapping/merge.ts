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
import type { LinearLayout } from "../model/parameter.ts";

/** The parts of one stored tensor, one a tensor-parallel rank (one in all where the checkpoint is not split). */
export interface Parts {
  readonly parts: readonly StoredTensor[];
  /** How its class of weights is stored. */
  readonly layout: LinearLayout;
}

/** One target that a group of source parts makes. */
export interface Target {
  readonly name: string;
  /** In torch's layout; undefined when the parts' shapes do not fit, with `expected` telling what would. */
  readonly assembly: Assembly | undefined;
  /** Shapes that one part may have, for the message when none fits. */
  readonly expected: readonly (readonly number[])[];
  readonly why: string;
}

export interface LayoutShapes {
  readonly torch: readonly (readonly number[])[];
  readonly paddle: readonly (readonly number[])[];
}

/** A weight's shape [out, in], and which axis of it tensor-parallel ranks cut. */
export interface MatrixFacts {
  readonly shape: readonly number[];
  readonly cut: 0 | 1;
}

/** The window of a stored Linear weight in torch's layout, [out, in]. */
export function torchView(tensor: StoredTensor, layout: LinearLayout): TensorView {
  return layout === "paddle" ? transposedView(wholeView(tensor)) : wholeView(tensor);
}

/** A Linear weight from its parts: [out, in], whatever the layout and the number of ranks. */
export function linearTarget(name: string, group: Parts, facts: MatrixFacts): Target {
  const views = group.parts.map((part) => torchView(part, group.layout));
  const { shape, cut } = facts;
  const partShape = partOf(shape, cut, views.length);
  return {
    name,
    assembly: mergeViews(views, shape, partShape, cut),
    expected: [shape, partShape].map((size) =>
      group.layout === "paddle" ? size.toReversed() : size,
    ),
    why: linearWhy(group),
  };
}

function linearWhy({ layout, parts }: Parts): string {
  const reasons: string[] = [];
  if (layout === "paddle") {
    const isColumnMajor = parts.every(
      ({ shape, strides }) => shape.length === 2 && strides[0] === 1 && strides[1] !== 1,
    );
    reasons.push(
      isColumnMajor
        ? "Paddle Linear is [in, out], stored column-major: the bytes already are stored as [out, in]"
        : "Paddle Linear stores [in, out]; torch stores [out, in]",
    );
  }
  if (parts.length > 1) reasons.push(`tensor-parallel parts of ${parts.length} ranks`);
  return reasons.length === 0 ? "as stored" : reasons.join("; ");
}

/** A vector: replicated on all ranks, or cut into equal parts. */
export function vectorTarget(name: string, group: Parts, size: number, isSplit: boolean): Target {
  const views = group.parts.map(wholeView);
  const partShape = isSplit ? partOf([size], 0, views.length) : [size];
  return {
    name,
    assembly: mergeViews(views, [size], partShape, 0),
    expected: [[size], partShape],
    why: views.length > 1 ? mergedWhy(views, [size]) : "as stored",
  };
}

/** An embedding table [vocab, hidden]: cut along the vocabulary (PaddleNLP) or along hidden (InternLM's training). */
export function tableTarget(name: string, group: Parts, shape: readonly number[]): Target {
  const views = group.parts.map(wholeView);
  const byRows = partOf(shape, 0, views.length);
  const byColumns = partOf(shape, 1, views.length);
  return {
    name,
    assembly: mergeViews(views, shape, byRows, 0) ?? mergeViews(views, shape, byColumns, 1),
    expected: [shape, byRows, byColumns],
    why: views.length > 1 ? mergedWhy(views, shape) : "as stored",
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
  const torch = [facts.shape, partOf(facts.shape, facts.cut, parts)];
  return { torch, paddle: torch.map((shape) => shape.toReversed()) };
}
