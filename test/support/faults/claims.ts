import { withAxes } from "../../../src/verify/relate/axis-order.ts";
import { createHash } from "node:crypto";
import {
  bf16ToF32Bits,
  f16ToF32Bits,
  f32Bits,
  f32BitsToBf16,
  f32BitsToF16,
} from "../../../src/tensor/float-bits.ts";
import type { Claim, Statement } from "../../../src/verify/relate/claim.ts";
import type { EditableModel, Values } from "../editable-model.ts";

/** What a claim is looked up in. */
export interface Sides {
  readonly ours: EditableModel;
  readonly reference: EditableModel;
}

/** Whether what is claimed is so, computed anew from both sides, element by element. */
export function isTrue(claim: Claim, { ours, reference }: Sides): boolean {
  if (claim.kind === "places")
    return claim.held.every((layer, place) =>
      holdsLayer(ours, reference, place, layer, layer === place ? undefined : claim.modules),
    );
  if (claim.kind === "twin")
    return same(get(ours, claim.tensor).data, get(ours, claim.of ?? "").data);
  if (claim.kind === "shared-run") {
    const [own, other] = [get(ours, claim.tensor).data, get(ours, claim.of ?? "").data];
    return same(own.subarray(claim.begin, claim.end), other.subarray(claim.begin, claim.end));
  }
  const names = claim.tensor.split(" ");
  const others = (claim.of ?? claim.tensor).split(" ");
  const rounded = (values: Values): Values => inDtype(values, claim.in);
  return holds(claim, rounded(joined(ours, names)), rounded(joined(reference, others)));
}

function inDtype({ shape, data }: Values, dtype: Claim["in"]): Values {
  if (dtype === undefined) return { shape, data };
  const [to, from] =
    dtype === "BF16" ? [f32BitsToBf16, bf16ToF32Bits] : [f32BitsToF16, f16ToF32Bits];
  const bits = new Uint32Array(data.length);
  for (const [index, value] of data.entries()) bits[index] = from(to(f32Bits(value)));
  return { shape, data: new Float32Array(bits.buffer) };
}

function joined(model: EditableModel, names: readonly string[]): Values {
  const parts = names.map((name) => get(model, name));
  const [first] = parts;
  if (first === undefined || parts.length === 1)
    return first ?? { shape: [], data: new Float32Array(0) };
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  return {
    shape: [rows, ...first.shape.slice(1)],
    data: Float32Array.from(parts.flatMap(({ data }) => [...data])),
  };
}

/** Tied models store their head as the embeddings. */
function get(model: EditableModel, name: string): Values {
  return model.get(model.names().includes(name) ? name : "model.embed_tokens.weight");
}

function holdsLayer(
  ours: EditableModel,
  reference: EditableModel,
  place: number,
  layer: number,
  modules: readonly string[] | undefined,
): boolean {
  const prefix = `model.layers.${place}.`;
  return ours
    .names()
    .filter((name) => name.startsWith(prefix))
    .filter((name) => modules?.includes(name.replace(prefix, "model.layers.{i}.")) ?? true)
    .every((name) =>
      same(ours.get(name).data, reference.get(name.replace(prefix, `model.layers.${layer}.`)).data),
    );
}

function same(left: Float32Array, right: Float32Array): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}

