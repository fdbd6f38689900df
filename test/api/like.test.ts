import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { openSafetensors } from "../../src/formats/safetensors/read.ts";
import { openFileSource } from "../../src/sources/file.ts";
import { caught } from "../support/caught.ts";
import { Noise } from "../support/noise.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-like-"));
const outputs = mkdtempSync(join(tmpdir(), "weighbridge-liked-"));
afterAll(() => {
  for (const place of [folder, outputs]) rmSync(place, { recursive: true, force: true });
});

/** Rows of a matrix, or the values of a vector as its only row. */
type Rows = readonly (readonly number[])[];
type Model = Readonly<Record<string, Rows>>;

const WIDTH = 24;
const noise = new Noise(7);
const drawn = (rows: number, columns = WIDTH, mean = 0): Rows =>
  Array.from({ length: rows }, () => noise.values(columns).map((value) => mean + value));

const BASE: Model = {
  "embed.weight": drawn(100),
  ...Object.fromEntries(
    [0, 1].flatMap((layer) => [
      ...["q", "k", "v"].flatMap((name): [string, Rows][] => [
        [`layers.${layer}.${name}.weight`, drawn(WIDTH)],
        // Biases begin as 0 in many models: their values tell nothing.
        [`layers.${layer}.${name}.bias`, [Array.from({ length: WIDTH }, () => 0)]],
      ]),
      [`layers.${layer}.norm.weight`, drawn(1, WIDTH, 1)],
    ]),
  ),
};

/** Trained further: every value moved by a tenth of its spread. */
const TUNED: Model = Object.fromEntries(
  Object.entries(BASE).map(([name, rows]) => [
    name,
    rows.map((row) => row.map((value) => value + (noise.values(1)[0] ?? 0) / 10)),
  ]),
);

const EMBEDDING = TUNED["embed.weight"] ?? [];

const across = (rows: Rows): Rows =>
  (rows[0] ?? []).map((_one, at) => rows.map((row) => row[at] ?? 0));

/** Rows of several matrices, a head's of each together. */
function heads(parts: readonly Rows[]): Rows {
  return [0, 1, 2].flatMap((head) => parts.flatMap((rows) => rows.slice(8 * head, 8 * head + 8)));
}

/** Another program's form: [in, out], queries, keys and values in one matrix, a head's rows together. */
function fused(model: Model): Model {
  const of = (name: string): Rows => model[name] ?? [];
  return {
    "tok.w": of("embed.weight"),
    ...Object.fromEntries(
      [0, 1].flatMap((layer): [string, Rows][] => {
        const parts = (key: string) =>
          ["q", "k", "v"].map((name) => of(`layers.${layer}.${name}.${key}`));
        const bias = heads(parts("bias").map(across));
        return [
          [`h.${layer}.ln.g`, of(`layers.${layer}.norm.weight`)],
          [`h.${layer}.qkv.weight`, across(heads(parts("weight")))],
          [`h.${layer}.qkv.bias`, across(bias)],
        ];
      }),
    ),
  };
}

async function written(name: string, model: Model): Promise<string> {
  const path = join(folder, `${name}.safetensors`);
  const tensors = Object.entries(model).map(([key, rows]) => ({
    name: key,
    dtype: "F32" as const,
    shape: /bias|norm|ln/.test(key) ? [rows[0]?.length ?? 0] : [rows.length, rows[0]?.length ?? 0],
    bytes: new Uint8Array(Float32Array.from(rows.flat()).buffer),
  }));
  await writeSafetensors(path, tensors, new Map());
  return path;
}

async function read(path: string): Promise<Readonly<Record<string, readonly number[]>>> {
  const checkpoint = await openSafetensors(await openFileSource(path));
  const values: [string, readonly number[]][] = [];
  for (const { name, source, byteOffset, shape } of checkpoint.tensors) {
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = await source.read(byteOffset, 4 * count);
    values.push([name, [...new Float32Array(bytes.slice().buffer)]]);
  }
  await checkpoint.close();
  return Object.fromEntries(values);
}

const flat = (model: Model) =>
  Object.fromEntries(
    Object.entries(model).map(([name, rows]) => [name, [...Float32Array.from(rows.flat())]]),
  );

