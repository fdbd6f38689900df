import {
  blocks,
  columns,
  count,
  cutAnew,
  edit,
  exchangeModules,
  LINEARS,
  of,
  QKV,
  reshapedTranspose,
  rows,
  toHalves,
  toPairs,
} from "./edits.ts";
import type { Fault } from "./fault.ts";

const [Q, K, V] = QKV;
const O = "self_attn.o_proj";

/** Rows, heads and matrices in another order. */
export const ORDER_FAULTS: readonly Fault[] = [
  {
    name: "q and k left in rotary pairs, all layers",
    kind: "rotary",
    base: "grouped",
    causes: ["rotary-permuted"],
    make: (model, base) => [
      ...edit(model, of(model, base, [Q]), (t) => rows(t, toPairs(8, 8))),
      ...edit(model, of(model, base, [K]), (t) => rows(t, toPairs(2, 8))),
    ],
  },
  {
    name: "q and k with biases left in rotary pairs",
    kind: "rotary",
    base: "internlm",
    causes: ["rotary-permuted"],
    make: (model, base) => edit(model, of(model, base, [Q, K]), (t) => rows(t, toPairs(4, 16))),
  },
  {
    name: "biases of q and k left in rotary pairs, weights right",
    kind: "rotary",
    base: "internlm",
    causes: ["rotary-permuted"],
    make: (model, base) =>
      edit(model, of(model, base, [Q, K], ["bias"]), (t) => rows(t, toPairs(4, 16))),
  },
  {
    name: "k permuted to halves for 6 heads instead of 3",
    kind: "rotary",
    base: "tied",
    causes: ["rotary-permuted"],
    make: (model, base) =>
      edit(model, of(model, base, [K]), (t) => rows(rows(t, toPairs(3, 8)), toHalves(6, 4))),
  },
  {
    name: "k and its biases permuted to halves for 2 heads instead of 4",
    kind: "rotary",
    base: "internlm",
    causes: ["rotary-permuted"],
    make: (model, base) =>
      edit(model, of(model, base, [K]), (t) => rows(rows(t, toPairs(4, 16)), toHalves(2, 32))),
  },
  {
    name: "q permuted to halves for 2 heads instead of 8",
    kind: "rotary",
    base: "grouped",
    causes: ["rotary-permuted"],
    make: (model, base) =>
      edit(model, of(model, base, [Q]), (t) => rows(rows(t, toPairs(8, 8)), toHalves(2, 32))),
  },
  {
    name: "q and k permuted to halves a second time",
    kind: "rotary",
    base: "baichuan",
    causes: ["rotary-permuted"],
    make: (model, base) => edit(model, of(model, base, [Q, K]), (t) => rows(t, toHalves(5, 8))),
  },
  {
    name: "k alone permuted to pairs in one layer",
    kind: "rotary",
    base: "tied",
    causes: ["rotary-permuted"],
    make: (model, base) =>
      edit(model, of(model, base, [K], ["weight"], [5]), (t) => rows(t, toPairs(3, 8))),
  },
  {
    name: "GLM's neighbouring pairs brought to halves, of the rotated dimensions",
    kind: "rotary",
    base: "chatglm2",
    causes: ["rotary-permuted"],
    make: (model, base) =>
      edit(model, of(model, base, [Q, K]), (t) => {
        const half = toHalves(1, 8);
        const heads = (t.shape[0] ?? 0) / 16;
        return rows(
          t,
          count(heads).flatMap((head) =>
            [...half, ...count(8).map((row) => 8 + row)].map((row) => head * 16 + row),
          ),
        );
      }),
  },
  {
    name: "key heads rolled by one",
    kind: "heads",
    base: "grouped",
    causes: ["head-order", "row-shifted"],
    make: (model, base) => edit(model, of(model, base, [K]), (t) => rows(t, blocks([1, 0], 8))),
  },
  {
    name: "query heads in reverse in one layer",
    kind: "heads",
    base: "internlm",
    causes: ["head-order"],
    make: (model, base) =>
      edit(model, of(model, base, [Q], undefined, [2]), (t) => rows(t, blocks([3, 2, 1, 0], 16))),
  },
  {
    name: "o_proj's heads in reverse",
    kind: "heads",
    base: "grouped",
    causes: ["head-order"],
    make: (model, base) =>
      edit(model, of(model, base, [O]), (t) => columns(t, blocks([7, 6, 5, 4, 3, 2, 1, 0], 8))),
  },
  {
    name: "query heads alternately of groups",
    kind: "heads",
    base: "grouped",
    causes: ["head-order", "rank-order"],
    make: (model, base) =>
      edit(model, of(model, base, [Q]), (t) => rows(t, blocks([0, 4, 1, 5, 2, 6, 3, 7], 8))),
  },
  {
    name: "key-value heads repeated one after the other",
    kind: "heads",
    base: "grouped",
    causes: ["head-order", "duplicated"],
    make: (model, base) => {
      model.config["num_key_value_heads"] = 8;
      return edit(model, of(model, base, [K, V]), (t) =>
        rows(t, blocks([0, 1, 0, 1, 0, 1, 0, 1], 8)),
      );
    },
  },
  {
    name: "first value head in every place",
    kind: "heads",
    base: "internlm",
    causes: ["duplicated", "head-order", "corrupt"],
    make: (model, base) =>
      edit(model, of(model, base, [V]), (t) => rows(t, blocks([0, 0, 0, 0], 16))),
  },
  {
    name: "q and k under each other's name",
    kind: "swapped parts",
    base: "internlm",
    causes: ["swapped"],
    make: (model, base) => exchangeModules(model, base, Q, K),
  },
  {
    name: "k and v under each other's name, all layers",
    kind: "swapped parts",
    base: "grouped",
    causes: ["swapped"],
    make: (model, base) => exchangeModules(model, base, K, V),
  },
  {
    name: "k and v under each other's name, GLM",
    kind: "swapped parts",
    base: "chatglm2",
    causes: ["swapped"],
    make: (model, base) => exchangeModules(model, base, K, V),
  },
  {
    name: "gate and up under each other's name, one layer",
    kind: "swapped parts",
    base: "tied",
    causes: ["swapped"],
    make: (model, base) => exchangeModules(model, base, "mlp.gate_proj", "mlp.up_proj", [7]),
  },
  {
    name: "gate and up under each other's name, all layers",
    kind: "swapped parts",
    base: "grouped",
    causes: ["swapped"],
    make: (model, base) => exchangeModules(model, base, "mlp.gate_proj", "mlp.up_proj"),
  },
  {
    name: "norms of a layer under each other's name",
    kind: "swapped parts",
    base: "grouped",
    causes: ["swapped"],
    make: (model, base) =>
      exchangeModules(model, base, "input_layernorm", "post_attention_layernorm"),
  },
  {
    name: "halves of the fused gate and up exchanged",
    kind: "fused order",
    base: "chatglm2",
    causes: ["swapped", "fused-order"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.gate_up_proj"]), (t) => rows(t, blocks([1, 0], 120))),
  },
  {
    name: "rows of the fused gate and up alternately",
    kind: "fused order",
    base: "chatglm2",
    causes: ["swapped", "fused-order", "rank-order", "qkv-split-order"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.gate_up_proj"]), (t) =>
        rows(
          t,
          count(240).map((row) => (row % 2) * 120 + Math.floor(row / 2)),
        ),
      ),
  },
  {
    name: "a qkv that goes by head cut into thirds",
    kind: "fused order",
    base: "internlm",
    causes: ["qkv-split-order"],
    make: (model, base) =>
      byLayer(model, base, (names) => cutAnew(model, names, () => byHead(4, 4, 16))),
  },
  {
    name: "a qkv that goes by group cut plainly",
    kind: "fused order",
    base: "grouped",
    causes: ["qkv-split-order"],
    make: (model, base) =>
      byLayer(model, base, (names) => cutAnew(model, names, () => byHead(8, 2, 8))),
  },
  {
    name: "thirds of W_pack as q, v, k",
    kind: "fused order",
    base: "baichuan",
    causes: ["swapped", "qkv-split-order"],
    make: (model, base) =>
      byLayer(model, base, (names) => cutAnew(model, names, () => blocks([0, 2, 1], 40))).filter(
        (name) => !name.includes(Q),
      ),
  },
  {
    name: "W_pack cut by rows in turn",
    kind: "fused order",
    base: "baichuan",
    causes: ["qkv-split-order"],
    make: (model, base) =>
      byLayer(model, base, (names) =>
        cutAnew(model, names, (total) =>
          count(total).map((row) => (row % 40) * 3 + Math.floor(row / 40)),
        ),
      ),
  },
  {
    name: "o_proj transposed, all layers",
    kind: "transposed",
    base: "internlm",
    causes: ["transposed"],
    make: (model, base) => edit(model, of(model, base, [O], ["weight"]), reshapedTranspose),
  },
  {
    name: "all square matrices transposed",
    kind: "transposed",
    base: "internlm",
    causes: ["transposed"],
    make: (model, base) => edit(model, of(model, base, [...QKV, O], ["weight"]), reshapedTranspose),
  },
  {
    name: "every Linear reshaped instead of transposed",
    kind: "transposed",
    base: "baichuan",
    causes: ["transposed"],
    make: (model, base) => edit(model, of(model, base, LINEARS, ["weight"]), reshapedTranspose),
  },
  {
    name: "o_proj transposed in one layer",
    kind: "transposed",
    base: "tied",
    causes: ["transposed"],
    make: (model, base) => edit(model, of(model, base, [O], ["weight"], [8]), reshapedTranspose),
  },
  {
    name: "q_proj and o_proj transposed, grouped heads",
    kind: "transposed",
    base: "grouped",
    causes: ["transposed"],
    make: (model, base) => edit(model, of(model, base, [Q, O], ["weight"]), reshapedTranspose),
  },
];

function byLayer(
  model: Parameters<typeof cutAnew>[0],
  base: Parameters<typeof of>[1],
  work: (names: readonly string[]) => readonly string[],
): readonly string[] {
  return count(base.spec.layers).flatMap((layer) =>
    ["weight", "bias"].flatMap((suffix) => {
      const names = of(model, base, QKV, [suffix], [layer]);
      return names.length === 0 ? [] : work(names);
    }),
  );
}

/** Rows of [q | k | v] in the order by key-value head: its queries, its key, its value. */
function byHead(heads: number, kvHeads: number, headDim: number): readonly number[] {
  const each = heads / kvHeads;
  return blocks(
    count(kvHeads).flatMap((group) => [
      ...count(each).map((query) => group * each + query),
      heads + group,
      heads + kvHeads + group,
    ]),
    headDim,
  );
}
