import { axisSize } from "../model/axes.ts";
import type { NetworkConfig } from "../model/config/model-config.ts";
import type { Statement } from "../model/names/statement.ts";
import { TRANSPOSABLE, type Parameter, type Role } from "../model/parameter.ts";
import { nameIn, type Place } from "../model/tensors.ts";
import { sameShape } from "../tensor/shape.ts";
import { concatViews, slicedView, type TensorView } from "./assembly.ts";
import {
  linearTarget,
  matrixLayoutShapes,
  partOf,
  tableTarget,
  torchView,
  vectorTarget,
  type LayoutShapes,
  type Parts,
  type Target,
} from "./merge.ts";

/** The canonical tensors in a stored one: a statement's operation undone. */
export function readStatement(
  statement: Statement,
  group: Parts,
  config: NetworkConfig,
  place: Place,
): readonly Target[] {
  const [parameter] = statement.canonical;
  if (parameter === undefined) return [];
  switch (statement.operation) {
    case "same":
      return [wholeTarget(parameter, group, config, place)];
    case "interleave":
      return [halvesTarget(wholeTarget(parameter, group, config, place), group, config)];
    case "alternate":
      return [alternateTarget(wholeTarget(parameter, group, config, place))];
    case "concatenate":
    case "thirds":
      return pieceTargets(statement, group, config, place, (view, sizes) =>
        sizes.map((size, index) => [slicedView(view, 0, sum(sizes.slice(0, index)), size)]),
      );
    case "group":
      return pieceTargets(statement, group, config, place, (view) => groupPieces(view, config));
    default:
      return statement.operation satisfies never;
  }
}

/** The shape of the stored tensor in torch's layout. */
function storedShape(
  { canonical, operation }: Statement,
  config: NetworkConfig,
): readonly number[] {
  const shapes = canonical.map((parameter) => shapeOf(parameter, config));
  const [first = []] = shapes;
  const out =
    operation === "thirds"
      ? canonical.length * (first[0] ?? 0)
      : sum(shapes.map(([size = 0]) => size));
  return [out, ...first.slice(1)];
}

/** Shapes of one part that prove a layout, for `parts` ranks; undefined for tensors that every layout stores alike. */
export function layoutShapesOf(
  statement: Statement,
  config: NetworkConfig,
  parts: number,
): LayoutShapes | undefined {
  const [parameter] = statement.canonical;
  if (parameter === undefined || !TRANSPOSABLE.has(parameter.class)) return undefined;
  return matrixLayoutShapes(
    { shape: storedShape(statement, config), cut: parameter.cut ?? 0 },
    parts,
  );
}

function shapeOf(parameter: Parameter, config: NetworkConfig): readonly number[] {
  return parameter.axes.map((axis) => axisSize(axis, config));
}

function wholeTarget(
  parameter: Parameter,
  group: Parts,
  config: NetworkConfig,
  place: Place,
): Target {
  const name = nameIn(parameter.name, place);
  const shape = shapeOf(parameter, config);
  if (TRANSPOSABLE.has(parameter.class))
    return linearTarget(name, group, { shape, cut: parameter.cut ?? 0 });
  if (parameter.class === "table") return tableTarget(name, group, shape);
  return vectorTarget(name, group, shape[0] ?? 1, parameter.cut !== undefined);
}

/** Rows [heads, D/2, 2] become [heads, 2, D/2]. */
function halvesTarget(target: Target, group: Parts, { headDim }: NetworkConfig): Target {
  const views = target.assembly?.parts.flatMap((part) => halvesOfHeads(part, headDim));
  const permuted =
    "rotary pairs are side by side; the target has a head's first halves, then the second";
  return {
    ...target,
    assembly: views === undefined ? undefined : concatViews(views, 0),
    why: group.parts.length > 1 ? `${permuted}; ${target.why}` : permuted,
  };
}

