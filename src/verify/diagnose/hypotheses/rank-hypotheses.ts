import { axisSize, type Axis } from "../../../model/axes.ts";
import { layerName } from "../../../model/canonical-names.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { familyOf } from "../../../model/families.ts";
import { LAYER } from "../../../model/network.ts";
import type { Parameter } from "../../../model/parameter.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { edited, type Hypothesis } from "./hypothesis.ts";
import { headOrders, headRows, inverse, sizeOf, takeColumns, takeRows } from "./tensor-edits.ts";

/** Parallel ranks that matrices are cut for, beside as many as there are heads; every order of the parts of few ranks is tried. */
const RANKS = [2, 4, 8, 3];

/** Parts that alternate: rows of two or more matrices that were put together row by row. */
const TURNS = [2, 4, 8, 3];

/** Axes of heads, whose orders are hypotheses of their own. */
const OF_HEADS: ReadonlySet<Axis> = new Set(["heads·headDim", "kvHeads·headDim"]);

interface NamedOrder {
  readonly mistake: string;
  /** Row i of what is stored is row order()[i] of the right one. Counted out when it is tried: few of many are. */
  readonly order: () => readonly number[];
}

/** Parts of parallel ranks joined in another order or along the wrong axis, of each matrix of a layer that ranks cut. */
export function rankHypotheses(
  layer: number,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  return familyOf(config.family)
    .network.parameters.filter(({ name, axes }) => name.startsWith(LAYER) && axes.length === 2)
    .flatMap((parameter) => {
      const name = layerName(layer, parameter.name.slice(LAYER.length));
      return has.has(name) ? ofMatrix(name, parameter, config) : [];
    });
}

function ofMatrix(
  name: string,
  { axes, cut }: Parameter,
  config: ModelConfig,
): readonly Hypothesis[] {
  const over = cut === undefined ? undefined : axes[cut];
  if (cut === undefined || over === undefined) return [];
  const undo =
    (order: () => readonly number[]) =>
    (tensor: HostTensor): HostTensor =>
      cut === 0 ? takeRows(tensor, inverse(order())) : takeColumns(tensor, inverse(order()));
  const along = cut === 0 ? "rows" : "columns";
  const size = axisSize(over, config);
  const orders = OF_HEADS.has(over) ? [] : partOrders(size, along);
  const stacked = [...new Set([...RANKS, config.kvHeads, config.heads])]
    .filter((ranks) => ranks > 1 && size % ranks === 0)
    .map((ranks): Hypothesis => ({
      cause: "rank-order",
      tensors: [name],
      mistake: `the ${along} of its ${ranks} parallel parts were joined along the other axis`,
      undo: (read) => edited([name], read, (tensor) => joinedAgain(tensor, ranks, cut)),
    }));
  return [
    ...orders.map(({ mistake, order }): Hypothesis => ({
      cause: "rank-order",
      tensors: [name],
      mistake,
      undo: (read) => edited([name], read, undo(order)),
    })),
    ...stacked,
  ];
}

function partOrders(size: number, along: string): readonly NamedOrder[] {
  const parts = RANKS.filter((ranks) => size % ranks === 0).flatMap((ranks) =>
    headOrders(ranks).map((order) => ({
      mistake: `its ${ranks} parts along ${along} stand in the order ${order.join(", ")}`,
      order: () => headRows(order, size / ranks),
    })),
  );
  const turns = TURNS.filter((count) => size % count === 0).flatMap((count) => {
    const order = (): readonly number[] =>
      Array.from(
        { length: size },
        (_unused, row) => (row % count) * (size / count) + Math.floor(row / count),
      );
    return [
      { mistake: `its ${along} come from ${count} parts alternately`, order },
      {
        mistake: `its ${along} were taken from ${count} parts that alternate`,
        order: () => inverse(order()),
      },
    ];
  });
  const reversed = {
    mistake: `its ${along} stand in reverse`,
    order: () => Array.from({ length: size }, (_unused, row) => size - 1 - row),
  };
  return [...parts, ...turns, reversed];
}

/** Parts [n, in/ranks] that stand one under the other, or [out/ranks, n] that stand side by side, joined as they should be. */
export function joinedAgain(tensor: HostTensor, ranks: number, cut: 0 | 1): HostTensor {
  const { rows, columns } = sizeOf(tensor);
  const data = new Float32Array(tensor.data.length);
  if (cut === 1) {
    const width = columns / ranks;
    for (let at = 0; at < data.length; at++) {
      const [row, column] = [Math.floor(at / columns), at % columns];
      const part = Math.floor(column / width);
      data[at] = tensor.data[(part * rows + row) * width + (column % width)] ?? 0;
    }
    return { shape: tensor.shape, data };
  }
  const height = rows / ranks;
  for (let at = 0; at < data.length; at++) {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const part = Math.floor(row / height);
    data[at] = tensor.data[((row % height) * ranks + part) * columns + column] ?? 0;
  }
  return { shape: tensor.shape, data };
}
