import {
  bf16ToF32Bits,
  f16ToF32Bits,
  f32Bits,
  f32BitsToBf16,
  f32BitsToF16,
} from "../../../src/tensor/float-bits.ts";
import type { EditableModel, FloatDtype } from "../editable-model.ts";
import { EVERYWHERE, FULL, type Blunder } from "./blunder.ts";
import {
  at,
  edit,
  everyLayer,
  linears,
  mapValues,
  proj,
  quantize,
  reread,
  roundTo,
} from "./edits.ts";
import { EMBEDDINGS, HEAD } from "./order.ts";

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

function fromBits(bits: number): number {
  word[0] = bits;
  return float[0] ?? 0;
}

function otherHalf(model: EditableModel, name: string): FloatDtype {
  return model.get(name).dtype === "BF16" ? "F16" : "BF16";
}

type Choice = (model: EditableModel) => readonly string[];

const all: Choice = (model) => model.names();
const one =
  (name: string): Choice =>
  () => [name];

function changed(
  name: string,
  cause: Blunder["cause"],
  choose: Choice,
  change: (model: EditableModel, name: string) => void,
  subjects = EVERYWHERE,
  or: Blunder["or"] = [],
): Blunder {
  return {
    name: `${cause}: ${name}`,
    in: subjects,
    cause,
    or,
    make: (model) => {
      const names = choose(model);
      for (const tensor of names) change(model, tensor);
      return names;
    },
  };
}

const relabel = (model: EditableModel, name: string): void => {
  model.relabel(name, otherHalf(model, name));
};

/** Reads the bits as the other half dtype, and keeps what comes of it in float32. */
const misreadWide = (model: EditableModel, name: string): void => {
  if (otherHalf(model, name) === "BF16")
    reread(
      model,
      name,
      (bits) => fromBits(bf16ToF32Bits(bits)),
      (value) => f32BitsToF16(f32Bits(value)),
      "F32",
    );
  else
    reread(
      model,
      name,
      (bits) => fromBits(f16ToF32Bits(bits)),
      (value) => f32BitsToBf16(f32Bits(value)),
      "F32",
    );
};

const DTYPES: readonly Blunder[] = [
  changed("every tensor", "dtype-misread", all, relabel),
  changed("down_proj of layer 1", "dtype-misread", one(proj(1, "down")), relabel),
  changed("the embeddings", "dtype-misread", one(EMBEDDINGS), relabel),
  changed("lm_head", "dtype-misread", one(HEAD), relabel),
  changed("one norm", "dtype-misread", one(at(1, "input_layernorm.weight")), relabel),
  changed(
    "every matrix of layer 2",
    "dtype-misread",
    (model) => linears(model).filter((name) => name.includes(".2.")),
    relabel,
  ),
  changed("every tensor, then kept as float32", "dtype-misread", all, misreadWide),
  changed(
    "v_proj of layer 0, then kept as float32",
    "dtype-misread",
    one(proj(0, "v")),
    misreadWide,
  ),
  changed("every tensor", "byte-swapped", all, (model, name) => model.swapBytes(name)),
  changed("q_proj of layer 1", "byte-swapped", one(proj(1, "q")), (model, name) =>
    model.swapBytes(name),
  ),
  changed("lm_head", "byte-swapped", one(HEAD), (model, name) => model.swapBytes(name)),
  changed("the embeddings", "byte-swapped", one(EMBEDDINGS), (model, name) =>
    model.swapBytes(name),
  ),
  changed(
    "bias of o_proj in layer 1",
    "byte-swapped",
    one(proj(1, "o", "bias")),
    (model, name) => model.swapBytes(name),
    FULL,
  ),
  changed("every tensor, of float32", "byte-swapped", all, (model, name) => {
    model.set(name, { ...model.get(name), dtype: "F32" });
    model.swapBytes(name);
  }),
];

const byTensor = (): number => 0;
const byRow = (index: number, width: number): number => Math.floor(index / width);
const byColumn = (index: number, width: number): number => index % width;
const by16 = (index: number): number => Math.floor(index / 16);