/** For each head its even rows, then its odd ones. */
function halvesOfHeads(view: TensorView, headDim: number): readonly TensorView[] {
  const heads = (view.shape[0] ?? 0) / headDim;
  return Array.from({ length: 2 * heads }, (_unused, half) => {
    const begin = Math.floor(half / 2) * headDim + (half % 2);
    return slicedView(view, 0, begin, headDim / 2, 2);
  });
}

/** Even rows, then odd ones. */
function alternateTarget(target: Target): Target {
  if (target.assembly === undefined) return target;
  const { parts } = target.assembly;
  const halves = [0, 1].flatMap((first) =>
    parts.map((view) => slicedView(view, 0, first, (view.shape[0] ?? 0) / 2, 2)),
  );
  return {
    ...target,
    assembly: concatViews(halves, 0),
    why: "the older layout has rows of gate and up alternately; all of gate comes first",
  };
}

/** Several tensors in one. `cut` gives the windows of each in the part of one rank. */
function pieceTargets(
  statement: Statement,
  { parts, layout }: Parts,
  config: NetworkConfig,
  place: Place,
  cut: (view: TensorView, sizes: readonly number[]) => readonly (readonly TensorView[])[],
): readonly Target[] {
  const { canonical, isCut } = statement;
  const whole = storedShape(statement, config);
  const partShape = isCut ? partOf(whole, 0, parts.length) : whole;
  const views = parts.map((part) => torchView(part, layout));
  const fits =
    (isCut || parts.length === 1) && views.every((view) => sameShape(view.shape, partShape));
  const sizes = canonical.map((parameter) => {
    const [size = 0] = shapeOf(
      statement.operation === "thirds" ? (canonical[0] ?? parameter) : parameter,
      config,
    );
    return size / parts.length;
  });
  const pieces = fits ? views.map((view) => cut(view, sizes)) : [];
  return canonical.map((parameter, index) => ({
    name: nameIn(parameter.name, place),
    assembly: fits
      ? concatViews(
          pieces.flatMap((piece) => piece[index] ?? []),
          0,
        )
      : undefined,
    expected: [layout === "paddle" ? partShape.toReversed() : partShape],
    why: splitWhy(statement, parts.length),
  }));
}

/** For each key-value head its query heads, its key, its value. */
function groupPieces(
  view: TensorView,
  { heads, kvHeads, headDim }: NetworkConfig,
): readonly (readonly TensorView[])[] {
  const perGroup = heads / kvHeads;
  const groups = (view.shape[0] ?? 0) / ((perGroup + 2) * headDim);
  const windows = (first: number, count: number): readonly TensorView[] =>
    Array.from({ length: groups }, (_unused, index) =>
      slicedView(view, 0, (index * (perGroup + 2) + first) * headDim, count * headDim),
    );
  return [windows(0, perGroup), windows(perGroup, 1), windows(perGroup + 1, 1)];
}

function splitWhy({ stored, operation, canonical, isCut }: Statement, ranks: number): string {
  const from = `split from ${moduleOf(stored)}, which`;
  switch (operation) {
    case "group":
      return `${from} goes by key-value head: its queries, its key, its value${ranks > 1 ? `; parts of ${ranks} ranks` : ""}`;
    case "thirds":
      return `${from} holds ${wordsFor(canonical)}${ranks > 1 ? ` on each of ${ranks} ranks` : ""}`;
    case "concatenate":
      return `${from} holds ${wordsFor(canonical)}${ranks > 1 && isCut ? `; parts of ${ranks} ranks` : ""}`;
    case "same":
    case "interleave":
    case "alternate":
      return "as stored";
    default:
      return operation satisfies never;
  }
}

const WORDS: Readonly<Partial<Record<Role, string>>> = {
  query: "queries",
  key: "keys",
  value: "values",
};

function wordsFor(canonical: readonly Parameter[]): string {
  const words = canonical.map(({ role }) => WORDS[role] ?? role);
  return words.length === 2 ? words.join(", then ") : words.join(", ");
}

/** The last name of a stored tensor's module. */
function moduleOf(stored: string): string {
  return stored.split(".").at(-2) ?? stored;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
