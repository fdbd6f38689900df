import type { ModelConfig } from "../../../model/config/model-config.ts";
import { layerOf } from "../../../model/layer-number.ts";
import { layerTensors, type TensorSpec } from "../../../model/tensors.ts";
import type { Claim } from "../../relate/claim.ts";
import { isPermutation, type Order } from "../../relate/row-order.ts";
import { textOrder } from "../../relate/text-order.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { inverse } from "../hypotheses/tensor-edits.ts";

/** Entries of an order that a sentence lists. */
const LISTED = 16;

/** Tensors whose orders belong together, and what is said of them. */
type Ordered = Pick<Diagnosis, "cause" | "harmless" | "evidence"> & {
  readonly tensors: readonly string[];
  readonly layer: number;
  readonly claims: readonly Claim[];
};

/** What was found of one layer. */
interface LayerFacts {
  readonly layer: number;
  readonly specs: readonly TensorSpec[];
  readonly claims: ReadonlyMap<string, Claim>;
  /** Tensors that differ. */
  readonly wrong: ReadonlySet<string>;
}

/**
 * Takes orders that cancel each other out of what is accused: experts that stand in another order together with their router's rows,
 * and feed-forward networks whose inner dimensions stand in one other order in each of their matrices. That they compute the same
 * follows from the orders, whatever a prompt reaches. Experts without their router are accused of their order, all of them as one.
 */
export function withoutCommuting(
  found: readonly Diagnosis[],
  config: ModelConfig | undefined,
): readonly Diagnosis[] {
  if (config === undefined) return found;
  const claims = new Map(
    found.flatMap((diagnosis) => (diagnosis.claims ?? []).map((claim) => [claim.tensor, claim])),
  );
  const wrong = new Set(found.flatMap(({ tensors }) => tensors));
  const layers = new Set([...wrong].flatMap((name) => layerOf(name) ?? []));
  const ordered = [...layers]
    .filter((layer) => layer < config.layers)
    .flatMap((layer) => {
      const facts = { layer, specs: layerTensors(config, layer), claims, wrong };
      const experts = expertsInOrder(facts, config);
      return [...(experts === undefined ? [] : [experts]), ...innerInOrder(facts)];
    });
  const explained = new Set(ordered.flatMap(({ tensors }) => tensors));
  return [
    // Of one that speaks of others, too, all stays.
    ...found.filter(({ tensors }) => !tensors.every((name) => explained.has(name))),
    ...ordered,
  ];
}

/** Experts under other numbers, and whether their router has its rows in the same order. */
function expertsInOrder(
  { layer, specs, claims, wrong }: LayerFacts,
  { experts }: ModelConfig,
): Ordered | undefined {
  if (experts === undefined) return undefined;
  const own = specs.filter(({ expert }) => expert >= 0);
  const place = new Map(own.map(({ name, expert, parameter }) => [name, { expert, parameter }]));
  const order = Array.from({ length: experts.count }, (_unused, expert) => expert);
  for (const { name, expert, parameter } of own) {
    const claim = claims.get(name);
    if (!wrong.has(name) || claim?.kind !== "equal" || claim.of === undefined) continue;
    const source = place.get(claim.of);
    if (source?.parameter === parameter) order[expert] = source.expert;
  }
  if (!isPermutation(order)) return undefined;
  const isMoved = (expert: number): boolean => order[expert] !== expert;
  const moved = own.filter(({ expert }) => isMoved(expert));
  if (moved.length === 0) return undefined;
  const isAll = moved.every(({ name, expert, parameter }) => {
    const claim = claims.get(name);
    const source =
      claim?.kind === "equal" && claim.of !== undefined ? place.get(claim.of) : undefined;
    return source?.parameter === parameter && source.expert === order[expert];
  });
  if (!isAll) return undefined;
  const rows = specs.filter(({ parameter }) => parameter.axes[0] === "experts");
  // Of experts in groups, the order of groups and within them would have to be kept.
  const isWithRouter =
    experts.groups === undefined &&
    rows.every(({ name }) => isSame(rowsOf(claims.get(name), "rows"), order));
  const tensors = [...moved, ...(isWithRouter ? rows : [])].map(({ name }) => name);
  const said = { tensors, layer, claims: tensors.flatMap((name) => claims.get(name) ?? []) };
  if (isWithRouter)
    return {
      ...said,
      cause: "rank-order",
      harmless: true,
      evidence: `the experts of layer ${layer} stand in another order, and the rows of their router with them: place i holds expert ${listed(order)} of the other side, so that they compute the same`,
    };
  const isRouterRight = rows.length > 0 && rows.every(({ name }) => !wrong.has(name));
  const router = isRouterRight ? ", while the rows of their router stand in their own places" : "";
  const two = order.filter((_from, expert) => isMoved(expert)).toSorted((a, b) => a - b);
  return two.length === 2
    ? {
        ...said,
        cause: "swapped",
        evidence: `experts ${two.join(" and ")} are stored under each other's numbers${router}`,
      }
    : {
        ...said,
        cause: "rank-order",
        evidence: `the experts of a layer ${sortingOf(order)} (place i holds expert ${listed(order)} of the other side)${router}`,
      };
}