/** The 16 levels of NormalFloat (Dettmers et al., 2023, appendix E). */
const NORMAL_FLOAT = [
  -1, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.09105, 0, 0.0795803, 0.1609302,
  0.2461123, 0.3379152, 0.4407098, 0.562617, 0.7229568, 1,
];

function normalFloat(model: EditableModel, name: string): void {
  edit(model, name, (data) => {
    for (let begin = 0; begin < data.length; begin += 64) {
      const block = data.subarray(begin, begin + 64);
      const scale = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      block.set(
        block.map((value) => {
          const level = NORMAL_FLOAT.reduce((best, candidate) =>
            Math.abs(candidate - value / scale) < Math.abs(best - value / scale) ? candidate : best,
          );
          return level * scale;
        }),
      );
    }
  });
}

const CASTS: readonly Blunder[] = [
  changed(
    "every tensor through bfloat16",
    "cast",
    all,
    (model, name) =>
      mapValues(model, name, (value) => fromBits(bf16ToF32Bits(f32BitsToBf16(f32Bits(value))))),
    FULL,
  ),
  changed(
    "up_proj of layer 1 through bfloat16",
    "cast",
    one(proj(1, "up")),
    (model, name) =>
      mapValues(model, name, (value) => fromBits(bf16ToF32Bits(f32BitsToBf16(f32Bits(value))))),
    FULL,
  ),
  changed(
    "embeddings through bfloat16",
    "cast",
    one(EMBEDDINGS),
    (model, name) =>
      mapValues(model, name, (value) => fromBits(bf16ToF32Bits(f32BitsToBf16(f32Bits(value))))),
    FULL,
  ),
  changed("gate_proj of layer 0 through int8", "cast", one(proj(0, "gate")), (model, name) =>
    quantize(model, name, 127, byTensor),
  ),
  changed("every matrix through int8, a scale a row", "cast", linears, (model, name) =>
    quantize(model, name, 127, byRow),
  ),
  changed("every matrix through int8, a scale a column", "cast", linears, (model, name) =>
    quantize(model, name, 127, byColumn),
  ),
  changed("every matrix through int8 with zero points", "cast", linears, (model, name) =>
    quantize(model, name, 127, byRow, false),
  ),
  changed(
    "down_proj everywhere through int4, blocks of 16",
    "cast",
    (model) => everyLayer(model).map((layer) => proj(layer, "down")),
    (model, name) => quantize(model, name, 7, by16),
  ),
  changed("every matrix through int4, a scale a row", "cast", linears, (model, name) =>
    quantize(model, name, 7, byRow),
  ),
  changed("q_proj of layer 1 through NormalFloat 4", "cast", one(proj(1, "q")), normalFloat),
  changed("every matrix through float8 e4m3", "cast", linears, (model, name) =>
    mapValues(model, name, (value) => roundTo(value, 3, -6)),
  ),
  changed("o_proj of layer 2 through float8 e5m2", "cast", one(proj(2, "o")), (model, name) =>
    mapValues(model, name, (value) => roundTo(value, 2, -14)),
  ),
  changed(
    "every matrix through float8 e4m3 with a scale a tensor",
    "cast",
    linears,
    (model, name) => {
      const most = model.get(name).data.reduce((high, value) => Math.max(high, Math.abs(value)), 0);
      mapValues(model, name, (value) => (roundTo((value / most) * 448, 3, -6) / 448) * most);
    },
  ),
];

const MISSING: readonly Blunder[] = [
  changed(
    "q_proj of layer 1, absent",
    "bias-missing",
    one(proj(1, "q", "bias")),
    (model, name) => model.delete(name),
    FULL,
  ),
  changed(
    "all, absent",
    "bias-missing",
    (model) => model.names().filter((name) => name.endsWith(".bias")),
    (model, name) => model.delete(name),
    FULL,
  ),
  changed(
    "o_proj of layer 0, zero",
    "bias-missing",
    one(proj(0, "o", "bias")),
    (model, name) => mapValues(model, name, () => 0),
    FULL,
  ),
  changed(
    "k_proj everywhere, zero",
    "bias-missing",
    (model) => everyLayer(model).map((layer) => proj(layer, "k", "bias")),
    (model, name) => mapValues(model, name, () => 0),
    FULL,
  ),
  changed(
    "all, zero",
    "bias-missing",
    (model) => model.names().filter((name) => name.endsWith(".bias")),
    (model, name) => mapValues(model, name, () => 0),
    FULL,
  ),
];

