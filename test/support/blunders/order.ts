import type { EditableModel } from "../editable-model.ts";
import { EVERYWHERE, FULL, type Blunder } from "./blunder.ts";
import {
  at,
  both,
  edit,
  everyLayer,
  exchange,
  proj,
  refuse,
  reorderRows,
  shapeOf,
  transpose,
} from "./edits.ts";

export const EMBEDDINGS = "model.embed_tokens.weight";
export const HEAD = "lm_head.weight";

function transposed(
  model: EditableModel,
  names: readonly string[],
  keepsShape = true,
): readonly string[] {
  for (const name of names) transpose(model, name, keepsShape);
  return names;
}

const TRANSPOSED_TENSORS: readonly (readonly [
  string,
  readonly string[],
  readonly number[] | "all",
])[] = [
  ["q_proj of layer 1", ["q"], [1]],
  ["o_proj of the last layer", ["o"], [-1]],
  ["q_proj of every layer", ["q"], "all"],
  ["o_proj of every layer", ["o"], "all"],
  ["q_proj and o_proj of layer 0", ["q", "o"], [0]],
  ["down_proj of layer 1, reshaped instead", ["down"], [1]],
  ["gate_proj and up_proj of every layer, reshaped instead", ["gate", "up"], "all"],
];

const TRANSPOSED = TRANSPOSED_TENSORS.map(([name, letters, layers]): Blunder => ({
  name: `transposed: ${name}`,
  in: EVERYWHERE,
  cause: "transposed",
  make: (model) => {
    const list = layers === "all" ? everyLayer(model) : layers;
    const count = shapeOf(model).layers;
    return transposed(
      model,
      list.flatMap((layer) => letters.map((letter) => proj((layer + count) % count, letter))),
    );
  },
}));

const MORE_TRANSPOSED: readonly Blunder[] = [
  {
    name: "transposed: k_proj and v_proj of layer 0",
    in: EVERYWHERE,
    cause: "transposed",
    make: (model) => transposed(model, [proj(0, "k"), proj(0, "v")]),
  },
  {
    name: "transposed: all of attention, everywhere",
    in: FULL,
    cause: "transposed",
    make: (model) =>
      transposed(
        model,
        everyLayer(model).flatMap((layer) =>
          ["q", "k", "v", "o"].map((letter) => proj(layer, letter)),
        ),
      ),
  },
  {
    name: "transposed: gate_proj of layer 2 alone in its shape",
    in: EVERYWHERE,
    cause: "transposed",
    make: (model) => transposed(model, [proj(2, "gate")], false),
  },
  {
    name: "transposed: lm_head alone in its shape",
    in: EVERYWHERE,
    cause: "transposed",
    make: (model) => transposed(model, [HEAD], false),
  },
  {
    name: "transposed: lm_head reshaped instead",
    in: ["nano", "grouped"],
    cause: "transposed",
    make: (model) => transposed(model, [HEAD]),
  },
];

function swap(
  name: string,
  subjects: Blunder["in"],
  pairs: (model: EditableModel) => readonly (readonly [string, string])[],
): Blunder {
  return {
    name: `swapped: ${name}`,
    in: subjects,
    cause: "swapped",
    // Parts of two layers in each other's place: both names say it.
    or: ["layer-order"],
    make: (model) => {
      const list = pairs(model);
      for (const [left, right] of list) exchange(model, left, right);
      return list.flat();
    },
  };
}

function pairsOf(
  model: EditableModel,
  layer: number,
  left: string,
  right: string,
): readonly (readonly [string, string])[] {
  const others = both(model, layer, right);
  return both(model, layer, left).map((name, index) => [name, others[index] ?? ""] as const);
}

function inLayers(
  model: EditableModel,
  left: number,
  right: number,
  part: string,
): readonly (readonly [string, string])[] {
  return model
    .names()
    .filter((name) => name.startsWith(at(left, part)))
    .map((name) => [name, name.replace(`.${left}.`, `.${right}.`)] as const);
}

