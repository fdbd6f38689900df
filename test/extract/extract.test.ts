import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { diff } from "../../src/verify/diff.ts";
import { extract } from "../../src/api/extract.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { caught } from "../support/caught.ts";
import { Noise } from "../support/noise.ts";
import { runInProcess } from "../support/cli-in-process.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-extract-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const noise = new Noise(77);

interface Values {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
type Model = Readonly<Record<string, Values>>;

function drawn(...shape: readonly number[]): Values {
  return { shape, values: noise.values(shape.reduce((product, size) => product * size, 1)) };
}

/** The values, moved by a matrix of rank 2. */
function moved({ shape, values }: Values): Values {
  const [rows = 0, columns = 0] = shape;
  const [a, b, c, d] = [rows, rows, columns, columns].map((count) => noise.values(count));
  const change = (at: number): number => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return 0.1 * ((a?.[row] ?? 0) * (c?.[column] ?? 0) + (b?.[row] ?? 0) * (d?.[column] ?? 0));
  };
  return { shape, values: values.map((value, at) => value + change(at)) };
}

function shifted({ shape, values }: Values): Values {
  return { shape, values: values.map((value) => value + 0.5) };
}

async function written(name: string, model: Model): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  const tensors = Object.entries(model).map(([tensor, { shape, values }]) => ({
    name: tensor,
    dtype: "F32" as const,
    shape,
    bytes: new Uint8Array(Float32Array.from(values).buffer),
  }));
  await writeSafetensors(join(path, "model.safetensors"), tensors, new Map([["format", "pt"]]));
  return path;
}

const BASE: Model = {
  "tokens.embedding.weight": drawn(30, 12),
  "layers.0.q.weight": drawn(20, 12),
  "layers.0.q.bias": drawn(20),
  "layers.0.out.weight": drawn(12, 20),
  "layers.0.norm.weight": drawn(12),
  "layers.1.q.weight": drawn(20, 12),
  "layers.1.q.bias": drawn(20),
  "layers.1.out.weight": drawn(12, 20),
  "layers.1.norm.weight": drawn(12),
  gate: drawn(1),
};

function changed(
  model: Model,
  how: (values: Values) => Values,
  ...names: readonly string[]
): Model {
  const all = Object.entries(model).map(([name, values]): [string, Values] => [
    name,
    names.includes(name) ? how(values) : values,
  ]);
  return Object.fromEntries(all);
}

const TUNED = changed(BASE, moved, "layers.0.q.weight", "layers.1.q.weight", "layers.1.out.weight");
const base = await written("base", BASE);
const tuned = await written("tuned", TUNED);

describe("an extracted adapter", () => {
  it("gives the tuned model back, within the error that it states", async () => {
    const target = join(folder, "adapter");
    const result = await extract(base, tuned, target, { rank: 2 });
    expect(result.factors.map(({ name }) => name)).toEqual([
      "layers.0.q.weight",
      "layers.1.out.weight",
      "layers.1.q.weight",
    ]);
    expect(result.error).toBeLessThan(1e-6);
    expect(result).toMatchObject({ rank: 2, whole: [], left: [], unchanged: 7 });
    await convert(base, join(folder, "again"), { lora: target });
    const again = await diff(join(folder, "again"), tuned, { maxAbs: 1e-6 });
    expect(again.same).toBe(true);
    const config: unknown = JSON.parse(readFileSync(join(target, "adapter_config.json"), "utf8"));
    // All modules called q are changed, of those called out only one.
    expect(config).toMatchObject({
      target_modules: ["layers.1.out", "q"],
      r: 2,
      lora_alpha: 2,
      modules_to_save: null,
      bias: "none",
      fan_in_fan_out: false,
    });
  });

  it("of a rank that is too small leaves a part of each change, and says how much", async () => {
    const { factors, error } = await extract(base, tuned, join(folder, "small"), { rank: 1 });
    expect(factors).toHaveLength(3);
    for (const one of factors) {
      expect(one.error).toBeGreaterThan(0.1);
      expect(one.error).toBeLessThan(Math.SQRT1_2);
    }
    expect(error).toBeGreaterThan(Math.min(...factors.map((one) => one.error)));
    expect(error).toBeLessThan(Math.max(...factors.map((one) => one.error)));
  });

  it("holds norms, tables and biases whole where that was asked for", async () => {
    const rest = ["layers.0.norm.weight", "layers.1.q.bias", "tokens.embedding.weight"];
    const other = await written("rest", changed(TUNED, shifted, ...rest));
    const refused = await caught(() => extract(base, other, join(folder, "refused"), { rank: 2 }));
    expect(refused.code).toBe("WB4708");
    for (const name of rest) expect(refused.message).toContain(name);
    expect(existsSync(join(folder, "refused"))).toBe(false);
    const target = join(folder, "whole");
    const saved = await extract(base, other, target, { rank: 2, rest: "save" });
    expect(saved.whole.toSorted()).toEqual(rest);
    const { checkpoint } = await openCheckpoint(target);
    const names = checkpoint.tensors.map(({ name }) => name);
    await checkpoint.close();
    expect(names.filter((name) => !name.includes("lora_")).toSorted()).toEqual([
      "base_model.model.layers.0.norm.weight",
      "base_model.model.layers.1.q.base_layer.bias",
      "base_model.model.tokens.embedding.weight",
    ]);
    await convert(base, join(folder, "whole-again"), { lora: target });
    expect((await diff(join(folder, "whole-again"), other, { maxAbs: 1e-6 })).same).toBe(true);
    const left = await extract(base, other, join(folder, "left"), { rank: 2, rest: "leave" });
    expect(left.left.map(({ name }) => name).toSorted()).toEqual(rest);
    expect(left.whole).toEqual([]);
  });

  it("cannot hold a parameter that is of no module of its own", async () => {
    const other = await written("gate", changed(TUNED, shifted, "gate"));
    const how = { rank: 2, rest: "save" } as const;
    const refused = await caught(() => extract(base, other, join(folder, "no-gate"), how));
    expect([refused.code, refused.message]).toEqual(["WB4708", expect.stringContaining("gate")]);
  });
});

