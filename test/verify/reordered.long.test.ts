import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VerifyOptions } from "../../src/verify/result.ts";
import { verify } from "../../src/verify/run.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const RIGHT = join(FIXTURES, "internlm-tiny");
const MLP = "model.layers.1.mlp.";
let folder = "";
let model: EditableModel;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-reordered-"));
  const config = readFileSync(join(RIGHT, "config.json"), "utf8");
  model = await readEditable(join(RIGHT, "pytorch_model.bin"), config);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Another order of 88 rows that has no pattern. */
const order = (row: number): number => (row * 37 + 11) % 88;

function rowsReordered(edited: EditableModel, name: string): void {
  const { shape, data, ...rest } = edited.get(name);
  const width = shape[1] ?? 1;
  const moved = new Float32Array(data.length);
  for (let row = 0; row < (shape[0] ?? 0); row++)
    moved.set(data.subarray(order(row) * width, (order(row) + 1) * width), row * width);
  edited.set(name, { shape, data: moved, ...rest });
}

function columnsReordered(edited: EditableModel, name: string): void {
  const { shape, data, ...rest } = edited.get(name);
  const width = shape[1] ?? 1;
  const moved = data.map((_value, at) => data[at - (at % width) + order(at % width)] ?? 0);
  edited.set(name, { shape, data: moved, ...rest });
}

async function against(
  name: string,
  edit: (edited: EditableModel) => void,
  options: VerifyOptions = {},
) {
  const edited = model.copy();
  edit(edited);
  const path = join(folder, name);
  await edited.write(path);
  const prompts = [{ kind: "ids" as const, ids: [1, 5, 9, 200, 7, 31] }];
  const { verdict, comparisons } = await verify(path, {
    other: RIGHT,
    device: "wasm",
    prompts,
    ...options,
  });
  return { verdict, comparison: comparisons[0] };
}

test("a feed-forward network whose inner dimensions stand in another order throughout computes the same", async () => {
  const { verdict, comparison } = await against("network", (edited) => {
    rowsReordered(edited, `${MLP}gate_proj.weight`);
    rowsReordered(edited, `${MLP}up_proj.weight`);
    columnsReordered(edited, `${MLP}down_proj.weight`);
  });
  expect([verdict, comparison?.diagnosis]).toEqual(["pass", []]);
  expect(comparison?.weights?.harmless.join()).toMatch(/up_proj.*in one other order/);
});

test("rows of one of its matrices alone are a mistake", async () => {
  const { verdict, comparison } = await against("gate", (edited) =>
    rowsReordered(edited, `${MLP}gate_proj.weight`),
  );
  expect([verdict, comparison?.diagnosis[0]?.cause]).toEqual(["fail", "rank-order"]);
});

test("a tolerance that hides what they do makes them no less of one", async () => {
  const { verdict, comparison } = await against(
    "tolerated",
    (edited) => rowsReordered(edited, `${MLP}gate_proj.weight`),
    { maxAbs: 1000 },
  );
  expect([verdict, comparison?.parity?.passes]).toEqual(["fail", true]);
  expect(comparison?.diagnosis[0]?.cause).toBe("rank-order");
});

test("embeddings of tokens that no prompt has, in another order, are a mistake though all logits agree", async () => {
  const { verdict, comparison } = await against("tokens", (edited) => {
    const { shape, data, ...rest } = edited.get("model.embed_tokens.weight");
    const moved = Float32Array.from(data);
    for (let row = 376; row < 384; row++)
      moved.set(data.subarray((759 - row) * 32, (760 - row) * 32), row * 32);
    edited.set("model.embed_tokens.weight", { shape, data: moved, ...rest });
  });
  expect([verdict, comparison?.parity?.passes]).toEqual(["fail", true]);
});

function scale(edited: EditableModel, name: string, factor: number): void {
  const { data, ...rest } = edited.get(name);
  edited.set(name, { ...rest, data: data.map((value) => factor * value) });
}

test("a factor that is taken back behind it computes the same, and one that is not is a mistake", async () => {
  const values = "model.layers.1.self_attn.v_proj";
  const both = await against("values", (edited) => {
    for (const suffix of ["weight", "bias"]) scale(edited, `${values}.${suffix}`, 2);
    scale(edited, "model.layers.1.self_attn.o_proj.weight", 0.5);
  });
  expect([both.verdict, both.comparison?.diagnosis]).toEqual(["pass", []]);
  const one = await against("one", (edited) => scale(edited, `${values}.weight`, 2));
  expect([one.verdict, one.comparison?.diagnosis[0]?.cause]).toEqual(["fail", "scaled"]);
});