function holds(claim: Statement, ours: Values, other: Values): boolean {
  const [rows = 1, columns = 1] = ours.shape;
  const [otherRows = 1] = other.shape;
  const width = ours.data.length / rows;
  const value = (index: number): number => ours.data[index] ?? Number.NaN;
  const right = (index: number): number => other.data[index] ?? Number.NaN;
  const every = (test: (index: number) => boolean): boolean =>
    ours.data.every((_value, index) => test(index));
  switch (claim.kind) {
    case "equal":
      return same(ours.data, other.data);
    case "transposed":
      return every(
        (index) =>
          value(index) ===
          right(
            (index % otherRows) * (other.data.length / otherRows) + Math.floor(index / otherRows),
          ),
      );
    case "order": {
      const { order, axis } = claim;
      if (axis === "rows")
        return (
          order.length === rows &&
          every(
            (index) =>
              value(index) ===
              right((order[Math.floor(index / width)] ?? -1) * width + (index % width)),
          )
        );
      return (
        order.length === columns &&
        every(
          (index) =>
            value(index) === right(index - (index % columns) + (order[index % columns] ?? -1)),
        )
      );
    }
    case "axis-order": {
      const inner = other.shape.slice(claim.axis + 1).reduce((size, one) => size * one, 1);
      const count = other.shape[claim.axis] ?? 1;
      return every((index) => {
        const place = Math.floor(index / inner) % count;
        return value(index) === right(index + ((claim.order[place] ?? -1) - place) * inner);
      });
    }
    case "axes-in-row":
      return same(ours.data, withAxes(other, claim.axes).data);
    case "part-order": {
      const part = columns / claim.parts;
      return every(
        (index) =>
          value(index) ===
          right((claim.order[Math.floor(index / part)] ?? -1) * part + (index % part)),
      );
    }
    case "shift":
      return every((index) => {
        const [row, column] = [Math.floor(index / width), index % width];
        const { begin, end, by, filled } = claim;
        if (row >= begin && row < end) return value(index) === right(index + by * width);
        if (filled === undefined || row < filled.begin || row >= filled.end)
          return value(index) === right(index);
        if (filled.row === "own") return true;
        return value(index) === (filled.row === undefined ? 0 : right(filled.row * width + column));
      });
    case "linear":
      return every((index) => {
        const made = claim.factor * right(index) + claim.offset;
        return (
          Math.abs(value(index) - made) <=
          claim.slack * (Math.abs(made) + 2 * Math.abs(claim.offset)) * 1.001 + leastStep(claim)
        );
      });
    case "factors":
      return every((index) => {
        const byRow = claim.rows?.[Math.floor(index / width)] ?? 1;
        const byColumn = claim.columns?.[index % width] ?? 1;
        const made = byRow * byColumn * right(index);
        return (
          Math.abs(value(index) - made) <= claim.slack * Math.abs(made) * 1.001 + leastStep(claim)
        );
      });
    case "codes":
      return (
        every(
          (index) =>
            isSteps(value(index), claim.step) &&
            Math.abs(value(index)) <= claim.largest * claim.step * 1.00001,
        ) &&
        areScaled(
          ours.data.map((stored) => Math.round(stored / claim.step)),
          other.data,
          claim.group,
        )
      );
    case "codes-with-zero":
      return areOnLines(ours.data, other.data, claim.group, claim.zero);
    case "bits":
      return every(
        (index) =>
          (value(index) & 0xffff) ===
          (claim.dtype === "BF16" ? f32BitsToBf16 : f32BitsToF16)(f32Bits(right(index))),
      );
    case "low-rank":
      return rankOf(ours, other, claim.unit) === claim.rank;
    case "near": {
      const sum = (term: (index: number) => number): number =>
        ours.data.reduce((total, _value, index) => total + term(index), 0);
      const share = Math.sqrt(
        sum((index) => (value(index) - right(index)) ** 2) / sum((index) => right(index) ** 2),
      );
      return Math.abs(share - claim.share) <= 1e-6 * share;
    }
    case "stretch":
      return every((index) => {
        const isInside = index >= claim.begin && index < claim.end;
        if (!isInside) return value(index) === right(index);
        return claim.value === undefined || value(index) === claim.value;
      });
    case "differing": {
      const found = [...ours.data.keys()].filter((index) => value(index) !== right(index));
      return (
        found.length === claim.count && claim.first.every((index, place) => found[place] === index)
      );
    }
    case "zero-lines": {
      const lines = new Set(claim.lines);
      return every((index) => {
        const line = claim.axis === "rows" ? Math.floor(index / width) : index % columns;
        return lines.has(line) ? value(index) === 0 : value(index) === right(index);
      });
    }
    case "non-finite":
      return ours.data.filter((one) => !Number.isFinite(one)).length === claim.count;
    case "constant":
      return every((index) => value(index) === claim.value);
    case "zero-lines-here": {
      const lines = new Set(Array.from({ length: claim.axis === "rows" ? rows : columns }).keys());
      for (const [index, one] of ours.data.entries())
        if (one !== 0)
          lines.delete(claim.axis === "rows" ? Math.floor(index / width) : index % columns);
      return [...lines].join() === claim.lines.join();
    }
    case "zero-run":
      return ours.data.subarray(claim.begin, claim.end).every((one) => one === 0);
    case "far-out": {
      const usual = ours.data.map(Math.abs).toSorted()[Math.floor(0.98 * ours.data.length)] ?? 0;
      return claim.elements.every((index) => Math.abs(value(index)) >= 200 * usual);
    }
    case "whole":
      return every(
        (index) =>
          isSteps(value(index), claim.step) &&
          Math.abs(value(index)) <= claim.largest * claim.step * 1.00001,
      );
    case "grid":
      return fitsGrid(ours, claim.grid);
    case "rounded":
      return every((index) => {
        const round = claim.dtype === "BF16" ? f32BitsToBf16 : f32BitsToF16;
        return round(f32Bits(value(index))) === round(f32Bits(right(index)));
      });
    case "restored": {
      // Heads that are stored once each and repeated: the right side has the tensor in another shape.
      if (other.data.length !== ours.data.length) return true;
      const bytes = new Uint8Array(other.data.slice().buffer);
      const digest = createHash("sha256")
        .update(`${other.shape.join("x")}:`)
        .update(bytes);
      return digest.digest("hex") === claim.sha256;
    }
    case "in-rows":
      return holds(claim.statement, rowsOf(ours, claim.rows), rowsOf(other, claim.others));
    case "shifted-rows": {
      const found = Array.from({ length: rows }, (_value, row) => row).filter(
        (row) =>
          row + claim.distance >= 0 &&
          row + claim.distance < rows &&
          same(rowsOf(ours, [row + claim.distance]).data, rowsOf(other, [row]).data),
      );
      return found.length >= claim.atLeast;
    }
    case "rows-differ": {
      const differ = Array.from({ length: rows }, (_value, row) => row).filter(
        (row) => !same(rowsOf(ours, [row]).data, rowsOf(other, [row]).data),
      );
      return claim.all
        ? differ.length > 0 && differ.every((row) => claim.rows.includes(row))
        : claim.rows.every((row) => differ.includes(row));
    }
    case "drawn": {
      // Two thirds of normal draws are within their size, and each row has about as much as the others.
      const within = ours.data.filter((one) => Math.abs(one) <= claim.size).length;
      const sizes = Array.from({ length: rows }, (_value, row) =>
        rowsOf(ours, [row]).data.reduce((sum, one) => sum + one * one, 0),
      );
      const isEven = Math.max(...sizes) / Math.min(...sizes) < 6;
      return Math.abs(within / ours.data.length - 0.683) < 0.03 && isEven;
    }
    case "repeated-lines": {
      const lines = claim.axis === "rows" ? ours : transposed(ours);
      return claim.lines.every((line, index) =>
        same(rowsOf(lines, [line]).data, rowsOf(lines, [claim.like[index] ?? -1]).data),
      );
    }
    case "padded":
      return (
        rows - otherRows === claim.rows &&
        other.data.every((one, index) => value(index) === one) &&
        (claim.fill !== "zeros" || ours.data.subarray(other.data.length).every((one) => one === 0))
      );
    case "reversed":
      return holds(claim.statement, other, ours);
    case "of-transposed":
      return holds(
        claim.statement,
        { ...transposed({ ...ours, shape: [columns, rows] }), shape: other.shape },
        other,
      );
    case "of-order": {
      const lines = claim.axis === "rows" ? other : transposed(other);
      const taken = rowsOf(lines, claim.order);
      return holds(claim.statement, ours, claim.axis === "rows" ? taken : transposed(taken));
    }
    case "axes": {
      const strides = claim.axes.map((axis) =>
        other.shape.slice(axis + 1).reduce((product, size) => product * size, 1),
      );
      return every((index) => {
        let [rest, from] = [index, 0];
        for (let axis = claim.axes.length - 1; axis >= 0; axis--) {
          const size = ours.shape[axis] ?? 1;
          from += (rest % size) * (strides[axis] ?? 0);
          rest = Math.floor(rest / size);
        }
        return value(index) === right(from);
      });
    }
    case "places":
    case "twin":
    case "shared-run":
      return false;
    default:
      return claim satisfies never;
  }
}