test("what is no version of the base is refused with the tensors that tell", async () => {
  const { gate: _gate, ...rest } = TUNED;
  const other = await written("other", {
    ...rest,
    "layers.0.norm.weight": drawn(13),
    more: drawn(2),
  });
  const refused = await caught(() => extract(base, other, join(folder, "none"), { rank: 2 }));
  expect(refused.code).toBe("WB3715");
  for (const part of ["gate: only", "more: only", "layers.0.norm.weight: [12] in the base, [13]"])
    expect(refused.message).toContain(part);
  const same = await caught(() => extract(base, base, join(folder, "none"), { rank: 2 }));
  expect(same.code).toBe("WB2715");
  const norms = await written("norms", changed(BASE, shifted, "layers.0.norm.weight"));
  const nothing = await caught(() => extract(base, norms, join(folder, "none"), { rank: 2 }));
  expect(nothing.message).toContain("layers.0.norm.weight");
  const infinite = changed(
    TUNED,
    ({ shape, values }) => ({ shape, values: values.map(() => Infinity) }),
    "gate",
  );
  const wild = await written("wild", infinite);
  expect(
    (await caught(() => extract(base, wild, join(folder, "none"), { rank: 2 }))).message,
  ).toContain("gate");
  expect(existsSync(join(folder, "none"))).toBe(false);
});

test("a folder that holds files is kept, and so are the checkpoints that are read", async () => {
  const full = join(folder, "full");
  mkdirSync(full);
  writeFileSync(join(full, "notes.txt"), "mine");
  expect((await caught(() => extract(base, tuned, full, { rank: 2 }))).code).toBe("WB2901");
  expect((await caught(() => extract(base, tuned, tuned, { rank: 2, force: true }))).code).toBe(
    "WB2902",
  );
  await extract(base, tuned, full, { rank: 2, force: true });
  expect(readFileSync(join(full, "notes.txt"), "utf8")).toBe("mine");
});

test("the command says what it wrote and what is left, in both languages", async () => {
  const args = ["extract", base, tuned, join(folder, "told"), "--rank", "1"];
  const { status, stdout } = await runInProcess(args);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^rank 1: factors of 3 weights, /);
  expect(stdout).toMatch(
    /error 0\.\d+ of the change; the largest is that of layers\.\d\.\w+\.weight, 0\.\d+/,
  );
  expect(stdout).toContain("not changed: 7 tensors");
  const chinese = await runInProcess([...args, "--force", "--lang", "zh"]);
  expect(chinese.stdout).toMatch(/^秩 1：3 个权重的因子/);
  expect(chinese.stdout).toContain("未改变：7 个张量");
  expect((await runInProcess(args.slice(0, 4))).status).toBe(2);
});
