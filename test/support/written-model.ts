import type { ModelConfig } from "../../src/model/config/model-config.ts";
import type { LinearLayout } from "../../src/model/parameter.ts";
import { columnMajorStrides } from "../../src/tensor/shape.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { memoryTensor } from "./memory-checkpoint.ts";

/** A small matrix or vector of numbers, row-major: every element of a model has a number of its own. */
export interface Grid {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** A model under its Hugging Face names, in torch's layout: what everything must come back to. */
export type Truth = ReadonlyMap<string, Grid>;

/** The tensors of a LLaMA-shaped model, from the published modeling code, independently of the code under test. */
export function numberedModel(config: ModelConfig): Truth {
  const truth = new Map<string, Grid>();
  let next = 1;
  const add = (name: string, ...shape: readonly number[]): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    truth.set(name, { shape, values: Array.from({ length: count }, () => next++) });
  };
  const queries = config.heads * config.headDim;
  const keys = config.kvHeads * config.headDim;
  add("model.embed_tokens.weight", config.vocabSize, config.hiddenSize);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}.`;
    const outputs = { q: queries, k: keys, v: keys, o: config.hiddenSize };
    for (const [letter, out] of Object.entries(outputs)) {
      const name = `${at}self_attn.${letter}_proj`;
      add(`${name}.weight`, out, letter === "o" ? queries : config.hiddenSize);
      if (config.attentionBias) add(`${name}.bias`, out);
    }
    add(`${at}mlp.gate_proj.weight`, config.intermediateSize, config.hiddenSize);
    add(`${at}mlp.up_proj.weight`, config.intermediateSize, config.hiddenSize);
    add(`${at}mlp.down_proj.weight`, config.hiddenSize, config.intermediateSize);
    add(`${at}input_layernorm.weight`, config.hiddenSize);
    add(`${at}post_attention_layernorm.weight`, config.hiddenSize);
  }
  add("model.norm.weight", config.hiddenSize);
  if (!config.tieWordEmbeddings) add("lm_head.weight", config.vocabSize, config.hiddenSize);
  return truth;
}

export function isLinear(name: string): boolean {
  return /(_proj|lm_head)\.weight$/.test(name);
}

export function transposed({ shape, values }: Grid): Grid {
  const [height = 1, width = 1] = shape;
  if (shape.length < 2) return { shape, values };
  const columns = Array.from(
    { length: values.length },
    (_unused, at) => values[(at % height) * width + Math.floor(at / height)] ?? 0,
  );
  return { shape: [width, height], values: columns };
}

/** Rows `begin` to `begin + size` of a matrix, or elements of a vector. */
export function rows(grid: Grid, begin: number, size: number): Grid {
  const width = grid.values.length / (grid.shape[0] ?? 1);
  return {
    shape: [size, ...grid.shape.slice(1)],
    values: grid.values.slice(begin * width, (begin + size) * width),
  };
}

export function stacked(parts: readonly Grid[]): Grid {
  const height = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return {
    shape: [height, ...(parts[0]?.shape.slice(1) ?? [])],
    values: parts.flatMap(({ values }) => values),
  };
}

/** Part `index` of `count` equal parts along rows or columns. */
export function partOf(grid: Grid, axis: "rows" | "columns", index: number, count: number): Grid {
  if (axis === "columns") return transposed(partOf(transposed(grid), "rows", index, count));
  const size = (grid.shape[0] ?? 0) / count;
  return rows(grid, index * size, size);
}

export interface Rank {
  readonly tp: number;
  readonly pp: number;
}

/** A stored F32 tensor that holds a grid; column-major ones are what a transposed view saves as. */
export function storedGrid(
  name: string,
  grid: Grid,
  rank?: Rank,
  isColumnMajor = false,
): StoredTensor {
  const asStored = isColumnMajor ? transposed(grid) : grid;
  const bytes = new Uint8Array(Float32Array.from(asStored.values).buffer);
  return memoryTensor(name, "F32", grid.shape, bytes, {
    ...(isColumnMajor ? { strides: columnMajorStrides(grid.shape) } : {}),
    ...(rank === undefined ? {} : { rank }),
    storage: `${name}@${rank?.tp ?? 0}_${rank?.pp ?? 0}`,
  });
}

/** How a checkpoint names and lays its tensors. */
export interface Writing {
  readonly layout: LinearLayout;
  readonly prefix: (name: string) => string;
  readonly isColumnMajor: boolean;
  readonly isFused: boolean;
  /** Tensor-parallel ranks; 1 for a checkpoint that is not split. */
  readonly tp: number;
}

const COLUMN_PARALLEL = /(q_proj|k_proj|v_proj|gate_proj|up_proj|lm_head)\.(weight|bias)$/;
const ROW_PARALLEL = /(o_proj|down_proj)\.weight$/;

/** What rank `index` of `count` holds of a tensor, as PaddleNLP splits LLaMA. */
function paddlePart(name: string, grid: Grid, index: number, count: number): Grid {
  if (COLUMN_PARALLEL.test(name) || name === "model.embed_tokens.weight") {
    return partOf(grid, "rows", index, count);
  }
  return ROW_PARALLEL.test(name) ? partOf(grid, "columns", index, count) : grid;
}

/** The checkpoint that PaddleNLP, its users, or torch would write of a model. */
export function writtenModel(truth: Truth, config: ModelConfig, how: Writing): StoredTensor[] {
  const stored: StoredTensor[] = [];
  for (let tp = 0; tp < how.tp; tp++) {
    const rank = how.tp === 1 ? undefined : { tp, pp: 0 };
    const put = (name: string, grid: Grid, linear: boolean): void => {
      const isTransposed = linear && how.layout === "paddle";
      const asStored = isTransposed ? transposed(grid) : grid;
      stored.push(storedGrid(how.prefix(name), asStored, rank, isTransposed && how.isColumnMajor));
    };
    const local = new Map(
      [...truth].map(([name, grid]) => [name, paddlePart(name, grid, tp, how.tp)]),
    );
    const fused = how.isFused ? fuse(local, config, how.tp) : local;
    for (const [name, grid] of fused) put(name, grid, isLinear(name));
  }
  return stored;
}

/** q, k and v become one, a group at a time: its queries, its key, its value; gate and up become one. */
function fuse(local: Truth, config: ModelConfig, tp: number): Truth {
  const fused = new Map<string, Grid>();
  const perGroup = (config.heads / config.kvHeads) * config.headDim;
  for (const [name, grid] of local) {
    if (/(k_proj|v_proj|up_proj)\./.test(name)) continue;
    if (name.includes("q_proj.")) {
      const key = local.get(name.replace("q_proj", "k_proj")) ?? grid;
      const value = local.get(name.replace("q_proj", "v_proj")) ?? grid;
      const groups = Array.from({ length: config.kvHeads / tp }, (_unused, group) => [
        rows(grid, group * perGroup, perGroup),
        rows(key, group * config.headDim, config.headDim),
        rows(value, group * config.headDim, config.headDim),
      ]);
      fused.set(name.replace("q_proj", "qkv_proj"), stacked(groups.flat()));
    } else if (name.includes("gate_proj.")) {
      const up = local.get(name.replace("gate_proj", "up_proj")) ?? grid;
      fused.set(name.replace("gate_proj", "gate_up_fused_proj"), stacked([grid, up]));
    } else fused.set(name, grid);
  }
  return fused;
}

/** InternLM's own training checkpoint: other names, heads and features split over tp, layers numbered anew in each stage. */
export function trainingModel(
  truth: Truth,
  config: ModelConfig,
  split: { readonly tp: number; readonly pp: number; readonly embedByHidden: boolean },
  prefix = "model.",
): StoredTensor[] {
  const stored: StoredTensor[] = [];
  const perStage = Math.ceil(config.layers / split.pp);
  const of = (name: string): Grid => truth.get(name) ?? { shape: [0], values: [] };
  for (let pp = 0; pp < split.pp; pp++) {
    for (let tp = 0; tp < split.tp; tp++) {
      const put = (name: string, grid: Grid): void => {
        stored.push(storedGrid(prefix + name, grid, { tp, pp }));
      };
      const cut = (name: string, axis: "rows" | "columns"): Grid =>
        partOf(of(name), axis, tp, split.tp);
      if (pp === 0) {
        const axis = split.embedByHidden ? "columns" : "rows";
        put("embedding.weight", cut("model.embed_tokens.weight", axis));
      }
      for (let local = 0; local < perStage; local++) {
        const layer = pp * perStage + local;
        if (layer >= config.layers) continue;
        const from = `model.layers.${layer}.`;
        const to = `blocks.${local}.`;
        for (const kind of config.attentionBias ? ["weight", "bias"] : ["weight"]) {
          const parts = ["q", "k", "v"].map((letter) =>
            cut(`${from}self_attn.${letter}_proj.${kind}`, "rows"),
          );
          put(`${to}mixer.Wqkv.${kind}`, stacked(parts));
        }
        put(`${to}mixer.out_proj.weight`, cut(`${from}self_attn.o_proj.weight`, "columns"));
        if (config.attentionBias)
          put(`${to}mixer.out_proj.bias`, of(`${from}self_attn.o_proj.bias`));
        put(`${to}mlp.w1.weight`, cut(`${from}mlp.gate_proj.weight`, "rows"));
        put(`${to}mlp.w2.weight`, cut(`${from}mlp.up_proj.weight`, "rows"));
        put(`${to}mlp.w3.weight`, cut(`${from}mlp.down_proj.weight`, "columns"));
        put(`${to}norm1.weight`, of(`${from}input_layernorm.weight`));
        put(`${to}norm2.weight`, of(`${from}post_attention_layernorm.weight`));
      }
      if (pp === split.pp - 1) {
        put("norm.weight", of("model.norm.weight"));
        put("head.weight", cut("lm_head.weight", "rows"));
      }
    }
  }
  return stored;
}
