import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { match } from "../../src/api/match.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { parseStatement, renderStatement } from "../../src/mapping/learned/statement.ts";
import { diff } from "../../src/verify/diff.ts";
import { caught } from "../support/caught.ts";
import { Noise } from "../support/noise.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-axes-"));
const outputs = mkdtempSync(join(tmpdir(), "weighbridge-axes-made-"));
afterAll(() => {
  for (const place of [folder, outputs]) rmSync(place, { recursive: true, force: true });
});

interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
type Model = Readonly<Record<string, Values>>;

const noise = new Noise(53);

function drawn(...shape: readonly number[]): Values {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, values: Float32Array.from(noise.values(count)) };
}

/** The values with the axes in another order, by their indices. */
function reordered({ shape, values }: Values, order: readonly number[]): Values {
  const wanted = order.map((axis) => shape[axis] ?? 0);
  const made = Float32Array.from(values, (_unused, at) => {
    const index: number[] = [];
    let rest = at;
    for (const size of wanted.toReversed()) {
      index.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    const own = shape.map((_size, axis) => index[order.indexOf(axis)] ?? 0);
    const from = own.reduce((sum, one, axis) => sum * (shape[axis] ?? 0) + one, 0);
    return values[from] ?? Number.NaN;
  });
  return { shape: wanted, values: made };
}

async function written(name: string, model: Model): Promise<string> {
  const path = join(folder, `${name}.safetensors`);
  const tensors = Object.entries(model).map(([tensor, { shape, values }]) => ({
    name: tensor,
    dtype: "F32" as const,
    shape,
    bytes: new Uint8Array(values.buffer),
  }));
  await writeSafetensors(path, tensors, new Map());
  return path;
}

function network(): Model {
  return {
    "conv.weight": drawn(6, 5, 3, 3),
    "down.weight": drawn(4, 4, 4, 4),
    "line.weight": drawn(7, 3, 2),
    "deep.weight": drawn(2, 3, 1, 4, 5),
    "conv.bias": drawn(6),
  };
}

const ORDERS: Readonly<Record<string, readonly number[]>> = {
  "conv.weight": [2, 3, 1, 0],
  "down.weight": [0, 3, 1, 2],
  "line.weight": [2, 1, 0],
  "deep.weight": [0, 3, 4, 2, 1],
};

function otherForm(of: Model): Model {
  const all = Object.entries(of).map(([name, values]): [string, Values] => {
    const order = ORDERS[name];
    return [name, order === undefined ? values : reordered(values, order)];
  });
  return Object.fromEntries(all);
}

test("convolutions whose axes stand in another order are told by their values, and made by the map", async () => {
  const [one, two] = [network(), network()];
  const left = await written("left", one);
  const right = await written("right", otherForm(one));
  const out = join(folder, "map.json");
  const { unexplained, tensors } = await match(left, right, { out });
  expect(unexplained).toEqual([]);
  const operations = new Map(tensors.map((tensor) => [tensor.right[0], tensor.operation]));
  expect(operations.get("conv.weight")).toBe("axes 2 3 1 0");
  expect(operations.get("down.weight")).toBe("axes 0 3 1 2");
  expect(operations.get("conv.bias")).toBe("same");
  await convert(await written("other", two), join(outputs, "made"), { map: out });
  const wanted = await written("wanted", otherForm(two));
  expect((await diff(join(outputs, "made"), wanted)).same).toBe(true);
});

function layers(): Model {
  return Object.fromEntries([0, 1, 2].map((layer) => [`l.${layer}.norm.weight`, drawn(9)]));
}

function stacked(of: Model): Model {
  const values = Float32Array.from(Object.values(of).flatMap((one) => [...one.values]));
  return { "norms.scale": { shape: [3, 9], values } };
}

test("vectors that are stacked over layers are told, and made by the map", async () => {
  const [one, two] = [layers(), layers()];
  const out = join(folder, "stacked.json");
  const found = await match(await written("layers", one), await written("stacked", stacked(one)), {
    out,
  });
  expect(found.unexplained).toEqual([]);
  expect(found.tensors.map(({ operation }) => operation)).toEqual(["stack"]);
  const source = await written("other-layers", two);
  await convert(source, join(outputs, "stacked"), { map: out });
  const wanted = await written("wanted-stack", stacked(two));
  expect((await diff(join(outputs, "stacked"), wanted)).same).toBe(true);
});

test("the same values in an order that no order of axes gives stay unexplained", async () => {
  const one = network();
  const values = one["conv.weight"]?.values.toReversed() ?? new Float32Array(0);
  const other = { ...one, "conv.weight": { shape: [6, 5, 3, 3], values } };
  const { unexplained } = await match(await written("a", one), await written("b", other));
  expect(new Set(unexplained)).toEqual(new Set(["conv.weight"]));
});

test("statements name every axis once", async () => {
  const text = "a.w | b.w | axes 2 0 1, cast to BF16";
  expect(renderStatement(parseStatement(text, "map.json"))).toBe(text);
  for (const wrong of ["axes", "axes 1 0", "axes 0 1 1", "axes 0 1 3", "axes 0 x 1"])
    expect((await caught(() => parseStatement(`a | b | ${wrong}`, "map.json"))).code).toBe(
      "WB3711",
    );
});