/** What an order of experts is, where it is one that converters leave. */
function sortingOf(order: Order): string {
  const text = textOrder(order.length);
  if (isSame(order, text)) return "are sorted by their numbers as text, in which 10 comes before 2";
  if (isSame(order, inverse(text)))
    return "were read as if they were sorted by their numbers as text, in which 10 comes before 2";
  if (order.every((from, place) => from === order.length - 1 - place)) return "stand in reverse";
  return "stand in another order";
}

/** The matrices of a feed-forward network, dense or an expert, whose inner dimensions all stand in one other order. */
function innerInOrder({ layer, specs, claims, wrong }: LayerFacts): readonly Ordered[] {
  const downs = specs.filter(
    ({ parameter }) => parameter.role === "down" && isInner(parameter.axes[1]),
  );
  return downs.flatMap((down): readonly Ordered[] => {
    if (!wrong.has(down.name)) return [];
    const order = rowsOf(claims.get(down.name), "columns");
    if (order === undefined || !isPermutation(order)) return [];
    const [, size] = down.parameter.axes;
    const before = specs.filter(
      ({ expert, parameter: { role, axes } }) =>
        expert === down.expert &&
        (role === "gateUp"
          ? size === "ffn"
          : (role === "gate" || role === "up") && axes[0] === size),
    );
    const isSameOrder = before.every(({ name, parameter: { role } }) =>
      isSame(
        rowsOf(claims.get(name), "rows"),
        role === "gateUp" ? [...order, ...order.map((from) => from + order.length)] : order,
      ),
    );
    if (before.length === 0 || !isSameOrder) return [];
    const tensors = [...before, down].map(({ name }) => name);
    return [
      {
        cause: "rank-order",
        harmless: true,
        tensors,
        layer,
        evidence: `its ${order.length} inner dimensions stand in one other order, in each matrix that has them: place i holds ${listed(order)} of the other side, so that they compute the same`,
        claims: tensors.flatMap((name) => claims.get(name) ?? []),
      },
    ];
  });
}

function isInner(axis: string | undefined): boolean {
  return axis === "ffn" || axis === "expertFfn" || axis === "sharedFfn";
}

function rowsOf(claim: Claim | undefined, axis: "rows" | "columns"): Order | undefined {
  return claim?.kind === "order" && claim.axis === axis && claim.of === undefined
    ? claim.order
    : undefined;
}

function isSame(found: Order | undefined, order: Order): boolean {
  return found?.length === order.length && order.every((from, index) => found[index] === from);
}

function listed(order: Order): string {
  return order.slice(0, LISTED).join(", ") + (order.length > LISTED ? ", …" : "");
}