const TIED: readonly Blunder[] = [
  changed("lm_head holds the embeddings", "tied", one(HEAD), (model, name) =>
    model.set(name, model.get(EMBEDDINGS)),
  ),
  changed("the embeddings hold lm_head", "tied", one(EMBEDDINGS), (model, name) =>
    model.set(name, model.get(HEAD)),
  ),
  {
    name: "tied: lm_head left out, and config.json made to tie",
    in: EVERYWHERE,
    cause: "tied",
    or: ["config-mismatch"],
    make: (model) => {
      model.delete(HEAD);
      model.config["tie_word_embeddings"] = true;
      return [HEAD];
    },
  },
];

function setOne(
  name: string,
  cause: Blunder["cause"],
  tensor: string,
  index: number,
  change: (value: number) => number,
  subjects = EVERYWHERE,
  or: Blunder["or"] = [],
): Blunder {
  return changed(
    name,
    cause,
    one(tensor),
    (model, target) =>
      mapValues(model, target, (value, position) => (position === index ? change(value) : value)),
    subjects,
    or,
  );
}

/** Flips a bit of the element as it is stored. */
function flipped(
  name: string,
  tensor: string,
  index: number,
  bit: number,
  subjects = EVERYWHERE,
): Blunder {
  return {
    ...changed(
      name,
      "corrupt",
      one(tensor),
      (model, target) => {
        const isBf16 = model.get(target).dtype === "BF16";
        mapValues(model, target, (value, position) => {
          if (position !== index) return value;
          const bits = (isBf16 ? f32BitsToBf16 : f32BitsToF16)(f32Bits(value)) ^ (1 << bit);
          return fromBits((isBf16 ? bf16ToF32Bits : f16ToF32Bits)(bits));
        });
      },
      subjects,
    ),
  };
}

const NON_FINITE: readonly Blunder[] = [
  setOne("one NaN in q_proj of layer 1", "non-finite", proj(1, "q"), 77, () => Number.NaN),
  setOne(
    "an infinity in a norm",
    "non-finite",
    at(2, "input_layernorm.weight"),
    5,
    () => Number.POSITIVE_INFINITY,
  ),
  setOne("a NaN in lm_head", "non-finite", HEAD, 333, () => Number.NaN),
  setOne(
    "minus infinity in the embedding of the first token",
    "non-finite",
    EMBEDDINGS,
    70,
    () => Number.NEGATIVE_INFINITY,
    ["nano"],
  ),
  changed("a row of NaN in up_proj of layer 0", "non-finite", one(proj(0, "up")), (model, name) =>
    edit(model, name, (data, width) => data.fill(Number.NaN, 3 * width, 4 * width)),
  ),
];

/** Deterministic numbers in [−1, 1). */
function noise(index: number): number {
  return (Math.imul(index + 1, 2_654_435_761) >>> 0) / 2 ** 31 - 1;
}