const SWAPPED: readonly Blunder[] = [
  swap("gate and up in layer 0", EVERYWHERE, (model) => pairsOf(model, 0, "gate", "up")),
  swap("gate and up everywhere", EVERYWHERE, (model) =>
    everyLayer(model).flatMap((layer) => pairsOf(model, layer, "gate", "up")),
  ),
  swap("q and k in layer 1", FULL, (model) => pairsOf(model, 1, "q", "k")),
  swap("q and k everywhere", FULL, (model) =>
    everyLayer(model).flatMap((layer) => pairsOf(model, layer, "q", "k")),
  ),
  swap("biases of q and k in layer 1", FULL, () => [[proj(1, "q", "bias"), proj(1, "k", "bias")]]),
  swap("k and v in layer 1", EVERYWHERE, (model) => pairsOf(model, 1, "k", "v")),
  swap("k and v everywhere", EVERYWHERE, (model) =>
    everyLayer(model).flatMap((layer) => pairsOf(model, layer, "k", "v")),
  ),
  swap("q and o in layer 2, weights only", EVERYWHERE, () => [[proj(2, "q"), proj(2, "o")]]),
  swap("the two norms of layer 1", EVERYWHERE, () => [
    [at(1, "input_layernorm.weight"), at(1, "post_attention_layernorm.weight")],
  ]),
  swap("the two norms everywhere", EVERYWHERE, (model) =>
    everyLayer(model).map(
      (layer) =>
        [
          at(layer, "input_layernorm.weight"),
          at(layer, "post_attention_layernorm.weight"),
        ] as const,
    ),
  ),
  swap("the final norm and the first", EVERYWHERE, () => [
    ["model.norm.weight", at(0, "input_layernorm.weight")],
  ]),
  swap("the final norm and the last layer's second", EVERYWHERE, (model) => [
    ["model.norm.weight", at(shapeOf(model).layers - 1, "post_attention_layernorm.weight")],
  ]),
  swap("layers 0 and 2", EVERYWHERE, (model) => inLayers(model, 0, 2, "")),
  swap("attention of layers 1 and 2", EVERYWHERE, (model) => inLayers(model, 1, 2, "self_attn")),
  swap("down_proj of layers 0 and 1", EVERYWHERE, (model) =>
    inLayers(model, 0, 1, "mlp.down_proj"),
  ),
  swap("layers 3 and 5", ["biased", "grouped"], (model) => inLayers(model, 3, 5, "")),
  swap("embeddings and lm_head", EVERYWHERE, () => [[EMBEDDINGS, HEAD]]),
  {
    name: "swapped: every layer one further on, the last first",
    in: EVERYWHERE,
    cause: "swapped",
    or: ["layer-order"],
    make: (model) => {
      const { layers } = shapeOf(model);
      for (let layer = layers - 1; layer > 0; layer--)
        for (const [left, right] of inLayers(model, layer, layer - 1, ""))
          exchange(model, left, right);
      return model.names().filter((name) => name.includes(".layers."));
    },
  },
];

/** Rows of each head from halves (j, j + d/2) to interleaved pairs (2j, 2j + 1), or the other way. */
function permuteRotary(model: EditableModel, name: string, toInterleaved: boolean): void {
  const { headDim } = shapeOf(model);
  const half = headDim / 2;
  reorderRows(model, name, (row) => {
    const head = Math.floor(row / headDim) * headDim;
    const index = row % headDim;
    if (toInterleaved) return head + (index % 2) * half + Math.floor(index / 2);
    return head + (index < half ? 2 * index : 2 * (index - half) + 1);
  });
}

function rotary(
  name: string,
  toInterleaved: boolean,
  letters: string,
  layers: readonly number[] | "all",
  kinds = ["weight", "bias"],
  subjects = EVERYWHERE,
): Blunder {
  return {
    name: `rotary-permuted: ${name}`,
    in: subjects,
    cause: "rotary-permuted",
    make: (model) => {
      const names = (layers === "all" ? everyLayer(model) : layers).flatMap((layer) =>
        letters.split("").flatMap((letter) => both(model, layer, letter)),
      );
      const damaged = names.filter((one) => kinds.some((kind) => one.endsWith(kind)));
      for (const one of damaged) permuteRotary(model, one, toInterleaved);
      return damaged;
    },
  };
}