describe("a model that was trained further", () => {
  it("gets the form that its base has, whatever was joined, transposed and put in another order", async () => {
    const [source, like] = [
      await written("tuned", TUNED),
      await written("base-fused", fused(BASE)),
    ];
    const target = join(outputs, "to-fused");
    const result = await convert(source, target, { like });
    expect(await read(join(target, "model.safetensors"))).toEqual(flat(fused(TUNED)));
    expect(result.notes).toContain(`made as ${like} is, by values that go together`);
  });

  it("gets it back", async () => {
    const [source, like] = [
      await written("tuned-fused", fused(TUNED)),
      await written("base", BASE),
    ];
    const target = join(outputs, "from-fused");
    await convert(source, target, { like });
    expect(await read(join(target, "model.safetensors"))).toEqual(flat(TUNED));
  });

  it("keeps words that it learned anew, and says so", async () => {
    const grown = { ...TUNED, "embed.weight": [...EMBEDDING, ...drawn(3)] };
    const [source, like] = [await written("grown", grown), await written("base-2", fused(BASE))];
    const target = join(outputs, "grown-out");
    const result = await convert(source, target, { like });
    expect(await read(join(target, "model.safetensors"))).toEqual(flat(fused(grown)));
    expect(result.notes.join("\n")).toContain(
      "embed.weight [103, 24] has another size than the base's",
    );
  });

  it.each([
    ["its first rows, fewer than half", EMBEDDING.slice(0, 34)],
    ["rows from all over it", EMBEDDING.filter((_row, at) => at % 2 === 1 || at > 90)],
    ["its rows in another order", EMBEDDING.slice(5, 60).toReversed()],
  ])("keeps a vocabulary that was cut to %s", async (name, kept) => {
    const cut = { ...TUNED, "embed.weight": kept };
    const [source, like] = [
      await written(`cut-${name}`, cut),
      await written(`base-${name}`, fused(BASE)),
    ];
    const target = join(outputs, `cut ${name}`);
    const result = await convert(source, target, { like });
    expect(await read(join(target, "model.safetensors"))).toEqual(flat(fused(cut)));
    expect(result.notes.join("\n")).toContain("has another size than the base's");
  });

  it("is refused where a table of fewer rows is another model's", async () => {
    const other = { ...TUNED, "embed.weight": drawn(34) };
    const [source, like] = [await written("another", other), await written("base-4", fused(BASE))];
    expect((await caught(() => convert(source, join(outputs, "another"), { like }))).code).toBe(
      "WB3713",
    );
  });

  it.each(["as stored", "transposed"])(
    "gets single matrices out of a stack of experts, %s",
    async (how) => {
      const experts = Object.fromEntries(
        [0, 1, 2].flatMap((expert) =>
          ["gate", "up", "down"].map((name): [string, Rows] => [
            `h.0.experts.${expert}.${name}`,
            drawn(16),
          ]),
        ),
      );
      const moved = Object.fromEntries(
        Object.entries(experts).map(([name, rows]) => [
          name,
          rows.map((row) => row.map((value) => value + (noise.values(1)[0] ?? 0) / 10)),
        ]),
      );
      const of = (name: string): Rows => moved[name] ?? [];
      const oriented = (rows: Rows): Rows => (how === "transposed" ? across(rows) : rows);
      const stacks = {
        "mlp.gate_up": [0, 1, 2].map((expert) =>
          oriented([...of(`h.0.experts.${expert}.gate`), ...of(`h.0.experts.${expert}.up`)]),
        ),
        "mlp.down": [0, 1, 2].map((expert) => oriented(of(`h.0.experts.${expert}.down`))),
      };
      const path = join(folder, `stacks-${how}.safetensors`);
      const tensors = Object.entries(stacks).map(([name, entries]) => ({
        name,
        dtype: "F32" as const,
        shape: [3, entries[0]?.length ?? 0, entries[0]?.[0]?.length ?? 0],
        bytes: new Uint8Array(Float32Array.from(entries.flat(2)).buffer),
      }));
      await writeSafetensors(path, tensors, new Map());
      const like = await written(`experts-${how}`, experts);
      const target = join(outputs, `experts-${how}`);
      const { tensors: made } = await convert(path, target, { like });
      expect(await read(join(target, "model.safetensors"))).toEqual(flat(moved));
      expect(made.find(({ to }) => to === "h.0.experts.2.up")?.from).toEqual(["mlp.gate_up"]);
    },
  );

  it("leaves out a second copy of what is tied, and has the base's config.json", async () => {
    const tied = { ...TUNED, "head.weight": EMBEDDING };
    const [source, like] = [await written("tied", tied), await written("base-3", fused(BASE))];
    writeFileSync(join(folder, "config.json"), '{"model_type":"of the base"}');
    const target = join(outputs, "tied-out");
    const result = await convert(source, target, { like });
    expect(result.dropped).toEqual([{ name: "head.weight", why: "the same as embed.weight" }]);
    expect(readFileSync(join(target, "config.json"), "utf8")).toContain("of the base");
    rmSync(join(folder, "config.json"));
  });
});

test.each([
  ["a tensor that the base has not", { ...TUNED, extra: drawn(5) }, fused(BASE), ["extra"]],
  ["a tensor that only the base has", TUNED, { ...fused(BASE), extra: drawn(5) }, ["extra"]],
  [
    "a matrix of another scale",
    { ...TUNED, "embed.weight": EMBEDDING.map((row) => row.map((one) => 3 * one)) },
    fused(BASE),
    ["tok.w", "embed.weight"],
  ],
] as const)("%s is named, and nothing is written", async (name, model, base, tensors) => {
  const key = name.replaceAll(" ", "-");
  const [source, like] = [await written(`s-${key}`, model), await written(`b-${key}`, base)];
  const target = join(outputs, `out-${key}`);
  const error = await caught(() => convert(source, target, { like }));
  expect(error.code).toBe("WB3713");
  expect(error.details).toMatchObject({ tensors });
  expect(existsSync(target)).toBe(false);
});

test("vectors that neither values nor names tell apart are refused", async () => {
  const ones: Rows = [Array.from({ length: WIDTH }, () => 1)];
  const base = { ...BASE, "norm.a.weight": ones, "norm.b.weight": ones };
  const tuned = { ...TUNED, "ln_1.weight": drawn(1, WIDTH, 8), "ln_2.weight": drawn(1, WIDTH, 8) };
  for (const name of ["ln_1.weight", "ln_2.weight"] as const)
    tuned[name] = tuned[name].map((row) => row.map((value) => value / 8));
  const [source, like] = [await written("ones", tuned), await written("ones-base", base)];
  const error = await caught(() => convert(source, join(outputs, "ones-out"), { like }));
  expect(error.code).toBe("WB3713");
  expect(error.message).toContain("norm.a.weight: several vectors are as like it");
});

test("--like says all of it: other words on the layout are refused", async () => {
  const [source, like] = [await written("one", TUNED), await written("other", fused(BASE))];
  const error = await caught(() =>
    convert(source, join(outputs, "no"), { like, layout: "paddle" }),
  );
  expect(error.code).toBe("WB2702");
  const rule = await caught(() =>
    convert(source, join(outputs, "no"), { like, selection: { drop: ["nothing.*"] } }),
  );
  expect(rule.code).toBe("WB2711");
});
