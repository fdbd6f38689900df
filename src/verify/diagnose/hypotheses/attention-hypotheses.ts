import { ATTENTION, HEAD_NORMS } from "../../../model/network.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { headCounts } from "../../relate/name-order.ts";
import type { Cause } from "../diagnosis.ts";
import { edited, editedTogether, type Hypothesis } from "./hypothesis.ts";
import {
  halvesFromInterleaved,
  headOrders,
  headRows,
  inverse,
  takeColumns,
  takeRows,
} from "./tensor-edits.ts";

/** Rows of q and k in the other order of rotary pairs, of the dimensions that are rotated or of whole heads. */
export function rotaryHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const hypotheses: Hypothesis[] = [];
  for (const group of [[ATTENTION.query, ATTENTION.key], [ATTENTION.query], [ATTENTION.key]]) {
    for (const suffixes of suffixGroups(group, at, has)) {
      for (const dims of new Set([config.rotaryDims, config.headDim])) {
        for (const isStoredInterleaved of [true, false]) {
          const tensors = suffixes.flatMap((suffix) =>
            group.map((name) => at(`${name}.${suffix}`)),
          );
          hypotheses.push({
            cause: "rotary-permuted",
            tensors,
            mistake: rotaryMistake(config, isStoredInterleaved),
            undo: (read) =>
              edited(tensors, read, (tensor, name) => {
                const heads = name.includes(ATTENTION.query) ? config.heads : config.kvHeads;
                const order = halvesFromInterleaved(heads, config.headDim, dims);
                return takeRows(tensor, isStoredInterleaved ? order : inverse(order));
              }),
          });
        }
      }
    }
  }
  return [
    ...hypotheses,
    ...headNorms(at, config, has),
    ...exchangedHalves(at, config, has),
    ...wrongHeadCounts(at, config, has),
  ];
}

/** Weights of the norms of each head's queries and keys, which go with the dimensions of q and k: permuted alone, or left behind. */
function headNorms(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const names = [HEAD_NORMS.query, HEAD_NORMS.key].map((module) => at(`${module}.weight`));
  const own = names.filter((name) => has.has(name));
  const groups = own.length > 1 ? [own, ...own.map((name) => [name])] : own.map((name) => [name]);
  return groups.flatMap((tensors) =>
    [true, false].map((isStoredInterleaved): Hypothesis => ({
      cause: "rotary-permuted",
      tensors,
      mistake: `of one head, ${rotaryMistake(config, isStoredInterleaved)}`,
      undo: (read) =>
        edited(tensors, read, (tensor) => {
          const size = tensor.data.length;
          const order = halvesFromInterleaved(1, size, Math.min(size, config.rotaryDims));
          return takeRows(tensor, isStoredInterleaved ? order : inverse(order));
        }),
    })),
  );
}

/** The two halves of each head of q and k in each other's place: the rotated dimensions behind those that stay, or halves the other way round. */
function exchangedHalves(
  at: (name: string) => string,
  { heads, kvHeads, headDim }: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  if (headDim % 2 !== 0) return [];
  const { query, key } = ATTENTION;
  return [[query, key], [query], [key]].flatMap((group) =>
    suffixGroups(group, at, has).map((suffixes): Hypothesis => {
      const tensors = suffixes.flatMap((suffix) => group.map((name) => at(`${name}.${suffix}`)));
      return {
        cause: "rotary-permuted",
        tensors,
        mistake: "the two halves of each head stand in each other's place",
        undo: (read) =>
          edited(tensors, read, (tensor, name) =>
            takeRows(tensor, halvesOfHeads(name.includes(query) ? heads : kvHeads, headDim)),
          ),
      };
    }),
  );
}

/** Rows of heads with the two halves of each exchanged. */
function halvesOfHeads(count: number, headDim: number): readonly number[] {
  return headRows(
    Array.from({ length: 2 * count }, (_unused, half) => half ^ 1),
    headDim / 2,
  );
}

