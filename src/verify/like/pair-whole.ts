import { haveSameNumbers, likeness } from "../match/likeness.ts";
import { sameShape } from "../../tensor/shape.ts";
import { MIN_COSINE } from "./agreement.ts";
import { cosine, type WholeSketch } from "./sketch.ts";

/** One tensor that another may be, as it is or transposed. */
export interface Candidate {
  readonly source: WholeSketch;
  readonly kind: "same" | "transpose";
  readonly score: number;
}

/** Multiplications after which only tensors of the same numbers are tried first: a thousand experts have a million pairs. */
const MANY = 4e9;

/** What each target may be, best first; pure. Undefined for those that nothing is like. */
export function candidatesOf(
  targets: readonly WholeSketch[],
  sources: readonly WholeSketch[],
): ReadonlyMap<WholeSketch, readonly Candidate[]> {
  const isMany = targets.length * sources.length * 4096 > MANY;
  return new Map(
    targets.map((target) => {
      const { name } = target.tensor;
      const near = isMany
        ? sources.filter(({ tensor }) => haveSameNumbers(tensor.name, name))
        : sources;
      const found = candidatesIn(target, near);
      return [target, found.length === 0 && isMany ? candidatesIn(target, sources) : found];
    }),
  );
}

function candidatesIn(target: WholeSketch, sources: readonly WholeSketch[]): readonly Candidate[] {
  const { shape } = target.tensor;
  return sources
    .flatMap((source): readonly Candidate[] => {
      const isSame = sameShape(source.tensor.shape, shape);
      const isTransposed = shape.length === 2 && sameShape(source.tensor.shape.toReversed(), shape);
      const upright = isSame ? cosine(source.upright, target.upright) : 0;
      const transposed =
        isTransposed && source.transposed !== undefined
          ? cosine(source.transposed, target.upright)
          : 0;
      if (Math.max(upright, transposed) < MIN_COSINE - SKETCH_ERROR) return [];
      return upright >= transposed
        ? [{ source, kind: "same", score: upright }]
        : [{ source, kind: "transpose", score: transposed }];
    })
    .toSorted((a, b) => b.score - a.score);
}

/** Six times the error of a sketch's cosine. */
const SKETCH_ERROR = 0.1;

/** Chosen for a target, or undefined where several fit as well and no name tells. */
export function chosen(
  name: string,
  candidates: readonly Candidate[],
  used: ReadonlySet<string>,
): Candidate | "several" | undefined {
  const [best] = candidates;
  if (best === undefined) return undefined;
  const reach = Math.max(0.02, (1 - best.score) / 4);
  const near = candidates.filter(({ score }) => score >= best.score - reach);
  const free = near.filter(({ source }) => !used.has(source.tensor.name));
  // Of tied tensors one may serve twice.
  const open = free.length === 0 ? near : free;
  const like = (one: Candidate): number => likeness(one.source.tensor.name, name);
  const [first, second] = open.toSorted((a, b) => like(b) - like(a));
  if (first === undefined || second === undefined) return first;
  const areEqual = cosine(first.source.upright, second.source.upright) > 1 - 1e-9;
  return like(first) > like(second) || (areEqual && first.score === second.score)
    ? first
    : "several";
}
