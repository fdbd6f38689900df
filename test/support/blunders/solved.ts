import type { EditableModel } from "../editable-model.ts";
import { setting, type Blunder, type Subject } from "./blunder.ts";
import { at, edit, heightOf, mapValues, widthOf } from "./edits.ts";

/** Models of other families: experts, GLM, rotary of Llama 3, and tables that are tied. */
const OTHERS: readonly Subject[] = ["baichuan", "chatglm2", "experts", "tied"];
const ALL: readonly Subject[] = ["nano", "biased", "grouped", ...OTHERS];

/** Lehmer's generator (Park and Miller, 1988), from −1 to 1: the same numbers each time. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (2 * state) / 2_147_483_647 - 1;
  };
}

/** Adds a product of two thin matrices, as an adapter that was left in: a tenth of the matrix's own size. */
function addAdapter(model: EditableModel, name: string, rank: number, seed: number): void {
  const draw = draws(seed);
  const [height, width] = [heightOf(model, name), widthOf(model, name)];
  const left = Array.from({ length: height * rank }, draw);
  const right = Array.from({ length: width * rank }, draw);
  edit(model, name, (data) => {
    const size = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
    const factor = (0.3 * size * 3) / Math.sqrt(rank);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let index = 0; index < rank; index++)
          sum += (left[row * rank + index] ?? 0) * (right[column * rank + index] ?? 0);
        data[row * width + column] = (data[row * width + column] ?? 0) + factor * sum;
      }
  });
}

const has = (model: EditableModel, names: readonly string[]): readonly string[] =>
  names.filter((name) => model.names().includes(name));

function layersOf(model: EditableModel): number {
  return (
    1 + Math.max(...model.names().map((name) => Number(/layers\.(\d+)\./.exec(name)?.[1] ?? -1)))
  );
}

function adapter(
  name: string,
  subjects: readonly Subject[],
  rank: number,
  choose: (model: EditableModel) => readonly string[],
  isOpen = false,
): Blunder {
  return {
    name: `low-rank: an adapter of rank ${rank} in ${name}`,
    in: subjects,
    cause: "low-rank",
    isOpen,
    make: (model) => {
      const names = has(model, choose(model));
      for (const [index, one] of names.entries()) addAdapter(model, one, rank, 77 + index);
      return names;
    },
  };
}

const everywhere =
  (...modules: readonly string[]) =>
  (model: EditableModel): readonly string[] =>
    Array.from({ length: layersOf(model) }, (_unused, layer) =>
      modules.map((module) => at(layer, `${module}.weight`)),
    ).flat();

/** Nothing comes after down_proj, so that its change is seen as it is; attention's goes through all that follows. */
const ADAPTERS: readonly Blunder[] = [
  adapter("the first down_proj", ALL, 2, (model) =>
    everywhere("mlp.down_proj")(model)
      .filter((name) => model.names().includes(name))
      .slice(0, 1),
  ),
  adapter("o_proj of layer 0", ALL, 2, () => [at(0, "self_attn.o_proj.weight")], true),
  adapter("v_proj of layer 0", ALL, 2, () => [at(0, "self_attn.v_proj.weight")], true),
  adapter(
    "q_proj and v_proj everywhere",
    ALL,
    4,
    everywhere("self_attn.q_proj", "self_attn.v_proj"),
    true,
  ),
  adapter("down_proj everywhere", ["grouped", "nano", "baichuan"], 4, everywhere("mlp.down_proj")),
];

function copied(name: string, subjects: readonly Subject[], from: number, to: number): Blunder {
  return {
    name: `corrupt: ${name}`,
    in: subjects,
    cause: "corrupt",
    or: ["duplicated"],
    make: (model) => {
      const [source, target] = [from, to].map((layer) => at(layer, "self_attn.q_proj.weight"));
      if (source === undefined || target === undefined) throw new Error("no layers");
      const { data } = model.get(source);
      edit(model, target, (own) => own.set(data.subarray(40, 40 + Math.floor(own.length / 3)), 40));
      return [target];
    },
  };
}

