import { f32Bits, f32BitsToBf16 } from "../../../src/tensor/float-bits.ts";
import type { EditableModel, Values } from "../editable-model.ts";
import { rounded } from "./bases.ts";
import { Draws } from "./draws.ts";
import { at, count, edit, EMBED, HEAD, LINEARS, mapped, of, QKV, rows } from "./edits.ts";
import type { Fault } from "./fault.ts";

const NORMS = ["input_layernorm", "post_attention_layernorm"];
const [Q, K, V] = QKV;

/** Values that were scaled, rounded, added to or lost. */
export const VALUE_FAULTS: readonly Fault[] = [
  scale("int8 codes without their scales, a scale a row", "internlm", LINEARS, (t) =>
    quantized(t, 127, "row", false),
  ),
  scale(
    "int8 codes of one matrix without its scale",
    "grouped",
    ["mlp.down_proj"],
    (t) => quantized(t, 127, "all", false),
    [3],
  ),
  scale("row scales applied along columns", "internlm", ["self_attn.o_proj"], (t) => {
    const steps = rowSteps(t);
    return mapped(
      t,
      (value, index) => (value / (steps[Math.floor(index / 64)] ?? 1)) * (steps[index % 64] ?? 1),
    );
  }),
  scale("attention's scale folded into q", "grouped", [Q], (t) =>
    mapped(t, (value) => value / Math.sqrt(8)),
  ),
  scale("the embeddings times the root of the width", "tied", [], (t) =>
    mapped(t, (value) => value * Math.sqrt(48)),
  ),
  scale("each key head by a factor of its own", "internlm", [K], (t) =>
    mapped(
      t,
      (value, index) =>
        value * (1 + 0.25 * (Math.floor((index * (t.shape[0] ?? 1)) / t.data.length / 16) + 1)),
    ),
  ),
  scale(
    "down_proj halved in one layer",
    "chatglm2",
    ["mlp.down_proj"],
    (t) => mapped(t, (value) => value / 2),
    [1],
  ),
  scale("lm_head at a quarter", "internlm", [], (t) => mapped(t, (value) => value / 4)),
  adapter("an adapter of rank 4 left in q and v", "grouped", [Q, V], 4, 1),
  adapter(
    "an adapter of rank 4 merged twice, all attention",
    "internlm",
    [...QKV, "self_attn.o_proj"],
    4,
    1,
  ),
  adapter("an adapter of rank 8 unmerged from every Linear", "baichuan", LINEARS, 4, -1),
  adapter(
    "an adapter merged at twice its scale, one layer",
    "tied",
    [Q, "mlp.down_proj"],
    2,
    2,
    [6],
  ),
  {
    name: "biases of q, k and v zero",
    kind: "biases and norms",
    base: "internlm",
    causes: ["bias-missing"],
    make: (model, base) => edit(model, of(model, base, QKV, ["bias"]), (t) => mapped(t, () => 0)),
  },
  {
    name: "biases of k zero, GLM",
    kind: "biases and norms",
    base: "chatglm2",
    causes: ["bias-missing"],
    make: (model, base) => edit(model, of(model, base, [K], ["bias"]), (t) => mapped(t, () => 0)),
  },
  {
    name: "biases of o_proj lost",
    kind: "biases and norms",
    base: "internlm",
    causes: ["bias-missing"],
    make: (model, base) => {
      const names = of(model, base, ["self_attn.o_proj"], ["bias"]);
      for (const name of names) model.delete(name);
      return names;
    },
  },
  {
    name: "norms less one",
    kind: "biases and norms",
    base: "grouped",
    causes: ["offset"],
    make: (model, base) =>
      edit(model, [...of(model, base, NORMS), "model.norm.weight"], (t) =>
        rounded(
          mapped(t, (value) => value - 1),
          "F32",
        ),
      ),
  },
  {
    name: "norms plus one",
    kind: "biases and norms",
    base: "internlm",
    causes: ["offset"],
    make: (model, base) =>
      edit(model, [...of(model, base, NORMS), "model.norm.weight"], (t) =>
        rounded(
          mapped(t, (value) => value + 1),
          "F16",
        ),
      ),
  },
  {
    name: "one norm of ones",
    kind: "biases and norms",
    base: "grouped",
    causes: ["corrupt"],
    make: (model) => edit(model, [at(2, "input_layernorm.weight")], (t) => mapped(t, () => 1)),
  },
  {
    name: "all norms of ones",
    kind: "biases and norms",
    base: "baichuan",
    causes: ["corrupt"],
    make: (model, base) => edit(model, of(model, base, NORMS), (t) => mapped(t, () => 1)),
  },
  {
    name: "rounded to bfloat16, stored as float16",
    kind: "number formats",
    base: "internlm",
    causes: ["cast"],
    make: (model, base) =>
      edit(model, of(model, base, LINEARS, ["weight"]), (t) => ({
        ...rounded(t, "BF16"),
        dtype: "F16",
      })),
  },
  {
    name: "int8 rounding of every Linear",
    kind: "number formats",
    base: "internlm",
    causes: ["cast"],
    make: (model, base) =>
      edit(model, of(model, base, LINEARS, ["weight"]), (t) => ({
        ...quantized(t, 127, "row", true),
        dtype: "F32",
      })),
  },
  {
    name: "4-bit rounding in blocks of 32",
    kind: "number formats",
    base: "grouped",
    causes: ["cast"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.gate_proj", "mlp.up_proj"]), (t) => ({
        ...quantized(t, 7, 32, true),
        dtype: "F32",
      })),
  },
  {
    name: "bfloat16 bits read as float16",
    kind: "number formats",
    base: "grouped",
    causes: ["dtype-misread"],
    make: (model) => {
      for (const name of model.names()) model.relabel(name, "F16");
      return model.names();
    },
  },
  {
    name: "float16 bits of one matrix read as bfloat16",
    kind: "number formats",
    base: "internlm",
    causes: ["dtype-misread"],
    make: (model) => {
      const name = at(3, "mlp.up_proj.weight");
      model.relabel(name, "BF16");
      return [name];
    },
  },
  {
    name: "bytes of one matrix in the other order",
    kind: "number formats",
    base: "internlm",
    causes: ["byte-swapped"],
    make: (model) => {
      const name = at(1, "mlp.down_proj.weight");
      model.swapBytes(name);
      return [name];
    },
  },
  {
    name: "bits of bfloat16 read as whole numbers",
    kind: "number formats",
    base: "grouped",
    causes: ["dtype-misread"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.up_proj"]), (t) => ({
        ...mapped(t, (value) => f32BitsToBf16(f32Bits(value))),
        dtype: "F32",
      })),
  },
  {
    name: "an exponent bit of one element flipped",
    kind: "damage",
    base: "tied",
    causes: ["corrupt"],
    make: (model) =>
      edit(model, [at(4, "mlp.down_proj.weight")], (t) =>
        mapped(t, (value, index) => (index === 517 ? value * 2 ** 16 : value)),
      ),
  },
  {
    name: "one row of the embeddings zeroed",
    kind: "damage",
    base: "internlm",
    causes: ["corrupt"],
    make: (model) =>
      edit(model, [EMBED], (t) =>
        mapped(t, (value, index) => (Math.floor(index / 64) === 1 ? 0 : value)),
      ),
  },
  {
    name: "a hole of 4096 zeros in gate_proj",
    kind: "damage",
    base: "grouped",
    causes: ["corrupt"],
    make: (model) =>
      edit(model, [at(1, "mlp.gate_proj.weight")], (t) =>
        mapped(t, (value, index) => (index >= 1003 && index < 5099 ? 0 : value)),
      ),
  },
  {
    name: "the end of down_proj zero",
    kind: "damage",
    base: "baichuan",
    causes: ["corrupt"],
    make: (model) =>
      edit(model, [at(2, "mlp.down_proj.weight")], (t) =>
        mapped(t, (value, index) => (index >= 3000 ? 0 : value)),
      ),
  },
  {
    name: "200 rows of the embeddings NaN",
    kind: "damage",
    base: "grouped",
    causes: ["non-finite"],
    make: (model) =>
      edit(model, [EMBED], (t) =>
        mapped(t, (value, index) => (index >= 184 * 64 ? Number.NaN : value)),
      ),
  },
  {
    name: "rows 8 to 15 of q repeat rows 0 to 7",
    kind: "damage",
    base: "internlm",
    causes: ["corrupt", "duplicated"],
    make: (model) =>
      edit(model, [at(2, `${Q}.weight`)], (t) =>
        rows(
          t,
          count(64).map((row) => (row >= 8 && row < 16 ? row - 8 : row)),
        ),
      ),
  },
  {
    name: "a stretch of up_proj from the layer before",
    kind: "damage",
    base: "internlm",
    causes: ["corrupt", "duplicated"],
    make: (model) => {
      const other = model.get(at(2, "mlp.up_proj.weight")).data;
      return edit(model, [at(3, "mlp.up_proj.weight")], (t) =>
        mapped(t, (value, index) => (index >= 2000 && index < 4000 ? (other[index] ?? 0) : value)),
      );
    },
  },
  {
    name: "one column of o_proj zeroed",
    kind: "damage",
    base: "chatglm2",
    causes: ["corrupt"],
    make: (model) =>
      edit(model, [at(1, "self_attn.o_proj.weight")], (t) =>
        mapped(t, (value, index) => (index % 64 === 9 ? 0 : value)),
      ),
  },
  {
    name: "another version: every tensor 3 % off",
    kind: "versions and copies",
    base: "baichuan",
    causes: ["other-version"],
    make: (model) => nudged(model, model.names(), 0.03),
  },
  {
    name: "layers 3 and 4 of another version",
    kind: "versions and copies",
    base: "grouped",
    causes: ["other-version"],
    make: (model) =>
      nudged(
        model,
        model.names().filter((name) => /layers\.[34]\./.test(name)),
        0.03,
      ),
  },
  {
    name: "a fine-tune's attention beside the base model's rest",
    kind: "versions and copies",
    base: "internlm",
    causes: ["other-version"],
    make: (model) =>
      nudged(
        model,
        model.names().filter((name) => name.includes("self_attn")),
        0.05,
      ),
  },
  {
    name: "o_proj of one layer never loaded",
    kind: "versions and copies",
    base: "grouped",
    causes: ["other-version", "corrupt"],
    make: (model) => {
      const draws = new Draws(99);
      return edit(model, [at(3, "self_attn.o_proj.weight")], (t) =>
        rounded(
          mapped(t, () => 0.02 * draws.normal()),
          "BF16",
        ),
      );
    },
  },
];