/** Rows of q or k permuted between pairs and halves for another number of heads than there are: k for the query heads' count. */
function wrongHeadCounts(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const { heads, kvHeads, headDim } = config;
  const counts = (
    [
      [ATTENTION.key, kvHeads, heads],
      [ATTENTION.query, heads, kvHeads],
    ] as const
  ).flatMap(([name, count, confused]) =>
    headCounts(count * headDim)
      .filter((other) => other !== count)
      .map((other) => ({ name, count, other, isLikely: other === confused })),
  );
  // The count of the other one's heads is what converters confuse.
  const inOrder = counts.toSorted((left, right) => Number(right.isLikely) - Number(left.isLikely));
  return inOrder.flatMap(({ name, count, other }) => {
    const size = (count * headDim) / other;
    const right = halvesFromInterleaved(count, headDim, headDim);
    const wrong = halvesFromInterleaved(other, size, size);
    const [toHalves, toPairs] = [
      "from rotary pairs to halves",
      "from halves to rotary pairs",
    ] as const;
    // Permuted with the wrong count in place of the right one, or where the rows should have stayed as they are.
    const orders: readonly (readonly [string, readonly number[]])[] = [
      [`${toHalves} for ${other} heads instead of ${count}`, composed(inverse(wrong), right)],
      [`${toPairs} for ${other} heads instead of ${count}`, composed(wrong, inverse(right))],
      [`${toPairs} for ${other} heads, of which there are ${count}`, wrong],
      [`${toHalves} for ${other} heads, of which there are ${count}`, inverse(wrong)],
    ];
    return orders.flatMap(([how, order]) =>
      suffixGroups([name], at, has).map((suffixes): Hypothesis => {
        const tensors = suffixes.map((suffix) => at(`${name}.${suffix}`));
        return {
          cause: "rotary-permuted",
          tensors,
          mistake: `rows permuted ${how}`,
          undo: (read) => edited(tensors, read, (tensor) => takeRows(tensor, order)),
        };
      }),
    );
  });
}

/** First one order of rows, then another. */
function composed(first: readonly number[], then: readonly number[]): readonly number[] {
  return then.map((row) => first[row] ?? row);
}

function rotaryMistake({ rotaryPairs }: ModelConfig, isStoredInterleaved: boolean): string {
  switch (rotaryPairs) {
    case "halves":
      return isStoredInterleaved
        ? "rows in interleaved rotary pairs, where halves are expected"
        : "rows permuted from interleaved pairs to halves once too often";
    case "neighbours":
      return isStoredInterleaved
        ? "rows permuted from halves to neighbouring rotary pairs once too often"
        : "rows in halves, where neighbouring rotary pairs are expected";
    default:
      return rotaryPairs satisfies never;
  }
}

/** Weights with their biases where all have one, then weights alone. */
function suffixGroups(
  group: readonly string[],
  at: (name: string) => string,
  has: ReadonlySet<string>,
): readonly (readonly string[])[] {
  const hasBias = group.every((name) => has.has(at(`${name}.bias`)));
  return hasBias ? [["weight", "bias"], ["weight"], ["bias"]] : [["weight"]];
}

