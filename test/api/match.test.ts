import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { match } from "../../src/api/match.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { parseMap } from "../../src/mapping/learned/map-file.ts";
import { parseStatement, renderStatement } from "../../src/mapping/learned/statement.ts";
import { diff } from "../../src/verify/diff.ts";
import { confirmed, sameValues } from "../../src/verify/match/confirm.ts";
import { fingerprint } from "../../src/verify/match/fingerprint.ts";
import { matchTensors } from "../../src/verify/match/match-tensors.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { memoryTensor } from "../support/memory-checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-match-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function grid(name: string, rows: readonly (readonly number[])[]): StoredTensor {
  const bytes = new Uint8Array(Float32Array.from(rows.flat()).buffer);
  return memoryTensor(name, "F32", [rows.length, rows[0]?.length ?? 0], bytes);
}

function vector(name: string, values: readonly number[]): StoredTensor {
  return memoryTensor(
    name,
    "F32",
    [values.length],
    new Uint8Array(Float32Array.from(values).buffer),
  );
}

function printsOf(tensors: readonly StoredTensor[]) {
  return Promise.all(tensors.map((tensor) => fingerprint(tensor)));
}

async function matched(left: readonly StoredTensor[], right: readonly StoredTensor[]) {
  const found = matchTensors(await printsOf(left), await printsOf(right));
  return { ...found, statements: found.statements.map(renderStatement) };
}

function across(rows: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return (rows[0] ?? []).map((_unused, column) => rows.map((row) => row[column] ?? 0));
}

const Q = [
  [1, 2, 3],
  [4, 5, 6],
];
const K = [
  [7, 8, 9],
  [10, 11, 12],
];

describe("two checkpoints of the same weights, by their values", () => {
  it("are related by names and transposes", async () => {
    const O = [
      [1.5, 2.5, 3.5, 4.5],
      [5.5, 6.5, 7.5, 8.5],
    ];
    const left = [grid("q.weight", Q), grid("k.weight", K), vector("q.bias", [1, 2]), grid("o", O)];
    const right = [
      grid("qk.weight", across([...Q, ...K])),
      vector("qk.bias", [1, 2, 3, 4]),
      grid("out", [
        [2.5, 1.5, 4.5, 3.5],
        [6.5, 5.5, 8.5, 7.5],
      ]),
    ];
    const found = await matched([...left, vector("k.bias", [3, 4])], right);
    expect(found.statements).toEqual([
      "q.weight, k.weight | qk.weight | concatenate to columns",
      "o | out | columns 0@1:1 0@0:2:3 0@2:1 to columns",
      "q.bias, k.bias | qk.bias | concatenate",
    ]);
    expect(found.unexplained).toEqual([]);
  });

  it("have ties, and what is nowhere is named", async () => {
    const found = await matched([grid("a", Q), grid("tied", Q), grid("c", K)], [grid("a", Q)]);
    expect(found.ties).toEqual([{ name: "tied", of: "a" }]);
    expect(found.unexplained).toEqual(["c"]);
  });
});

describe("what hashes say", () => {
  it("is held against the values", async () => {
    const prints = [await printsOf([grid("a", Q)]), await printsOf([grid("b", K)])] as const;
    // Hashes that are equal although the values are not.
    const other = prints[0].map((print) => ({ ...print, tensor: grid("b", K) }));
    const found = matchTensors(prints[0], other);
    expect(found.statements).toHaveLength(1);
    expect(await confirmed(found, prints, undefined)).toEqual({
      statements: [],
      ties: [],
      unexplained: ["a", "b"],
    });
  });

  it.each(["F16", "BF16"] as const)("is compared as %s has it", async (dtype) => {
    const wide = memoryTensor(
      "w",
      "F32",
      [2, 1],
      new Uint8Array(Float32Array.of(1, 1.00001).buffer),
    );
    const half = dtype === "F16" ? 0x3c00 : 0x3f80;
    const narrow = memoryTensor(
      "n",
      dtype,
      [2, 1],
      new Uint8Array(Uint16Array.of(half, half).buffer),
    );
    const sides = [assemblyOf(wholeView(wide)), assemblyOf(wholeView(narrow))] as const;
    expect(await sameValues(...sides, dtype)).toBe(true);
    expect(await sameValues(...sides, undefined)).toBe(false);
  });
});

