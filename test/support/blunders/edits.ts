import type { EditableModel, FloatDtype } from "../editable-model.ts";

/** Sizes of a model, as its config.json has them. */
export interface Shape {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export function shapeOf({ config }: EditableModel): Shape {
  const number = (key: string, otherwise = Number.NaN): number => {
    const value = config[key];
    return typeof value === "number" ? value : otherwise;
  };
  const heads = number("num_attention_heads");
  return {
    layers: number("num_hidden_layers"),
    heads,
    kvHeads: number("num_key_value_heads", heads),
    headDim: number("hidden_size") / heads,
  };
}

export const at = (layer: number, rest: string): string => `model.layers.${layer}.${rest}`;

export const proj = (layer: number, letter: string, kind = "weight"): string =>
  at(layer, `${"qkvo".includes(letter) ? "self_attn" : "mlp"}.${letter}_proj.${kind}`);

/** Weight and, where the model has one, bias. */
export function both(model: EditableModel, layer: number, letter: string): readonly string[] {
  const names = new Set(model.names());
  return ["weight", "bias"]
    .map((kind) => proj(layer, letter, kind))
    .filter((name) => names.has(name));
}

export function everyLayer(model: EditableModel): readonly number[] {
  return Array.from({ length: shapeOf(model).layers }, (_unused, layer) => layer);
}

export function linears(model: EditableModel): readonly string[] {
  return model.names().filter((name) => name.endsWith("_proj.weight"));
}

/** Width of a row; 1 for a vector. */
export function widthOf(model: EditableModel, name: string): number {
  return model.get(name).shape[1] ?? 1;
}

export function heightOf(model: EditableModel, name: string): number {
  return model.get(name).shape[0] ?? 1;
}

/** Changes a copy of a tensor's values in place. */
export function edit(
  model: EditableModel,
  name: string,
  change: (data: Float32Array, width: number, height: number) => void,
): void {
  const tensor = model.get(name);
  const data = tensor.data.slice();
  change(data, widthOf(model, name), heightOf(model, name));
  model.set(name, { ...tensor, data });
}

export function mapValues(
  model: EditableModel,
  name: string,
  change: (value: number, index: number) => number,
): void {
  edit(model, name, (data) => data.set(data.map(change)));
}

/** Row i of the result is row order(i) of the tensor. */
export function reorderRows(
  model: EditableModel,
  name: string,
  order: (row: number, height: number) => number,
): void {
  const source = model.get(name).data;
  edit(model, name, (data, width, height) => {
    for (let row = 0; row < height; row++) {
      const from = order(row, height);
      data.set(source.subarray(from * width, (from + 1) * width), row * width);
    }
  });
}

export function transpose(model: EditableModel, name: string, keepsShape: boolean): void {
  const tensor = model.get(name);
  const [rows = 1, columns = 1] = tensor.shape;
  const data = Float32Array.from(
    { length: tensor.data.length },
    (_unused, index) => tensor.data[(index % rows) * columns + Math.floor(index / rows)] ?? 0,
  );
  model.set(name, { ...tensor, data, shape: keepsShape ? tensor.shape : [columns, rows] });
}

export function exchange(model: EditableModel, left: string, right: string): void {
  const [a, b] = [model.get(left), model.get(right)];
  model.set(left, b);
  model.set(right, a);
}

/** Rows of q, k and v one above the other, reordered and cut up again; `order` gives the old row of each new one. */
export function refuse(
  model: EditableModel,
  layer: number,
  kind: "weight" | "bias",
  order: (row: number, total: number) => number,
): void {
  const names = ["q", "k", "v"].map((letter) => proj(layer, letter, kind));
  const parts = names.map((name) => model.get(name));
  const width = parts[0]?.shape[1] ?? 1;
  const rows = parts.flatMap(({ data }) =>
    Array.from({ length: data.length / width }, (_unused, row) =>
      data.slice(row * width, (row + 1) * width),
    ),
  );
  let next = 0;
  for (const [index, name] of names.entries()) {
    const part = parts[index];
    if (part === undefined) throw new Error(name);
    const data = new Float32Array(part.data.length);
    for (let begin = 0; begin < data.length; begin += width)
      data.set(rows[order(next++, rows.length)] ?? [], begin);
    model.set(name, { ...part, data });
  }
}

/** What the bits of a dtype say when they are read as another, kept in a third. */
export function reread(
  model: EditableModel,
  name: string,
  decode: (bits: number) => number,
  encode: (value: number) => number,
  dtype: FloatDtype,
): void {
  const tensor = model.get(name);
  model.set(name, { ...tensor, data: tensor.data.map((value) => decode(encode(value))), dtype });
}

/** Every element in place of its nearest multiple of a step, `groupOf` naming which elements share one. */
export function quantize(
  model: EditableModel,
  name: string,
  levels: number,
  groupOf: (index: number, width: number) => number,
  isSigned = true,
): void {
  edit(model, name, (data, width) => {
    const groups = new Map<number, { low: number; high: number }>();
    for (const [index, value] of data.entries()) {
      const group = groups.get(groupOf(index, width)) ?? { low: Infinity, high: -Infinity };
      groups.set(groupOf(index, width), {
        low: Math.min(group.low, value),
        high: Math.max(group.high, value),
      });
    }
    for (const [index, value] of data.entries()) {
      const { low, high } = groups.get(groupOf(index, width)) ?? { low: 0, high: 0 };
      const step = isSigned ? Math.max(-low, high) / levels : (high - low) / (2 * levels + 1);
      const zero = isSigned ? 0 : Math.round(-low / step);
      data[index] = step === 0 ? 0 : (Math.round(value / step + zero) - zero) * step;
    }
  });
}

/** Rounds to a number of significant bits, with exponents from `lowest` on. */
export function roundTo(value: number, mantissa: number, lowest: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), lowest);
  const step = 2 ** (exponent - mantissa);
  return Math.round(value / step) * step;
}