/** A fused qkv cut up in another way than it was put together. */
export function splitHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const parts = [ATTENTION.query, ATTENTION.key, ATTENTION.value];
  const { heads, kvHeads, headDim } = config;
  const sizes = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const grouped = groupedRows(config);
  const orders: (readonly [string, readonly number[]])[] = [
    ["a qkv that goes by head was cut into thirds", inverse(grouped)],
    ["a qkv of three thirds was cut by head", grouped],
  ];
  for (const ranks of [2, 4, 8]) {
    if (sizes.some((size) => size % ranks !== 0)) continue;
    const joined = rowsByRank(sizes, ranks);
    orders.push(
      [
        `the parts of ${ranks} parallel ranks, q, k and v each, were joined plainly`,
        inverse(joined),
      ],
      [`a qkv of three thirds was cut as parts of ${ranks} parallel ranks`, joined],
    );
  }
  if (heads === kvHeads) {
    const third = heads * headDim;
    for (const order of [
      [0, 2, 1],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const rows = order.flatMap((part) =>
        Array.from({ length: third }, (_unused, row) => part * third + row),
      );
      orders.push([
        `its thirds were taken in the order ${order.map((part) => "qkv"[part]).join(", ")}`,
        rows,
      ]);
    }
    const byRow = Array.from(
      { length: 3 * third },
      (_unused, row) => (row % 3) * third + Math.floor(row / 3),
    );
    orders.push(["a qkv that goes by row was cut into thirds", inverse(byRow)]);
    orders.push(["a qkv of three thirds was cut by row", byRow]);
  }
  if (heads !== kvHeads)
    for (const stored of [
      ["k", "v", "q"],
      ["v", "k", "q"],
      ["v", "q", "k"],
      ["k", "q", "v"],
    ]) {
      const begin = (part: number): number => {
        const before = stored.slice(0, stored.indexOf("qkv".charAt(part)));
        return before.reduce((sum, one) => sum + (sizes["qkv".indexOf(one)] ?? 0), 0);
      };
      const rows = sizes.flatMap((size, part) =>
        Array.from({ length: size }, (_unused, row) => begin(part) + row),
      );
      orders.push([`q, k and v were put together in the order ${stored.join(", ")}`, rows]);
    }
  return orders.flatMap(([mistake, rows]) =>
    suffixGroups(parts, at, has).map((suffixes): Hypothesis => {
      const tensors = suffixes.flatMap((suffix) => parts.map((name) => at(`${name}.${suffix}`)));
      return {
        cause: mistake.includes("parallel ranks") ? "rank-order" : "qkv-split-order",
        tensors,
        mistake,
        undo: async (read) => {
          const changes = new Map<string, HostTensor>();
          for (const suffix of suffixes) {
            const names = parts.map((name) => at(`${name}.${suffix}`));
            const right = await editedTogether(names, read, (fused) => takeRows(fused, rows));
            for (const [name, tensor] of right) changes.set(name, tensor);
          }
          return changes;
        },
      };
    }),
  );
}

/** Row numbers of [q | k | v], rank by rank: each has its part of all three. */
export function rowsByRank(sizes: readonly number[], ranks: number): readonly number[] {
  return Array.from({ length: ranks }, (_unused, rank) => {
    let begin = 0;
    return sizes.flatMap((size) => {
      const part = size / ranks;
      const first = begin + rank * part;
      begin += size;
      return Array.from({ length: part }, (_none, row) => first + row);
    });
  }).flat();
}

/** Row numbers of [q | k | v] in the order by key-value head: its queries, its key, its value. */
export function groupedRows({ heads, kvHeads, headDim }: ModelConfig): readonly number[] {
  const perGroup = heads / kvHeads;
  const rows: number[] = [];
  const push = (firstHead: number, count: number): void => {
    for (let row = 0; row < count * headDim; row++) rows.push(firstHead * headDim + row);
  };
  for (let group = 0; group < kvHeads; group++) {
    push(group * perGroup, perGroup);
    push(heads + group, 1);
    push(heads + kvHeads + group, 1);
  }
  return rows;
}

/** Rows by head and dimension out of rows by dimension and head, or the other way. */
function exchangedAxes(heads: number, headDim: number, isByHead: boolean): readonly number[] {
  const [outer, inner] = isByHead ? [heads, headDim] : [headDim, heads];
  return Array.from(
    { length: heads * headDim },
    (_unused, row) => (row % inner) * outer + Math.floor(row / inner),
  );
}