const MORE_SETTINGS: readonly Blunder[] = [
  setting("hidden_act gelu, of which config.json says silu", ["gelu"], {}),
  setting("another activation, gelu", ["opt", "gpt2"], {
    activation_function: "gelu",
    hidden_act: "gelu",
  }),
  setting("another activation, relu", ["gpt2"], { activation_function: "relu" }),
  ...[2 / 3, 1, 1 / 3].map((share) =>
    setting(`a rotated share of ${share.toFixed(2)}`, ["glm4"], {
      rope_parameters: { partial_rotary_factor: share, rope_theta: 10_000, rope_type: "default" },
    }),
  ),
  setting("no llama3 scaling", ["tied"], {
    rope_parameters: { rope_theta: 100, rope_type: "default" },
  }),
];

/** Rows of a tied embedding: the states that come of them and their logits. */
const TABLE_ROWS: readonly Blunder[] = [
  {
    name: "corrupt: a row of a tied embedding is another",
    in: ["tied"],
    cause: "corrupt",
    make: (model) => {
      const name = "model.embed_tokens.weight";
      model.delete("lm_head.weight");
      const width = widthOf(model, name);
      const draw = draws(5);
      mapValues(model, name, (value, index) =>
        Math.floor(index / width) === 37 ? 0.02 * draw() : value,
      );
      return [name];
    },
  },
  {
    name: "corrupt: three rows of a tied embedding are zeros",
    in: ["tied"],
    cause: "corrupt",
    make: (model) => {
      const name = "model.embed_tokens.weight";
      model.delete("lm_head.weight");
      const width = widthOf(model, name);
      mapValues(model, name, (value, index) =>
        [17, 60, 61].includes(Math.floor(index / width)) ? 0 : value,
      );
      return [name];
    },
  },
];

/** k permuted between pairs and halves for the query heads' count (llama.cpp, issue 3364). */
const WRONG_COUNTS: readonly Blunder[] = [true, false].map((toPairs): Blunder => ({
  name: `rotary-permuted: k with the query heads' count, ${toPairs ? "to pairs" : "to halves"}`,
  in: ["tied", "experts"],
  cause: "rotary-permuted",
  make: (model) => {
    const layers = layersOf(model);
    const names = Array.from({ length: layers }, (_unused, layer) =>
      at(layer, "self_attn.k_proj.weight"),
    );
    for (const name of names) {
      const height = heightOf(model, name);
      const width = widthOf(model, name);
      const heads =
        heightOf(model, name.replace("k_proj", "q_proj")) / Number(model.config["head_dim"] ?? 8);
      const size = height / heads;
      const source = model.get(name).data;
      edit(model, name, (data) => {
        for (let row = 0; row < height; row++) {
          const index = row % size;
          const half = size / 2;
          const from =
            row -
            index +
            (toPairs
              ? (index % 2) * half + Math.floor(index / 2)
              : index < half
                ? 2 * index
                : 2 * (index - half) + 1);
          data.set(source.subarray(from * width, (from + 1) * width), row * width);
        }
      });
    }
    return names;
  },
}));

function inTensors(
  name: string,
  subjects: readonly Subject[],
  cause: Blunder["cause"],
  pattern: RegExp,
  change: (model: EditableModel, tensor: string) => void,
  or: Blunder["or"] = [],
): Blunder {
  return {
    name: `${cause}: ${name}`,
    in: subjects,
    cause,
    or,
    make: (model) => {
      const names = model.names().filter((one) => pattern.test(one));
      if (names.length === 0) throw new Error(`no tensors for ${name}`);
      for (const one of names) change(model, one);
      return names;
    },
  };
}

/** Every norm of states under the name of the one behind it, in the order in which the model applies them. */
const NORMS_LATE: Blunder = {
  name: "swapped: norms one place late",
  in: ["nano", "grouped"],
  cause: "swapped",
  isSure: true,
  make: (model) => {
    const layers = Array.from({ length: layersOf(model) }, (_unused, layer) => [
      at(layer, "input_layernorm.weight"),
      at(layer, "post_attention_layernorm.weight"),
    ]);
    const chain = [...layers.flat(), "model.norm.weight"];
    const right = chain.map((name) => model.get(name));
    for (const [index, name] of chain.entries())
      model.set(name, right.at(index - 1) ?? model.get(name));
    return chain;
  },
};

