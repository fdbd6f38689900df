import {
  at,
  blocks,
  columns,
  count,
  cutAnew,
  edit,
  EMBED,
  exchange,
  HEAD,
  mapped,
  of,
  QKV,
  reorderLayers,
  reshapedTranspose,
  rows,
} from "./edits.ts";
import { rounded } from "./bases.ts";
import { Draws } from "./draws.ts";
import type { Fault } from "./fault.ts";

const isMlp = (name: string): boolean => name.includes(".mlp.");
const isAttention = (name: string): boolean => name.includes(".self_attn.");

/** Layers, parts of parallel ranks and tables in the wrong place. */
export const PLACE_FAULTS: readonly Fault[] = [
  {
    name: "layers 2 and 3 swapped",
    kind: "layers",
    base: "grouped",
    causes: ["swapped", "layer-order"],
    make: (model) => reorderLayers(model, [0, 1, 3, 2, 4, 5]),
  },
  {
    name: "12 layers sorted as text",
    kind: "layers",
    base: "tied",
    causes: ["layer-order"],
    make: (model) => reorderLayers(model, [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]),
  },
  {
    name: "second pipeline part begins one layer early",
    kind: "layers",
    base: "tied",
    causes: ["layer-order", "duplicated"],
    make: (model) => reorderLayers(model, [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]),
  },
  {
    name: "local indices: the second half repeats the first",
    kind: "layers",
    base: "tied",
    causes: ["duplicated"],
    make: (model) => reorderLayers(model, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]),
  },
  {
    name: "pipeline parts exchanged",
    kind: "layers",
    base: "grouped",
    causes: ["layer-order"],
    make: (model) => reorderLayers(model, [3, 4, 5, 0, 1, 2]),
  },
  {
    name: "layers in reverse",
    kind: "layers",
    base: "baichuan",
    causes: ["layer-order"],
    make: (model) => reorderLayers(model, [3, 2, 1, 0]),
  },
  {
    name: "every layer one place further",
    kind: "layers",
    base: "internlm",
    causes: ["layer-order"],
    make: (model) => reorderLayers(model, [5, 0, 1, 2, 3, 4]),
  },
  {
    name: "attention of layers 1 and 4 exchanged",
    kind: "layers",
    base: "internlm",
    causes: ["swapped", "layer-order"],
    make: (model) => reorderLayers(model, [0, 4, 2, 3, 1, 5], isAttention),
  },
  {
    name: "layers 1 and 2 swapped, GLM",
    kind: "layers",
    base: "chatglm2",
    causes: ["swapped", "layer-order"],
    make: (model) => reorderLayers(model, [0, 2, 1, 3]),
  },
  {
    name: "layer 9 has layer 2's MLP",
    kind: "versions and copies",
    base: "tied",
    causes: ["duplicated"],
    make: (model) => reorderLayers(model, [0, 1, 2, 3, 4, 5, 6, 7, 8, 2, 10, 11], isMlp),
  },
  {
    name: "layer 7 has layer 1's down_proj",
    kind: "versions and copies",
    base: "tied",
    causes: ["duplicated"],
    make: (model) =>
      reorderLayers(model, [0, 1, 2, 3, 4, 5, 6, 1, 8, 9, 10, 11], (name) =>
        name.includes("down_proj"),
      ),
  },
  {
    name: "layer 5 is layer 0 again",
    kind: "versions and copies",
    base: "grouped",
    causes: ["duplicated"],
    make: (model) => reorderLayers(model, [0, 1, 2, 3, 4, 0]),
  },
  {
    name: "ranks of up_proj joined in the wrong order",
    kind: "parallel parts",
    base: "grouped",
    causes: ["rank-order", "fused-order"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.up_proj"]), (t) => rows(t, blocks([1, 0], 88))),
  },
  {
    name: "o_proj's column parts joined along rows",
    kind: "parallel parts",
    base: "internlm",
    causes: ["rank-order"],
    make: (model, base) =>
      edit(model, of(model, base, ["self_attn.o_proj"], ["weight"]), (t) => {
        const [out = 1, input = 1] = t.shape;
        const half = input / 2;
        return mapped(t, (_value, index) => {
          const [part, rest] = [Math.floor(index / (out * half)), index % (out * half)];
          return t.data[Math.floor(rest / half) * input + part * half + (rest % half)] ?? 0;
        });
      }),
  },
  {
    name: "four ranks of down_proj in another order",
    kind: "parallel parts",
    base: "grouped",
    causes: ["rank-order"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.down_proj"]), (t) => columns(t, blocks([0, 2, 1, 3], 44))),
  },
  {
    name: "vocabulary parts in the wrong order",
    kind: "parallel parts",
    base: "internlm",
    causes: ["rank-order", "fused-order"],
    make: (model) => edit(model, [EMBED, HEAD], (t) => rows(t, blocks([1, 0], 160))),
  },
  {
    name: "gate and up of two ranks joined plainly",
    kind: "parallel parts",
    base: "chatglm2",
    causes: ["rank-order", "fused-order"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.gate_up_proj"]), (t) => rows(t, blocks([0, 2, 1, 3], 60))),
  },
  {
    name: "q, k and v of two ranks joined plainly",
    kind: "parallel parts",
    base: "internlm",
    causes: ["rank-order", "qkv-split-order"],
    make: (model, base) =>
      count(6).flatMap((layer) =>
        ["weight", "bias"].flatMap((suffix) =>
          cutAnew(model, of(model, base, QKV, [suffix], [layer]), () =>
            blocks([0, 2, 4, 1, 3, 5], 32),
          ),
        ),
      ),
  },
  {
    name: "first rank's half of gate_proj twice",
    kind: "parallel parts",
    base: "grouped",
    causes: ["duplicated", "rank-order"],
    make: (model, base) =>
      edit(model, of(model, base, ["mlp.gate_proj"]), (t) => rows(t, blocks([0, 0], 88))),
  },
  {
    name: "embeddings and head under each other's name",
    kind: "tables",
    base: "internlm",
    causes: ["swapped"],
    make: (model) => exchange(model, [[EMBED, HEAD]]),
  },
  {
    name: "head overwritten by the embeddings",
    kind: "tables",
    base: "internlm",
    causes: ["tied"],
    make: (model) => edit(model, [HEAD], () => model.get(EMBED)),
  },
  {
    name: "embeddings overwritten by the head",
    kind: "tables",
    base: "grouped",
    causes: ["tied"],
    make: (model) => edit(model, [EMBED], () => model.get(HEAD)),
  },
  {
    name: "a tied model with a head of its own that was never trained",
    kind: "tables",
    base: "tied",
    causes: ["config-mismatch", "tied"],
    make: (model) => {
      const draws = new Draws(17);
      model.config["tie_word_embeddings"] = false;
      model.set(
        HEAD,
        rounded(
          mapped(model.get(EMBED), () => 0.02 * draws.normal()),
          "BF16",
        ),
      );
      return [HEAD];
    },
  },
  {
    name: "rows of both tables one too far",
    kind: "tables",
    base: "internlm",
    causes: ["row-shifted"],
    make: (model) =>
      edit(model, [EMBED, HEAD], (t) =>
        rows(
          t,
          count(320).map((row) => (row + 319) % 320),
        ),
      ),
  },
  {
    name: "a token inserted at row 3 of the embeddings",
    kind: "tables",
    base: "grouped",
    causes: ["row-shifted"],
    make: (model) =>
      edit(model, [EMBED], (t) =>
        rows(
          t,
          count(384).map((row) => (row > 3 ? row - 1 : row)),
        ),
      ),
  },
  {
    name: "the last 64 tokens cut off",
    kind: "tables",
    base: "grouped",
    causes: ["padded", "config-mismatch"],
    // A golden that has one of them is refused.
    modes: ["pair", "diff"],
    make: (model) => {
      model.config["vocab_size"] = 320;
      return edit(model, [EMBED, HEAD], (t) => rows(t, count(320)));
    },
  },
  {
    name: "last 14 rows of both tables zero",
    kind: "tables",
    base: "grouped",
    causes: ["corrupt", "padded"],
    modes: ["pair", "diff"],
    make: (model) =>
      edit(model, [EMBED, HEAD], (t) =>
        mapped(t, (value, index) => (index < 370 * 64 ? value : 0)),
      ),
  },
  {
    name: "last 20 rows of the head are the mean of the others",
    kind: "tables",
    base: "baichuan",
    causes: ["padded", "corrupt"],
    make: (model) =>
      edit(model, [HEAD], (t) => {
        const mean = count(40).map(
          (column) =>
            count(276).reduce((sum, row) => sum + (t.data[row * 40 + column] ?? 0), 0) / 276,
        );
        return mapped(t, (value, index) => (index < 276 * 40 ? value : (mean[index % 40] ?? 0)));
      }),
  },
  {
    name: "head reshaped instead of transposed",
    kind: "tables",
    base: "chatglm2",
    causes: ["transposed"],
    make: (model) => edit(model, [HEAD], reshapedTranspose),
  },
  {
    name: "one row of the tied embeddings is another's",
    kind: "tables",
    base: "tied",
    causes: ["corrupt", "duplicated"],
    make: (model) =>
      edit(model, [EMBED], (t) =>
        rows(
          t,
          count(336).map((row) => (row === 1 ? 77 : row)),
        ),
      ),
  },
  {
    name: "rows of the embeddings in another order",
    kind: "tables",
    base: "internlm",
    causes: ["rank-order", "row-shifted", "corrupt", "qkv-split-order"],
    make: (model) => {
      const draws = new Draws(5);
      const order = [...count(320)];
      for (let last = 319; last > 0; last--) {
        const other = draws.below(last + 1);
        [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
      }
      return edit(model, [EMBED], (t) => rows(t, order));
    },
  },
  {
    name: "final norm and the last layer's under each other's name",
    kind: "swapped parts",
    base: "internlm",
    causes: ["swapped"],
    make: (model) =>
      exchange(model, [["model.norm.weight", at(5, "post_attention_layernorm.weight")]]),
  },
];