/** Heads in another order in q, k, v or o; in all but o together it is the same as in o alone. */
export function headHypotheses(
  at: (name: string) => string,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const { heads, kvHeads, headDim } = config;
  const groups: readonly (readonly string[])[] =
    heads === kvHeads
      ? [
          [ATTENTION.query, ATTENTION.key, ATTENTION.value],
          [ATTENTION.query],
          [ATTENTION.key],
          [ATTENTION.value],
          [ATTENTION.query, ATTENTION.key],
          [ATTENTION.key, ATTENTION.value],
        ]
      : [[ATTENTION.query], [ATTENTION.key, ATTENTION.value], [ATTENTION.key], [ATTENTION.value]];
  const hypotheses: Hypothesis[] = [];
  for (const group of groups) {
    const count = group.includes(ATTENTION.query) ? heads : kvHeads;
    for (const order of headOrders(count)) {
      for (const [index, suffixes] of suffixGroups(group, at, has).entries()) {
        const tensors = suffixes.flatMap((suffix) => group.map((name) => at(`${name}.${suffix}`)));
        // Heads that move in all three, with their biases, are heads that move in what takes them.
        const isWhole = group.length === 3 && index === 0;
        hypotheses.push({
          cause: "head-order",
          tensors,
          ...(isWhole ? { either: [at(`${ATTENTION.output}.weight`)] } : {}),
          mistake: isWhole
            ? `heads of q, k and v in the order ${order.join(", ")}, or those of o_proj in the order ${inverse(order).join(", ")}: both have the same effect`
            : `heads in the order ${order.join(", ")}`,
          undo: (read) =>
            edited(tensors, read, (tensor) => takeRows(tensor, headRows(inverse(order), headDim))),
        });
      }
    }
  }
  const { output } = ATTENTION;
  for (const [module, count] of [
    [ATTENTION.query, heads],
    [ATTENTION.key, kvHeads],
    [ATTENTION.value, kvHeads],
    [output, heads],
  ] as const) {
    for (const isByHead of [true, false]) {
      const order = exchangedAxes(count, headDim, isByHead);
      for (const suffixes of module === output ? [["weight"]] : suffixGroups([module], at, has)) {
        const tensors = suffixes.map((suffix) => at(`${module}.${suffix}`));
        hypotheses.push({
          cause: "head-order",
          tensors,
          mistake: isByHead
            ? "the dimensions of all heads in turn, where heads come one after the other"
            : "heads taken apart by dimensions once too often",
          undo: (read) =>
            edited(tensors, read, (tensor) =>
              module === output ? takeColumns(tensor, order) : takeRows(tensor, order),
            ),
        });
      }
    }
  }
  if (heads !== kvHeads) {
    for (const order of headOrders(heads)) {
      const tensors = [at(`${ATTENTION.output}.weight`)];
      hypotheses.push({
        cause: "head-order",
        tensors,
        mistake: `heads in the order ${order.join(", ")}`,
        undo: (read) =>
          edited(tensors, read, (tensor) => takeColumns(tensor, headRows(inverse(order), headDim))),
      });
    }
  }
  return [...hypotheses, ...inHeads(at, config, has)];
}

/**
 * Dimensions within each head of v in another order, permuted as those of q and k are for rotary pairs. The columns of o in the inverse
 * order have the same effect, where the biases of v go with its weights.
 */
function inHeads(
  at: (name: string) => string,
  { kvHeads, headDim }: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  if (headDim % 2 !== 0) return [];
  const toHalves = halvesFromInterleaved(kvHeads, headDim, headDim);
  const exchanged = halvesOfHeads(kvHeads, headDim);
  const orders: readonly (readonly [Cause, string, readonly number[]])[] = [
    ["rotary-permuted", "permuted from halves to interleaved rotary pairs", toHalves],
    ["rotary-permuted", "permuted from interleaved rotary pairs to halves", inverse(toHalves)],
    ["head-order", "with its two halves in each other's place", exchanged],
  ];
  return orders.flatMap(([cause, how, order]) =>
    suffixGroups([ATTENTION.value], at, has).map((suffixes, index): Hypothesis => {
      const tensors = suffixes.map((suffix) => at(`${ATTENTION.value}.${suffix}`));
      const isWhole = index === 0;
      return {
        cause,
        tensors,
        ...(isWhole ? { either: [at(`${ATTENTION.output}.weight`)] } : {}),
        mistake: isWhole
          ? `each head of v_proj, or each head's columns of o_proj the other way round, ${how}: both have the same effect`
          : `each head's rows ${how}`,
        undo: (read) => edited(tensors, read, (tensor) => takeRows(tensor, order)),
      };
    }),
  );
}
