import { isOfAttention, isOfMlp } from "../../../model/canonical-names.ts";
import { inLayer, layerOf } from "../../../model/layer-number.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { textOrder } from "../../relate/text-order.ts";
import type { Hypothesis } from "./hypothesis.ts";

/** Layers in another order as converters make it, where no hidden states tell each layer by itself: held[i] is what place i has. */
export function orderHypotheses(layers: number, names: readonly string[]): readonly Hypothesis[] {
  const order = Array.from({ length: layers }, (_unused, layer) => layer);
  const rolled = (by: number): readonly number[] =>
    order.map((layer) => (layer + by + layers) % layers);
  const whole: readonly (readonly [string, readonly number[]])[] = [
    ["the layers are sorted as text", textOrder(layers)],
    ["the layers stand in reverse", order.toReversed()],
    ...[1, -1, ...partsOf(layers).flatMap((part) => [part, -part])].map(
      (by): readonly [string, readonly number[]] => [
        `every place holds the layer ${Math.abs(by)} ${by > 0 ? "further" : "earlier"}, round the end`,
        rolled(by),
      ],
    ),
  ];
  const named = (list: typeof whole): readonly Hypothesis[] =>
    list
      .filter(([, held]) => held.some((source, place) => source !== place))
      .map(([mistake, held]) => reordered("layer-order", mistake, held, names));
  const swaps = order.flatMap((left) =>
    order.slice(left + 1).flatMap((right) => {
      const held = order.map((layer) => (layer === left ? right : layer === right ? left : layer));
      return [
        ["layers", (): boolean => true] as const,
        ["attention of layers", isOfAttention] as const,
        ["MLP of layers", isOfMlp] as const,
      ].map(([what, belongs]) =>
        reordered(
          "swapped",
          `${what} ${left} and ${right} stored in each other's place`,
          held,
          names.filter(belongs),
        ),
      );
    }),
  );
  return [
    ...named(whole),
    ...swaps.toSorted((left, right) => reach(left, names) - reach(right, names)),
    ...named(movedOnes(order)),
  ];
}

/** Orders in which one layer stands elsewhere, and those between are one place off: the longer ways first. Two alone are a swap. */
function movedOnes(order: readonly number[]): readonly (readonly [string, readonly number[]])[] {
  const ways = order.flatMap((layer) =>
    order
      .filter((place) => Math.abs(place - layer) > 1 && Math.abs(place - layer) < order.length - 1)
      .map((place) => ({ layer, place })),
  );
  return ways
    .toSorted((a, b) => Math.abs(b.place - b.layer) - Math.abs(a.place - a.layer))
    .map(({ layer, place }) => [
      `layer ${layer} stands in place ${place}, and those between one place off`,
      order.toSpliced(layer, 1).toSpliced(place, 0, layer),
    ]);
}

/** Pipeline parts of equal size: halves, thirds, quarters. */
function partsOf(layers: number): readonly number[] {
  return [2, 3, 4].filter((count) => layers % count === 0).map((count) => layers / count);
}

/** Whole layers before parts of layers, near ones before far ones. */
function reach({ tensors }: Hypothesis, names: readonly string[]): number {
  const layers = [...new Set(tensors.flatMap((name) => layerOf(name) ?? []))];
  const whole = names.filter((name) => layers.includes(layerOf(name) ?? -1)).length;
  return (whole - tensors.length) * names.length + Math.abs((layers[1] ?? 0) - (layers[0] ?? 0));
}

function reordered(
  cause: "layer-order" | "swapped",
  mistake: string,
  held: readonly number[],
  names: readonly string[],
): Hypothesis {
  const moved = held.flatMap((source, place) => (source === place ? [] : [{ source, place }]));
  const tensors = moved.flatMap(({ place }) => names.filter((name) => layerOf(name) === place));
  return {
    cause,
    tensors,
    mistake,
    undo: async (read) => {
      const changes = new Map<string, HostTensor>();
      for (const { source, place } of moved)
        for (const name of names.filter((one) => layerOf(one) === place))
          changes.set(inLayer(name, source), await read(name));
      return changes;
    },
  };
}
