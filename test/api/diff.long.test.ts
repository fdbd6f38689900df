import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { diff } from "../../src/verify/diff.ts";
import { readEditable } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const TINY = join(FIXTURES, "internlm-tiny/pytorch_model.bin");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-diff-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("diff", () => {
  test.each([
    "paddle-a",
    "paddle-b",
    "paddle-c",
    "paddle-d",
    "paddle-e",
    "paddle-fused",
    "paddle-tp2",
    "pytorch-tar",
    "internlm-training",
  ])("finds %s identical to torch's own file, through names and layouts", async (name) => {
    const { same, summary, tensors } = await diff(join(FIXTURES, name), TINY);
    expect([same, summary.identical]).toEqual([true, tensors.length]);
    expect(tensors.length).toBe(42);
  });

  test("tells rounding to a coarser dtype from equal values and from differences", async () => {
    const wide = join(folder, "f32");
    const coarse = join(folder, "bf16");
    await convert(TINY, wide, { dtype: "F32" });
    await convert(TINY, coarse, { dtype: "BF16" });
    expect((await diff(wide, TINY)).summary).toMatchObject({ equalValues: 42, identical: 0 });
    const rounded = await diff(coarse, TINY);
    expect(rounded.same).toBe(true);
    expect(rounded.summary.withinTolerance).toBeGreaterThan(20);
    const worst = rounded.tensors[0];
    expect(worst?.maxRel).toBeLessThanOrEqual(2 ** -8);
    // Counted in the coarser dtype's last place.
    expect(worst?.ulp).toBe(0);
    const back = join(folder, "back");
    await convert(coarse, back, { dtype: "F16" });
    const lossy = await diff(back, TINY);
    expect([lossy.same, lossy.tensors[0]?.cause]).toEqual([false, "cast"]);
  });

  test("compares tensors that have another shape than config.json gives them, on both sides", async () => {
    const config = readFileSync(join(FIXTURES, "internlm-tiny/config.json"), "utf8");
    const model = await readEditable(TINY, config);
    const [left, right] = [join(folder, "shapes-a"), join(folder, "shapes-b")];
    await model.write(right);
    const name = "model.layers.1.mlp.up_proj.weight";
    const { shape, data } = model.get(name);
    model.set(name, { shape, data: data.map((value) => 2 * value) });
    await model.write(left);
    const other = config.replace(/"intermediate_size": \d+/, '"intermediate_size": 44');
    for (const path of [left, right]) writeFileSync(join(path, "config.json"), other);
    const { same, tensors } = await diff(left, right);
    expect([same, tensors.length, tensors[0]?.name]).toEqual([false, 42, name]);
    expect((await diff(right, right)).summary.identical).toBe(42);
  });

  test("says where a tensor first differs, by how much, and why; the worst first", async () => {
    const config = readFileSync(join(FIXTURES, "internlm-tiny/config.json"), "utf8");
    const model = await readEditable(TINY, config);
    const change = (name: string, at: number, value: number): void => {
      const { shape, data } = model.get(name);
      model.set(name, { shape, data: data.map((old, index) => (index === at ? value : old)) });
    };
    change("lm_head.weight", 70, 3);
    change("model.norm.weight", 3, 7);
    const path = join(folder, "changed");
    await model.write(path);
    const { same, summary, tensors, diagnosis } = await diff(path, TINY);
    expect([same, summary.differ, summary.identical]).toEqual([false, 2, 40]);
    expect(
      tensors.slice(0, 2).map(({ name, firstIndex, cause }) => [name, firstIndex, cause]),
    ).toEqual([
      ["model.norm.weight", 3, "corrupt"],
      ["lm_head.weight", 70, "corrupt"],
    ]);
    expect(diagnosis[0]?.tensors).toEqual(["model.norm.weight", "lm_head.weight"]);
    expect((await diff(path, TINY, { maxAbs: 10 })).same).toBe(true);
  });

  test("lists tensors that one side lacks, by name, and names missing biases", async () => {
    const config = readFileSync(join(FIXTURES, "internlm-tiny/config.json"), "utf8");
    const model = await readEditable(TINY, config);
    model.delete("model.layers.1.self_attn.k_proj.bias");
    const path = join(folder, "lacking");
    await model.write(path);
    const { same, summary, diagnosis } = await diff(path, TINY);
    expect([same, summary.onlyRight, diagnosis[0]?.cause]).toEqual([false, 1, "bias-missing"]);
    expect((await diff(TINY, path)).summary.onlyLeft).toBe(1);
  });

  test("without a config compares by stored names, as the tensors are stored", async () => {
    const { same, summary } = await diff(
      join(FIXTURES, "dtypes/everything.bin"),
      join(FIXTURES, "dtypes/everything.bin"),
    );
    expect([same, summary.differ]).toEqual([true, 0]);
    const none = await diff(TINY, join(FIXTURES, "paddle-a"), { architecture: "none" });
    expect([none.same, none.summary.identical]).toEqual([false, 0]);
  });
});