const ROTARY: readonly Blunder[] = [
  rotary("q and k everywhere, to pairs", true, "qk", "all"),
  rotary("q and k everywhere, to halves once too often", false, "qk", "all"),
  rotary("q alone in layer 1", true, "q", [1]),
  rotary("k alone in layer 0", false, "k", [0]),
  rotary("k alone everywhere", true, "k", "all"),
  rotary("q alone everywhere, to halves", false, "q", "all"),
  rotary("weights without their biases, layer 2", true, "qk", [2], ["weight"], FULL),
  rotary("weights without their biases, everywhere", true, "qk", "all", ["weight"], FULL),
  rotary("biases alone, layer 1", true, "qk", [1], ["bias"], FULL),
];

/** Old row of each new one where a fused qkv that goes by group was cut into thirds; and the inverse. */
function byGroup(model: EditableModel): readonly number[] {
  const { heads, kvHeads, headDim } = shapeOf(model);
  const order: number[] = [];
  const per = heads / kvHeads;
  for (let group = 0; group < kvHeads; group++) {
    const parts = [
      ...Array.from({ length: per }, (_unused, head) => group * per + head),
      heads + group,
      heads + kvHeads + group,
    ];
    for (const part of parts)
      for (let row = 0; row < headDim; row++) order.push(part * headDim + row);
  }
  return order;
}

function split(
  name: string,
  subjects: Blunder["in"],
  layers: readonly number[] | "all",
  orderOf: (model: EditableModel, row: number, total: number) => number,
  kinds: readonly ("weight" | "bias")[] = ["weight", "bias"],
): Blunder {
  return {
    name: `qkv-split-order: ${name}`,
    in: subjects,
    cause: "qkv-split-order",
    // What stands in whose place is told matrix by matrix, too.
    or: ["swapped"],
    make: (model) => {
      const names = new Set(model.names());
      const damaged: string[] = [];
      for (const layer of layers === "all" ? everyLayer(model) : layers) {
        for (const kind of kinds) {
          if (!names.has(proj(layer, "q", kind))) continue;
          refuse(model, layer, kind, (row, total) => orderOf(model, row, total));
          damaged.push(...["q", "k", "v"].map((letter) => proj(layer, letter, kind)));
        }
      }
      return damaged;
    },
  };
}

const SPLIT: readonly Blunder[] = [
  split(
    "by group, cut into thirds, everywhere",
    EVERYWHERE,
    "all",
    (model, row) => byGroup(model)[row] ?? 0,
  ),
  split(
    "by group, cut into thirds, layer 1",
    EVERYWHERE,
    [1],
    (model, row) => byGroup(model)[row] ?? 0,
  ),
  split("thirds cut by group, layer 0", EVERYWHERE, [0], (model, row) =>
    byGroup(model).indexOf(row),
  ),
  split("thirds cut by group, everywhere", ["biased", "grouped"], "all", (model, row) =>
    byGroup(model).indexOf(row),
  ),
  split("v, q, k in layer 2", FULL, [2], (_model, row, total) => (row + (2 * total) / 3) % total),
  split(
    "k, v, q everywhere, weights alone",
    FULL,
    "all",
    (_model, row, total) => (row + total / 3) % total,
    ["weight"],
  ),
  split(
    "q, k, v row by row, layer 1",
    FULL,
    [1],
    (_model, row, total) => (row % 3) * (total / 3) + Math.floor(row / 3),
  ),
];

function headOrder(
  name: string,
  subjects: Blunder["in"],
  layers: readonly number[] | "all",
  letters: string,
  orderOf: (head: number, count: number) => number,
): Blunder {
  return {
    name: `head-order: ${name}`,
    in: subjects,
    cause: "head-order",
    make: (model) => {
      const { headDim } = shapeOf(model);
      const damaged = (layers === "all" ? everyLayer(model) : layers).flatMap((layer) =>
        letters.split("").flatMap((letter) => both(model, layer, letter)),
      );
      for (const one of damaged)
        reorderRows(model, one, (row, height) => {
          const head = orderOf(Math.floor(row / headDim), height / headDim);
          return head * headDim + (row % headDim);
        });
      return damaged;
    },
  };
}