function transposed({ shape, data }: Values): Values {
  const [rows = 1, columns = 1] = shape;
  const flipped = Float32Array.from(
    data,
    (_value, index) => data[(index % rows) * columns + Math.floor(index / rows)] ?? 0,
  );
  return { shape: [columns, rows], data: flipped };
}

function rowsOf({ shape, data }: Values, rows: readonly number[]): Values {
  const width = data.length / (shape[0] ?? 1);
  const chosen = rows.flatMap((row) => [...data.subarray(row * width, (row + 1) * width)]);
  return { shape: [rows.length, ...shape.slice(1)], data: Float32Array.from(chosen) };
}

/** Bits that a number format leaves; for integers, how many values a scale's worth of elements has at most. */
function fitsGrid({ shape, data }: Values, grid: string): boolean {
  if (grid === "bfloat16") return data.every((value) => (f32Bits(value) & 0xffff) === 0);
  if (grid === "8-bit float") return data.every((value) => (f32Bits(value) & 0xfffff) === 0);
  const most = /int4|16 values/.test(grid) ? 16 : 256;
  const columns = shape[1] ?? data.length;
  // Few values in each run that may share a scale, whichever they are.
  return [data.length, columns, 256, 128, 64, 32, 16].some((size) => {
    for (let begin = 0; begin < data.length; begin += size)
      if (new Set(data.subarray(begin, begin + size)).size > most + 1) return false;
    return true;
  });
}