const DAMAGE: readonly Blunder[] = [
  setOne(
    "an element of up_proj a thousandfold",
    "corrupt",
    proj(1, "up"),
    901,
    (value) => value * 1000,
  ),
  flipped("the highest exponent bit of an element of down_proj", proj(1, "down"), 450, 14),
  flipped("the sign of an element of o_proj", proj(0, "o"), 100, 15),
  flipped("the second exponent bit of an element of gate_proj", proj(2, "gate"), 333, 13),
  flipped("the highest exponent bit of an element of lm_head", HEAD, 5000, 14),
  flipped("an exponent bit of a norm", at(1, "post_attention_layernorm.weight"), 9, 12),
  flipped("the highest exponent bit of an element of a bias", proj(1, "v", "bias"), 7, 14, FULL),
  changed("a row of q_proj zeroed", "corrupt", one(proj(1, "q")), (model, name) =>
    edit(model, name, (data, width) => data.fill(0, 5 * width, 6 * width)),
  ),
  changed("a row of gate_proj zeroed", "corrupt", one(proj(2, "gate")), (model, name) =>
    edit(model, name, (data, width) => data.fill(0, 11 * width, 12 * width)),
  ),
  changed("the last quarter of v_proj zeroed", "corrupt", one(proj(0, "v")), (model, name) =>
    edit(model, name, (data) => data.fill(0, data.length * 0.75)),
  ),
  changed("the last tenth of down_proj zeroed", "corrupt", one(proj(1, "down")), (model, name) =>
    edit(model, name, (data) => data.fill(0, Math.floor(data.length * 0.9))),
  ),
  changed("a column of down_proj zeroed", "corrupt", one(proj(1, "down")), (model, name) =>
    mapValues(model, name, (value, index) =>
      index % (model.get(name).shape[1] ?? 1) === 20 ? 0 : value,
    ),
  ),
  changed("a column of q_proj zeroed", "corrupt", one(proj(2, "q")), (model, name) =>
    mapValues(model, name, (value, index) =>
      index % (model.get(name).shape[1] ?? 1) === 7 ? 0 : value,
    ),
  ),
  changed("o_proj of layer 1 zeroed", "corrupt", one(proj(1, "o")), (model, name) =>
    mapValues(model, name, () => 0),
  ),
  changed("a norm all ones", "corrupt", one(at(1, "input_layernorm.weight")), (model, name) =>
    mapValues(model, name, () => 1),
  ),
  changed(
    "rows 8 to 16 of up_proj repeat rows 0 to 8",
    "corrupt",
    one(proj(1, "up")),
    (model, name) => edit(model, name, (data, width) => data.copyWithin(8 * width, 0, 8 * width)),
    EVERYWHERE,
    // Beside the right tensor it is seen whose rows they are.
    ["duplicated"],
  ),
  changed(
    "the halves of down_proj exchanged",
    "corrupt",
    one(proj(1, "down")),
    (model, name) => {
      const source = model.get(name).data;
      edit(model, name, (data) => {
        data.set(source.subarray(data.length / 2), 0);
        data.set(source.subarray(0, data.length / 2), data.length / 2);
      });
    },
    EVERYWHERE,
    ["row-shifted", "rank-order"],
  ),
  changed(
    "the last fifth of up_proj is that of the layer before",
    "corrupt",
    one(proj(2, "up")),
    (model, name) => {
      const before = model.get(proj(1, "up")).data;
      edit(model, name, (data) => {
        const begin = Math.floor(data.length * 0.8);
        data.set(before.subarray(begin), begin);
      });
    },
  ),
  changed(
    "a stretch of 300 elements of k_proj is noise",
    "corrupt",
    one(proj(1, "k")),
    (model, name) =>
      mapValues(model, name, (value, index) =>
        index >= 200 && index < 500 ? noise(index) : value,
      ),
  ),
  changed("all of gate_proj is noise", "corrupt", one(proj(1, "gate")), (model, name) =>
    mapValues(model, name, (_value, index) => 0.2 * noise(index)),
  ),
  changed(
    "the embedding of a token in the prompts zeroed",
    "corrupt",
    one(EMBEDDINGS),
    (model, name) => edit(model, name, (data, width) => data.fill(0, width, 2 * width)),
  ),
  changed("ten rows of lm_head are noise", "corrupt", one(HEAD), (model, name) =>
    edit(model, name, (data, width) => {
      for (let index = 40 * width; index < 50 * width; index++) data[index] = noise(index);
    }),
  ),
  changed(
    "some elements of v_proj everywhere in it are others",
    "corrupt",
    one(proj(2, "v")),
    (model, name) =>
      mapValues(model, name, (value, index) => (index % 97 === 13 ? noise(index) : value)),
  ),
];

export const VALUE_BLUNDERS: readonly Blunder[] = [
  ...DTYPES,
  ...CASTS,
  ...MISSING,
  ...TIED,
  ...NON_FINITE,
  ...DAMAGE,
];