type BaseName = Fault["base"];

function scale(
  name: string,
  base: BaseName,
  modules: readonly string[],
  work: (values: Values) => Values,
  layers?: readonly number[],
): Fault {
  return {
    name,
    kind: "scales",
    base,
    causes: ["scaled"],
    make: (model, built) => {
      const names =
        modules.length > 0
          ? of(model, built, modules, name.includes("head") ? undefined : ["weight"], layers)
          : [base === "tied" ? EMBED : HEAD];
      return edit(model, names, (values) => ({ ...work(values), dtype: "F32" }));
    },
  };
}

function adapter(
  name: string,
  base: BaseName,
  modules: readonly string[],
  rank: number,
  times: number,
  layers?: readonly number[],
): Fault {
  return {
    name,
    kind: "adapters",
    base,
    causes: ["low-rank"],
    make: (model, built) => {
      const draws = new Draws(7);
      return edit(model, of(model, built, modules, ["weight"], layers), (t) => {
        const [out = 1, input = 1] = t.shape;
        const up = count(out * rank).map(() => draws.normal());
        const down = count(input * rank).map(() => draws.normal());
        const size = (0.15 * times) / Math.sqrt(input * rank);
        const delta = (index: number): number =>
          count(rank).reduce(
            (sum, k) =>
              sum +
              (up[Math.floor(index / input) * rank + k] ?? 0) *
                (down[(index % input) * rank + k] ?? 0),
            0,
          );
        return rounded(
          mapped(t, (value, index) => value + size * delta(index)),
          t.dtype ?? "F16",
        );
      });
    },
  };
}