/** Each row or column by a factor of its own, from half to twice. */
function linesByFactors(model: EditableModel, name: string, axis: "rows" | "columns"): void {
  const draw = draws(5);
  const [height, width] = [heightOf(model, name), widthOf(model, name)];
  const factors = Array.from({ length: Math.max(height, width) }, () => 2 ** draw());
  edit(model, name, (data) => {
    for (const [index, value] of data.entries())
      data[index] =
        value * (factors[axis === "rows" ? Math.floor(index / width) : index % width] ?? 1);
  });
}

/** Rows of a tensor in another order: place i gets row order(i). */
function takeRows(model: EditableModel, name: string, order: (row: number) => number): void {
  const { shape, data } = model.get(name);
  const width = data.length / (shape[0] ?? 1);
  edit(model, name, (own) => {
    for (let row = 0; row < (shape[0] ?? 0); row++)
      own.set(data.subarray(order(row) * width, (order(row) + 1) * width), row * width);
  });
}

/** What is solved from how states move: factors of any size, orders of a family's own parts, experts. */
const OF_FAMILIES: readonly Blunder[] = [
  inTensors(
    "up_proj of layer 1 by 1.7",
    ["grouped", "nano"],
    "scaled",
    /layers\.1\.mlp\.up_proj\.weight/u,
    (model, name) => {
      mapValues(model, name, (value) => 1.7 * value);
    },
  ),
  inTensors(
    "v_proj and its bias by 0.3",
    ["nano"],
    "scaled",
    /layers\.1\.self_attn\.v_proj\./u,
    (model, name) => {
      mapValues(model, name, (value) => 0.3 * value);
    },
  ),
  inTensors(
    "an expert's down_proj by 1.5",
    ["experts"],
    "scaled",
    /layers\.0\.mlp\.experts\.2\.down_proj/u,
    (model, name) => {
      mapValues(model, name, (value) => 1.5 * value);
    },
  ),
  inTensors(
    "the router's rows in reverse",
    ["experts"],
    "rank-order",
    /layers\.0\.mlp\.gate\.weight/u,
    (model, name) => {
      const rows = heightOf(model, name);
      takeRows(model, name, (row) => rows - 1 - row);
    },
  ),
  inTensors(
    "gate and up of all experts",
    ["experts"],
    "swapped",
    /mlp\.experts\.\d+\.(gate|up)_proj/u,
    (model, name) => {
      if (!name.includes("gate_proj")) return;
      const other = name.replace("gate_proj", "up_proj");
      const [left, right] = [model.get(name), model.get(other)];
      model.set(name, right);
      model.set(other, left);
    },
  ),
  inTensors(
    "the norms around attention",
    ["glm4"],
    "swapped",
    /(post_self_attn|post_attention)_layernorm/u,
    (model, name) => {
      if (!name.includes("post_self_attn")) return;
      const other = name.replace("post_self_attn", "post_attention");
      const [left, right] = [model.get(name), model.get(other)];
      model.set(name, right);
      model.set(other, left);
    },
  ),
  inTensors(
    "learned positions, two further up",
    ["gpt2"],
    "row-shifted",
    /embed_positions\.weight/u,
    (model, name) => {
      const rows = heightOf(model, name);
      takeRows(model, name, (row) => (row + rows - 2) % rows);
    },
  ),
  inTensors(
    "q, k and v put together as k, v, q",
    ["chatglm2"],
    "qkv-split-order",
    /[qkv]_proj/u,
    (model, name) => {
      if (!name.includes("q_proj")) return;
      const names = ["q_proj", "k_proj", "v_proj"].map((one) => name.replace("q_proj", one));
      const [queries, keys, values] = names.map((one) => [...model.get(one).data]);
      if (queries === undefined || keys === undefined || values === undefined) throw new Error();
      const joined = [...keys, ...values, ...queries];
      for (const one of names) edit(model, one, (own) => own.set(joined.splice(0, own.length)));
    },
  ),
  setting("another number of experts a token", ["experts"], { num_experts_per_tok: 1 }),
];

