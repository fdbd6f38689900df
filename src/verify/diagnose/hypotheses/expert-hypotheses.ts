import { expertWeight, layerName } from "../../../model/canonical-names.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { EXPERTS } from "../../../model/experts-network.ts";
import { textOrder } from "../../relate/text-order.ts";
import { edited, swapOf, type Hypothesis } from "./hypothesis.ts";
import { inverse, reinterpreted, takeRows } from "./tensor-edits.ts";

const PARTS = [EXPERTS.gate, EXPERTS.up, EXPERTS.down];

/** Mistakes in the experts of one layer, and in the order of their router's rows. */
export function expertHypotheses(
  layer: number,
  { experts }: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  if (experts === undefined) return [];
  const at = (part: string, expert: number): string => expertWeight(layer, part, expert);
  const numbers = Array.from({ length: experts.count }, (_unused, expert) => expert);
  if (!numbers.every((expert) => PARTS.every((part) => has.has(at(part, expert))))) return [];
  const of = (parts: readonly string[], list: readonly number[]): readonly string[] =>
    list.flatMap((expert) => parts.map((part) => at(part, expert)));
  const groups = [numbers, ...numbers.map((expert) => [expert])];
  return [
    ...groups.map((list) =>
      swapOf(list.map((expert) => [at(EXPERTS.gate, expert), at(EXPERTS.up, expert)])),
    ),
    ...[PARTS, ...PARTS.map((part) => [part])].map((parts): Hypothesis => {
      const tensors = of(parts, numbers);
      return {
        cause: "transposed",
        tensors,
        mistake: "stored as [in, out]",
        undo: (read) => edited(tensors, read, reinterpreted),
      };
    }),
    ...ordersOf(numbers).map((order) => routerInOrder(layer, order, of(PARTS, numbers))),
  ];
}

/** Orders that converters leave: rolled, reversed, sorted as text, by ranks, two exchanged. */
function ordersOf(numbers: readonly number[]): readonly (readonly number[])[] {
  const count = numbers.length;
  const rolled = numbers.slice(1).map((by) => numbers.map((one) => (one + by) % count));
  const ranks = [2, 4, 8]
    .filter((size) => size < count && count % size === 0)
    .flatMap((size) => {
      const order = numbers.map((one) => (one % size) * (count / size) + Math.floor(one / size));
      return [order, inverse(order)];
    });
  const text = textOrder(count);
  const all = [
    numbers.toReversed(),
    ...rolled,
    text,
    inverse(text),
    ...ranks,
    ...exchanges(numbers),
  ];
  return all.filter((order) => order.some((from, place) => from !== place));
}

/** An order with every two of its places exchanged. */
export function exchanges(order: readonly number[]): readonly (readonly number[])[] {
  return order.flatMap((left, first) =>
    order
      .slice(first + 1)
      .map((right) => order.map((one) => (one === left ? right : one === right ? left : one))),
  );
}

/** Weights of all experts of a layer. */
export function expertWeights(layer: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_unused, expert) =>
    PARTS.map((part) => expertWeight(layer, part, expert)),
  ).flat();
}

/** What the rows of the router are is known but for whether they or the experts were moved: the outcome is the same. */
export function routerInOrder(
  layer: number,
  order: readonly number[],
  experts: readonly string[],
): Hypothesis {
  const tensors = [layerName(layer, `${EXPERTS.router}.weight`)];
  return {
    cause: "rank-order",
    tensors,
    either: experts,
    mistake: `the experts of layer ${layer} and the rows of their router stand in different orders: expert i belongs to row ${order.slice(0, 16).join(", ")}${order.length > 16 ? ", …" : ""}`,
    undo: (read) => edited(tensors, read, (tensor) => takeRows(tensor, order)),
  };
}