function nudged(model: EditableModel, names: readonly string[], size: number): readonly string[] {
  const draws = new Draws(21);
  return edit(model, names, (t) => {
    const spread = Math.sqrt(t.data.reduce((sum, value) => sum + value * value, 0) / t.data.length);
    return rounded(
      mapped(t, (value) => value + size * spread * draws.normal()),
      t.dtype ?? "F16",
    );
  });
}

function rowSteps(t: Values): readonly number[] {
  const width = t.data.length / (t.shape[0] ?? 1);
  return count(t.shape[0] ?? 1).map((row) => {
    const part = t.data.subarray(row * width, (row + 1) * width);
    return part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
  });
}

/** Rounded to whole steps of a row, of blocks of so many elements or of the tensor; with its scale again, or as codes. */
function quantized(
  t: Values,
  levels: number,
  group: "row" | "all" | number,
  isScaled: boolean,
): Values {
  if (t.shape.length < 2) return t;
  const width =
    group === "all" ? t.data.length : group === "row" ? t.data.length / (t.shape[0] ?? 1) : group;
  const data = t.data.slice();
  for (let begin = 0; begin < data.length; begin += width) {
    const part = data.subarray(begin, begin + width);
    const step = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / levels;
    for (const [index, value] of part.entries())
      part[index] = Math.round(value / step) * (isScaled ? step : 1);
  }
  return { ...t, data };
}