/** What a golden always tells, where numbers are solved for, or the family is known. */
const SURE: readonly Blunder[] = [
  inTensors(
    "norms that are stored less one got it back, all but those of heads",
    ["gemma2"],
    "offset",
    /norm\.weight/u,
    (model, name) => {
      mapValues(model, name, (value) => value + 1);
    },
  ),
  inTensors(
    "norms of queries and keys",
    ["gemma3"],
    "swapped",
    /self_attn\.[qk]_norm/u,
    (model, name) => {
      if (!name.includes("q_norm")) return;
      const other = name.replace("q_norm", "k_norm");
      const [left, right] = [model.get(name), model.get(other)];
      model.set(name, right);
      model.set(other, left);
    },
  ),
  inTensors("biases of o_proj twice", ["nano"], "scaled", /o_proj\.bias/u, (model, name) => {
    mapValues(model, name, (value) => 2 * value);
  }),
  inTensors(
    "rows of v_proj by factors of their own",
    ["grouped"],
    "scaled",
    /layers\.1\.self_attn\.v_proj\.weight/u,
    (model, name) => {
      linesByFactors(model, name, "rows");
    },
  ),
  inTensors(
    "columns of gate_proj and up_proj by factors that the norm before them has not",
    ["nano"],
    "scaled",
    /layers\.1\.mlp\.(gate|up)_proj\.weight/u,
    (model, name) => {
      linesByFactors(model, name, "columns");
    },
  ),
  setting("another divisor of scores", ["gemma2"], { query_pre_attn_scalar: 12 }),
  setting("another cap of scores", ["gemma2"], { attn_logit_softcapping: 50 }),
  setting("another cap of logits", ["gemma2"], { final_logit_softcapping: 30 }),
  setting("no window", ["gemma2"], { layer_types: ["full_attention", "full_attention"] }),
  setting("another window", ["gemma2"], { sliding_window: 4 }),
].map((blunder) => ({ ...blunder, isSure: true }));

/** Rows of some tensors of one layer, put together, reordered and cut again: row i of the result is row order(i, all) of the right ones. */
function cutAgain(
  model: EditableModel,
  names: readonly string[],
  order: (row: number, all: number) => number,
): void {
  const width = widthOf(model, names[0] ?? "");
  const joined = names.flatMap((name) => [...model.get(name).data]);
  const all = joined.length / width;
  const moved = Array.from({ length: all }, (_unused, row) => order(row, all)).flatMap((from) =>
    joined.slice(from * width, (from + 1) * width),
  );
  for (const name of names) edit(model, name, (own) => own.set(moved.splice(0, own.length)));
}

/** Each head's rows in another order: row i of a head gets its row order(i, rows of a head). */
function inHeads(
  model: EditableModel,
  name: string,
  size: number,
  order: (index: number, size: number) => number,
): void {
  takeRows(model, name, (row) => row - (row % size) + order(row % size, size));
}

