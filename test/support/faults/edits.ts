import type { EditableModel, Values } from "../editable-model.ts";
import type { Base } from "./bases.ts";

export const EMBED = "model.embed_tokens.weight";
export const HEAD = "lm_head.weight";
export const QKV = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"] as const;
export const LINEARS = [
  ...QKV,
  "self_attn.o_proj",
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.gate_up_proj",
  "mlp.down_proj",
] as const;

export const at = (layer: number, name: string): string => `model.layers.${layer}.${name}`;

/** Names of a module's weight, and of its bias where there is one, in some layers; in all when none is given. */
export function of(
  model: EditableModel,
  base: Base,
  modules: readonly string[],
  suffixes: readonly string[] = ["weight", "bias"],
  layers: readonly number[] = count(base.spec.layers),
): readonly string[] {
  const known = new Set(model.names());
  return layers
    .flatMap((layer) =>
      modules.flatMap((module) => suffixes.map((suffix) => at(layer, `${module}.${suffix}`))),
    )
    .filter((name) => known.has(name));
}

export function count(length: number): readonly number[] {
  return Array.from({ length }, (_unused, index) => index);
}

export function edit(
  model: EditableModel,
  names: readonly string[],
  work: (values: Values, name: string) => Values,
): readonly string[] {
  for (const name of names) {
    const values = model.get(name);
    model.set(name, { dtype: values.dtype ?? "F16", ...work(values, name) });
  }
  return names;
}

/** Row i of the result is row order[i]. */
export function rows({ shape, data, dtype }: Values, order: readonly number[]): Values {
  const width = data.length / (shape[0] ?? 1);
  const result = new Float32Array(order.length * width);
  for (const [to, from] of order.entries())
    result.set(data.subarray(from * width, (from + 1) * width), to * width);
  return {
    shape: [order.length, ...shape.slice(1)],
    data: result,
    ...(dtype === undefined ? {} : { dtype }),
  };
}

export function columns(values: Values, order: readonly number[]): Values {
  return transpose(rows(transpose(values), order));
}

export function transpose({ shape, data, dtype }: Values): Values {
  const [height = 1, width = 1] = shape;
  const result = Float32Array.from(
    data,
    (_value, index) => data[(index % height) * width + Math.floor(index / height)] ?? 0,
  );
  return { shape: [width, height], data: result, ...(dtype === undefined ? {} : { dtype }) };
}

/** The transposed numbers under the shape as it was: what a reshape in the place of a transposition gives. */
export function reshapedTranspose(values: Values): Values {
  return { ...transpose(values), shape: values.shape };
}

export function mapped(values: Values, make: (value: number, index: number) => number): Values {
  return { ...values, data: values.data.map((value, index) => make(value, index)) };
}

export function exchange(
  model: EditableModel,
  pairs: readonly (readonly [string, string])[],
): readonly string[] {
  for (const [left, right] of pairs) {
    const [one, other] = [model.get(left), model.get(right)];
    model.set(left, other);
    model.set(right, one);
  }
  return pairs.flat();
}

/** Two modules' weights and biases under each other's name, in some layers. */
export function exchangeModules(
  model: EditableModel,
  base: Base,
  left: string,
  right: string,
  layers?: readonly number[],
): readonly string[] {
  const names = of(model, base, [left], undefined, layers);
  return exchange(
    model,
    names.map((name) => [name, name.replace(left, right)] as const),
  );
}

/** Each place takes the tensors of another layer of the model as it was; -1 leaves a place as it is. */
export function reorderLayers(
  model: EditableModel,
  held: readonly number[],
  only: (name: string) => boolean = () => true,
): readonly string[] {
  const before = model.copy();
  const wrong: string[] = [];
  for (const [place, source] of held.entries()) {
    if (source === place) continue;
    const prefix = `model.layers.${place}.`;
    for (const name of model.names().filter((one) => one.startsWith(prefix) && only(one))) {
      model.set(name, before.get(name.replace(prefix, `model.layers.${source}.`)));
      wrong.push(name);
    }
  }
  return wrong;
}

/** Row numbers of heads of pairs (2j, 2j + 1), where halves (j, j + d/2) were: the inverse of what a converter from Meta's does. */
export function toPairs(heads: number, headDim: number): readonly number[] {
  return count(heads * headDim).map((row) => {
    const [head, index] = [Math.floor(row / headDim), row % headDim];
    return head * headDim + (index % 2) * (headDim / 2) + Math.floor(index / 2);
  });
}

export function toHalves(heads: number, headDim: number): readonly number[] {
  const pairs = toPairs(heads, headDim);
  const order = [...pairs];
  for (const [to, from] of pairs.entries()) order[from] = to;
  return order;
}

/** Several tensors one above the other, taken apart again after their rows were put in another order. */
export function cutAnew(
  model: EditableModel,
  names: readonly string[],
  order: (total: number) => readonly number[],
): readonly string[] {
  const parts = names.map((name) => model.get(name));
  const [first] = parts;
  if (first === undefined) return [];
  const total = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let begin = 0;
  for (const part of parts) {
    data.set(part.data, begin);
    begin += part.data.length;
  }
  const moved = rows({ ...first, shape: [total, ...first.shape.slice(1)], data }, order(total));
  let from = 0;
  for (const [index, name] of names.entries()) {
    const part = parts[index];
    if (part === undefined) continue;
    model.set(name, { ...part, data: moved.data.slice(from, from + part.data.length) });
    from += part.data.length;
  }
  return names;
}

export function blocks(order: readonly number[], size: number): readonly number[] {
  return order.flatMap((block) => count(size).map((index) => block * size + index));
}