const HEADS: readonly Blunder[] = [
  headOrder("q, k and v reversed in layer 1", FULL, [1], "qkv", (head, count) => count - 1 - head),
  headOrder(
    "q shifted by one everywhere",
    EVERYWHERE,
    "all",
    "q",
    (head, count) => (head + 1) % count,
  ),
  headOrder(
    "two heads of keys and values exchanged in layer 2",
    ["grouped"],
    [2],
    "kv",
    (head) => 1 - head,
  ),
  headOrder("v alone, odd heads first, layer 0", ["biased"], [0], "v", (head, count) =>
    head < count / 2 ? 2 * head + 1 : 2 * (head - count / 2),
  ),
  headOrder(
    "queries tiled over groups, everywhere",
    ["grouped"],
    "all",
    "q",
    (head, count) => (head % 2) * (count / 2) + Math.floor(head / 2),
  ),
  headOrder(
    "halves of q exchanged in layer 1",
    EVERYWHERE,
    [1],
    "q",
    (head, count) => (head + count / 2) % count,
  ),
  {
    name: "head-order: columns of o_proj reversed in layer 1",
    in: ["grouped"],
    cause: "head-order",
    make: (model) => {
      const name = proj(1, "o");
      const { headDim, heads: count } = shapeOf(model);
      const source = model.get(name).data;
      edit(model, name, (data, width, height) => {
        for (let row = 0; row < height; row++)
          for (let column = 0; column < width; column++) {
            const head = count - 1 - Math.floor(column / headDim);
            data[row * width + column] =
              source[row * width + head * headDim + (column % headDim)] ?? 0;
          }
      });
      return [name];
    },
  },
];

function shifted(
  name: string,
  tables: readonly string[],
  by: number,
  end: "wrap" | "zero" | "repeat",
  from = 0,
  subjects = EVERYWHERE,
): Blunder {
  return {
    name: `row-shifted: ${name}`,
    in: subjects,
    cause: "row-shifted",
    make: (model) => {
      for (const table of tables) {
        const source = model.get(table).data;
        edit(model, table, (data, width, height) => {
          for (let row = from; row < height; row++) {
            const place = row + by;
            const isOut = place < 0 || place >= height;
            if (isOut && end === "zero") data.fill(0, row * width, (row + 1) * width);
            else {
              const use =
                end === "wrap"
                  ? (place + height) % height
                  : Math.min(height - 1, Math.max(0, place));
              data.set(source.subarray(use * width, (use + 1) * width), row * width);
            }
          }
        });
      }
      return tables;
    },
  };
}

const SHIFTED: readonly Blunder[] = [
  shifted("embeddings +1, round the end", [EMBEDDINGS], 1, "wrap"),
  shifted("embeddings −1, the first repeated", [EMBEDDINGS], -1, "repeat"),
  shifted("embeddings +3, zeros at the end", [EMBEDDINGS], 3, "zero"),
  shifted("embeddings +7", [EMBEDDINGS], 7, "wrap"),
  shifted("embeddings −31, zeros at the beginning", [EMBEDDINGS], -31, "zero"),
  shifted("embeddings −1 from row 100 on", [EMBEDDINGS], -1, "zero", 100),
  shifted("lm_head +1, round the end", [HEAD], 1, "wrap"),
  shifted("lm_head −2, zeros at the beginning", [HEAD], -2, "zero"),
  shifted("lm_head +12", [HEAD], 12, "repeat"),
  shifted("lm_head +1 from row 200 on", [HEAD], 1, "repeat", 200),
  shifted("both tables +1", [EMBEDDINGS, HEAD], 1, "wrap"),
];

export const ORDER_BLUNDERS: readonly Blunder[] = [
  ...TRANSPOSED,
  ...MORE_TRANSPOSED,
  ...SWAPPED,
  ...ROTARY,
  ...SPLIT,
  ...HEADS,
  ...SHIFTED,
];