/** Taken from converters' issues: what was fused and cut in another way, and what goes with a permutation and was left out of it. */
const OF_CONVERTERS: readonly Blunder[] = [
  inTensors(
    "gate and up row by row in turn, cut in halves",
    ["grouped", "nano"],
    "fused-order",
    /mlp\.(gate|up)_proj\.weight/u,
    (model, name) => {
      if (name.includes("gate_proj"))
        cutAgain(
          model,
          [name, name.replace("gate_proj", "up_proj")],
          (row, all) => Math.floor(row / 2) + (row % 2) * (all / 2),
        );
    },
  ),
  inTensors(
    "gate and up of two ranks, cut in halves",
    ["grouped"],
    "rank-order",
    /mlp\.(gate|up)_proj\.weight/u,
    (model, name) => {
      const quarters = [0, 2, 1, 3];
      if (name.includes("gate_proj"))
        cutAgain(
          model,
          [name, name.replace("gate_proj", "up_proj")],
          (row, all) =>
            (quarters[Math.floor((4 * row) / all)] ?? 0) * (all / 4) + (row % (all / 4)),
        );
    },
  ),
  inTensors(
    "gate and up of all experts row by row in turn, cut in halves",
    ["experts"],
    "fused-order",
    /layers\.0\.mlp\.experts\.\d+\.(gate|up)_proj/u,
    (model, name) => {
      if (name.includes("gate_proj"))
        cutAgain(
          model,
          [name, name.replace("gate_proj", "up_proj")],
          (row, all) => Math.floor(row / 2) + (row % 2) * (all / 2),
        );
    },
  ),
  inTensors(
    "q, k and v as one matrix that was stored as [in, out]",
    ["nano"],
    "transposed",
    /layers\.1\.self_attn\.[qkv]_proj\.weight/u,
    (model, name) => {
      if (!name.includes("q_proj")) return;
      const names = ["q_proj", "k_proj", "v_proj"].map((one) => name.replace("q_proj", one));
      const joined = names.flatMap((one) => [...model.get(one).data]);
      const [rows, width] = [joined.length / widthOf(model, name), widthOf(model, name)];
      const flipped = joined.map(
        (_value, index) => joined[(index % rows) * width + Math.floor(index / rows)] ?? 0,
      );
      for (const one of names) edit(model, one, (own) => own.set(flipped.splice(0, own.length)));
    },
  ),
  inTensors(
    "the first rank's columns of down_proj twice",
    ["grouped", "nano"],
    "duplicated",
    /layers\.1\.mlp\.down_proj\.weight/u,
    (model, name) => {
      edit(model, name, (data, width) => {
        for (const [index, value] of data.entries())
          if (index % width < width / 2) data[index + width / 2] = value;
      });
    },
  ),
  inTensors(
    "rows of gate_proj in reverse",
    ["nano"],
    "rank-order",
    /layers\.1\.mlp\.gate_proj\.weight/u,
    (model, name) => {
      const rows = heightOf(model, name);
      takeRows(model, name, (row) => rows - 1 - row);
    },
  ),
  inTensors(
    "v_proj and its bias permuted as q and k are",
    ["biased"],
    "rotary-permuted",
    /layers\.1\.self_attn\.v_proj\./u,
    (model, name) => {
      inHeads(model, name, 8, (index, size) => (index % 2) * (size / 2) + Math.floor(index / 2));
    },
  ),
  inTensors(
    "halves of each head of q and k in each other's place",
    ["grouped"],
    "rotary-permuted",
    /self_attn\.[qk]_proj\./u,
    (model, name) => {
      inHeads(model, name, 8, (index, size) => (index + size / 2) % size);
    },
    ["head-order"],
  ),
  inTensors(
    "norms of keys left in rotary pairs",
    ["gemma3"],
    "rotary-permuted",
    /self_attn\.k_norm/u,
    (model, name) => {
      const size = heightOf(model, name);
      takeRows(model, name, (row) => (row % 2) * (size / 2) + Math.floor(row / 2));
    },
  ),
  inTensors(
    "the router's rows exchanged two by two",
    ["experts"],
    "rank-order",
    /layers\.0\.mlp\.gate\.weight/u,
    (model, name) => {
      takeRows(model, name, (row) => row ^ 1);
    },
  ),
  inTensors(
    "the router by 2",
    ["experts"],
    "scaled",
    /layers\.0\.mlp\.gate\.weight/u,
    (model, name) => {
      mapValues(model, name, (value) => 2 * value);
    },
  ),
  inTensors(
    "all that writes to the states by one factor",
    ["grouped"],
    "scaled",
    /(o_proj|down_proj)\.weight/u,
    (model, name) => {
      mapValues(model, name, (value) => value * 0.29);
    },
  ),
].map((blunder) => ({ ...blunder, isSure: true }));

export const SOLVED_BLUNDERS: readonly Blunder[] = [
  ...ADAPTERS,
  ...OF_FAMILIES,
  copied("a stretch of q_proj from the layer five away", ["grouped"], 0, 5),
  copied("a stretch of q_proj from the layer seven away", ["biased"], 0, 7),
  ...MORE_SETTINGS,
  ...TABLE_ROWS,
  ...WRONG_COUNTS,
  ...SURE,
  ...OF_CONVERTERS,
  NORMS_LATE,
];
