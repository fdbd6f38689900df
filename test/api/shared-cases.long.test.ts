import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { check } from "../../src/api/check.ts";
import { convert, type ConvertOptions } from "../../src/api/convert.ts";
import { diff } from "../../src/verify/diff.ts";
import { generate } from "../../src/api/generate.ts";
import { scan } from "../../src/api/scan.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

/** Small files of public reports, rebuilt with the real libraries; beside a checkout where the project is worked on. */
const CASES = join(import.meta.dirname, "../../../shared/cases");
const scratch = mkdtempSync(join(tmpdir(), "weighbridge-cases-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const at = (path: string): string => join(CASES, path);
let count = 0;
const fresh = (): string => join(scratch, `${count++}`);

/** The input, the options, and the tensors that must be written (their number, or their names), with those transposed. */
const CONVERTED: readonly (readonly [
  string,
  ConvertOptions,
  number | readonly string[],
  number,
])[] = [
  ["convert/shards", {}, ["a", "b"], 0],
  ["convert/pdshards", {}, ["a", "b"], 0],
  ["convert/folders/noindex", {}, 42, 0],
  ["convert/folders/zero", {}, 42, 0],
  ["convert/folders/dcp", {}, 42, 0],
  ["convert/zero", {}, ["a"], 0],
  ["convert/zero16", {}, ["a"], 0],
  ["convert/paddle-torch-pair/square.pdparams", { to: "pytorch" }, 4, 2],
  ["convert/paddle-torch-pair/m.pdparams", { to: "pytorch" }, 11, 2],
  ["convert/npmix.pt", {}, ["w", "b"], 0],
  ["convert/orig_mod.pt", {}, ["fc.weight", "fc.bias"], 0],
  ["convert/plain.pt", {}, ["fc.weight", "fc.bias"], 0],
  ["convert/kohya.safetensors", {}, ["lora_unet_x.lora_down.weight"], 0],
  ["convert/f4.safetensors", { to: "pytorch" }, ["w"], 0],
  ["convert/f4.pt", {}, ["w"], 0],
  ["convert/c32.pt", { to: "pytorch" }, 1, 0],
  ["convert/script.pt", {}, ["fc.weight", "fc.bias"], 0],
  ["convert/names/both.pt", { selection: { select: "." } }, 2, 0],
  ["convert/tutorial.tar", {}, ["w"], 0],
  ["convert/basicsr.pth", { selection: { dataOnly: true } }, ["w"], 0],
  ["convert/ns.pth", { selection: { dataOnly: true } }, ["w"], 0],
  ["convert/yolox-1906.pth", { selection: { dataOnly: true } }, ["w"], 0],
  ["convert/xtuner-mmengine.pth", { selection: { dataOnly: true } }, ["llm.model.norm.weight"], 0],
  ["convert/quantised/fp8", { dequantize: "BF16" }, 42, 0],
  ["convert/quantised/gptq", { dequantize: "BF16" }, 42, 0],
  ["families/pf_llama", {}, 21, 14],
];

/** The input, the options and the code of the refusal. */
const REFUSED: readonly (readonly [string, ConvertOptions, string])[] = [
  ["convert/metadata.pt", {}, "WB4903"],
  ["convert/c32.pt", {}, "WB4901"],
  ["convert/names/both.pt", {}, "WB3310"],
  ["convert/names/hoistclash.pt", {}, "WB3310"],
  ["convert/ns.pth", {}, "WB5201"],
  ["convert/paddle-torch-pair/m.bin", { to: "paddle" }, "WB2713"],
  ["convert/quantised/fp8", {}, "WB4703"],
  ["convert/quantised/gptq", {}, "WB4703"],
  ["families/qwen2-square-paddle", {}, "WB2701"],
];

const WRAPPERS = ["orig_mod", "fsdp", "lit", "peft", "msd", "ema", "trainer_state", "opt", "vhead"];

describe.skipIf(!existsSync(CASES))(
  "cases of public reports (skipped where they are not there)",
  () => {
    test.each(CONVERTED)("%s is converted with %j", async (path, options, wanted, transposed) => {
      const { tensors, verified } = await convert(at(path), fresh(), options);
      const names = tensors.map(({ to }) => to);
      expect(typeof wanted === "number" ? names.length : names).toEqual(wanted);
      expect(tensors.filter(({ action }) => action === "transpose")).toHaveLength(transposed);
      expect(verified).toBe(true);
    });

    test.each(REFUSED)("%s is refused with %j: %s", async (path, options, code) => {
      const target = fresh();
      expect((await caught(() => convert(at(path), target, options))).code).toBe(code);
      expect(existsSync(target)).toBe(false);
    });

    test.each([
      ...WRAPPERS.map((name) => [name, {}] as const),
      ["args", { dataOnly: true }] as const,
    ])("wrapper %s is the same model", async (name, selection) => {
      const model = join(FIXTURES, "internlm-tiny/pytorch_model.bin");
      const { same } = await diff(at(`convert/wrappers/${name}`), model, { selection });
      expect(same).toBe(true);
    });

    test("scales of a quantised matrix keep their dtype", async () => {
      const { tensors } = await convert(at("convert/bnb.safetensors"), fresh(), { dtype: "BF16" });
      const scales = tensors.filter(({ to }) => /absmax|quant_map/.test(to));
      expect(scales.map(({ dtype }) => dtype)).toEqual(["F32", "F32"]);
    });

    test("texts of a header are kept", async () => {
      const target = fresh();
      await convert(at("convert/kohya.safetensors"), target);
      const { checkpoint } = await openCheckpoint(target);
      await checkpoint.close();
      expect([...checkpoint.metadata.keys()].some((key) => key.startsWith("ss_"))).toBe(true);
    });

    test("tensors that one side has once are tied, and a transposed stack is named", async () => {
      const tied = await diff(at("convert/tied.pt"), at("convert/tied-once.safetensors"));
      expect(tied.same).toBe(true);
      const experts = await diff(at("convert/exp_a.safetensors"), at("convert/exp_b.safetensors"));
      expect([experts.same, JSON.stringify(experts)]).toEqual([
        false,
        expect.stringContaining("transpos"),
      ]);
    });

    test("a folder without an index is whole, and a program is judged by what it is", async () => {
      expect((await check(at("convert/folders/noindex"))).problems).toEqual([]);
      const { verdict, globals } = await scan(at("convert/script.pt"));
      expect(verdict === "unsafe" && globals.length === 0).toBe(false);
    });

    test("Paddle's layout is not called torch's", async () => {
      const target = fresh();
      await convert(at("families/qwen2-square-paddle"), target, { architecture: "none" });
      const { checkpoint } = await openCheckpoint(target);
      await checkpoint.close();
      expect(checkpoint.metadata.get("format")).not.toBe("pt");
    });

    test("a tokenizer.json alone is enough to generate", async () => {
      const { results } = await generate(at("families/llama_bpe"), {
        prompts: [{ kind: "text", text: "hello" }],
        maxNewTokens: 2,
        device: "wasm",
      });
      expect(results[0]?.ids.length).toBeGreaterThan(0);
    });
  },
);