test("a map that cannot be written leaves nothing behind", async () => {
  const place = join(folder, "taken");
  mkdirSync(join(place, "map.json", "full"), { recursive: true });
  const torch = join(FIXTURES, "internlm-tiny", "pytorch_model.bin");
  const error = await caught(() => match(torch, torch, { out: join(place, "map.json") }));
  expect(error.code).toBe("WB6002");
  expect(readdirSync(place)).toEqual(["map.json"]);
});

test("a map from one model converts another into the form of the first", async () => {
  const [paddle, torch] = ["model_state.pdparams", "pytorch_model.bin"].map((name) =>
    join(FIXTURES, "internlm-tiny", name),
  );
  const out = join(folder, "map.json");
  const selection = { drop: ["*.inv_freq"] };
  const found = await match(paddle ?? "", torch ?? "", { out, selection });
  expect(found.unexplained).toEqual([]);
  expect(parseMap(readFileSync(out, "utf8"), out).map(renderStatement)).toContain(
    "llama.layers.{i}.mlp.up_proj.weight | model.layers.{i}.mlp.up_proj.weight | transpose",
  );
  const target = join(folder, "converted");
  await convert(paddle ?? "", target, { map: out, selection });
  const compared = await diff(target, torch ?? "", { architecture: "none", selection });
  expect(compared.summary).toMatchObject({ differ: 0, onlyLeft: 0, onlyRight: 0 });
  const other = await caught(() => convert(torch ?? "", join(folder, "other"), { map: out }));
  expect(other.code).toBe("WB3712");
});

test("a map casts as the two checkpoints showed, unless another dtype is asked for", async () => {
  const source = join(FIXTURES, "pytorch-f32");
  const [rounded, made, kept] = ["rounded", "made", "kept"].map((name) => join(folder, name));
  const out = join(folder, "cast.json");
  await convert(source, rounded ?? "", { dtype: "BF16" });
  const { statements, notes } = await match(source, rounded ?? "", { out });
  expect(statements.map(({ cast }) => cast)).toEqual(statements.map(() => "BF16"));
  expect(notes.some((note) => note.startsWith("a map does not cast"))).toBe(false);
  await convert(source, made ?? "", { map: out });
  const { tensors } = await diff(made ?? "", rounded ?? "");
  expect(new Set(tensors.map((one) => one.class))).toEqual(new Set(["identical"]));
  const { tensors: unchanged } = await convert(source, kept ?? "", { map: out, dtype: "keep" });
  expect(new Set(unchanged.map(({ dtype }) => dtype))).toEqual(new Set(["F32"]));
  const like = await convert(source, join(folder, "like"), { like: rounded });
  expect(new Set(like.tensors.map(({ dtype }) => dtype))).toEqual(new Set(["F32"]));
  expect(like.notes.join()).toContain("they stay F32; --dtype casts them");
});

describe("a statement", () => {
  it.each([
    "a, b | c | concatenate",
    "a, b | c | concatenate transpose",
    "a | c | rows 0@0:32:2 0@1:32:2",
    "a | c | columns 0@4:2",
    "a.{i}, b.{i} | c.{i} | stack",
    "a, b | c | concatenate to columns",
    "a, b |  | tied",
    "a | c | columns 0@4:2 0@0:4 to columns",
    "a.{i} | c.{i} | transpose, cast to BF16",
    "a | c | columns 0@4:2 0@0:4 to columns, cast to F16",
  ])("is read as it is written: %s", (text) => {
    expect(renderStatement(parseStatement(text, "map.json"))).toBe(text);
  });

  it.each([
    "a | b",
    "a | b | shear",
    "a | b | rows",
    "a | b | rows 1",
    "| b | same",
    "a | b | same | c",
    "a | b | same to columns",
    "a | b | tied",
    "a | | tied",
    "a | b | same, cast to I8",
  ])("is refused: %s", async (text) => {
    expect((await caught(() => parseStatement(text, "map.json"))).code).toBe("WB3711");
  });
});