/** Whether each group has one factor, by the median of its quotients. */
/** What a half dtype is off by below float16's normal numbers. */
function leastStep({ slack }: { readonly slack: number }): number {
  return slack === 2 ** -7 ? 2 ** -24 : 0;
}

/** Whether a value is a whole number of steps. */
function isSteps(value: number, step: number): boolean {
  const steps = value / step;
  return Math.abs(steps - Math.round(steps)) <= 1e-6 * Math.max(1, Math.abs(steps));
}

function areScaled(codes: Float32Array, values: Float32Array, group: number): boolean {
  for (let begin = 0; begin < codes.length; begin += group) {
    const part = [...values.subarray(begin, begin + group).keys()].map((index) => begin + index);
    const largest = part.reduce(
      (best, index) => (Math.abs(values[index] ?? 0) > Math.abs(values[best] ?? 0) ? index : best),
      begin,
    );
    // A code is within half a step of its value, so that the largest tells the factor to half a code.
    const factor = (codes[largest] ?? 0) / (values[largest] ?? 1);
    const slack = 0.55 + 0.55;
    if (
      !part.every((index) => Math.abs((codes[index] ?? 0) - factor * (values[index] ?? 0)) <= slack)
    )
      return false;
  }
  return true;
}

/** Whether whole numbers of each group are on a line of its values: that of least squares is not the best, and may be off by a step. */
function areOnLines(
  codes: Float32Array,
  values: Float32Array,
  group: number,
  zero: number | undefined,
): boolean {
  for (let begin = 0; begin < codes.length; begin += group) {
    const [y, x] = [codes, values].map((data) => data.subarray(begin, begin + group));
    if (x === undefined || y === undefined) return false;
    const mean = (data: Float32Array): number => data.reduce((sum, one) => sum + one, 0) / group;
    const [left, right] = zero === undefined ? [mean(x), mean(y)] : [0, zero];
    let [products, squares] = [0, 0];
    for (const [index, one] of x.entries()) {
      products += (one - left) * ((y[index] ?? 0) - right);
      squares += (one - left) ** 2;
    }
    const isOff = (one: number, index: number): boolean =>
      Math.abs((y[index] ?? 0) - right - (products / squares) * (one - left)) > 1.1;
    if (x.some(isOff)) return false;
  }
  return true;
}

/** The rank of the difference by Gauss with full pivoting, but for what is small beside rounding. */
function rankOf(ours: Values, other: Values, unit: number): number {
  const [rows = 1, columns = 1] = ours.shape;
  const rest = Float64Array.from(ours.data, (value, index) => value - (other.data[index] ?? 0));
  const spread = Math.sqrt(
    ours.data.reduce((sum, value) => sum + value * value, 0) / ours.data.length,
  );
  // Energy that is left, against what rounding of every element makes.
  const negligible =
    ours.data.length * (2 * unit * spread) ** 2 + ours.data.length * (2 ** -22 * spread) ** 2;
  for (let rank = 0; rank <= Math.min(rows, columns); rank++) {
    const energy = rest.reduce((sum, value) => sum + value * value, 0);
    if (energy <= negligible) return rank;
    deflate(rest, rows, columns);
  }
  return -1;
}

function deflate(rest: Float64Array, rows: number, columns: number): void {
  let right = new Float64Array(columns).map((_value, index) => 1 + (index % 7));
  for (let step = 0; step < 200; step++) {
    const left = new Float64Array(rows).map((_value, row) =>
      right.reduce((sum, value, column) => sum + value * (rest[row * columns + column] ?? 0), 0),
    );
    const next = new Float64Array(columns).map((_value, column) =>
      left.reduce((sum, value, row) => sum + value * (rest[row * columns + column] ?? 0), 0),
    );
    const length = Math.hypot(...next) || 1;
    right = next.map((value) => value / length);
  }
  for (let row = 0; row < rows; row++) {
    let dot = 0;
    for (let column = 0; column < columns; column++)
      dot += (rest[row * columns + column] ?? 0) * (right[column] ?? 0);
    for (let column = 0; column < columns; column++)
      rest[row * columns + column] =
        (rest[row * columns + column] ?? 0) - dot * (right[column] ?? 0);
  }
}
