import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { prove } from "../../src/verify/prove.ts";
import { evidenceOf } from "../../src/verify/report/evidence.ts";
import { proofStatement } from "../../src/verify/report/proof-statement.ts";
import { verify } from "../../src/verify/run.ts";
import { readEditable } from "../support/editable-model.ts";
import { ORACLE_FOLDER } from "../support/oracles.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures");
const GEMMA = join(FIXTURES, "gemma");
const QUANTISED = join(FIXTURES, "gguf/gemma-q8_0.gguf");
const NANO = join(ORACLE_FOLDER, "nano");
const NAME = "blk.1.ffn_up.weight";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-prove-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A copy with one bit of one byte of a tensor's block changed; the byte counts from the tensor's first. */
async function tampered(at: number): Promise<{ readonly path: string; readonly begin: number }> {
  const { checkpoint } = await openCheckpoint(QUANTISED);
  const tensor = checkpoint.tensors.find(({ name }) => name === NAME);
  await checkpoint.close();
  const begin = tensor?.quantised?.begin ?? Number.NaN;
  const path = join(folder, `tampered-${at}.gguf`);
  const bytes = readFileSync(QUANTISED);
  bytes.writeUInt8(bytes.readUInt8(begin + at) ^ 1, begin + at);
  writeFileSync(path, bytes);
  return { path, begin };
}

describe("prove", () => {
  it("passes what llama.cpp's converter quantised, to the byte", async () => {
    const result = await prove(QUANTISED, GEMMA, { bytes: true });
    expect(result).toMatchObject({
      verdict: "pass",
      blocks: { rounded: 0, unexplained: 0 },
      failures: [],
    });
    expect(result.blocks.identical).toBe(result.blocks.total);
    expect(result.plain.length).toBeGreaterThan(0);
  });

  it("names the block, and its byte, where one bit was changed", async () => {
    const { path, begin } = await tampered(34 * 3 + 5);
    const result = await prove(path, GEMMA);
    expect(result.verdict).toBe("fail");
    expect(result.unexplained).toEqual([{ tensor: NAME, block: 3, offset: begin + 34 * 3 }]);
    const { predicate, subject } = proofStatement(result, await evidenceOf(result));
    expect(predicate.result).toBe("FAILED");
    expect(predicate.failedTests).toEqual(["every block is explained by the original"]);
    expect(subject.map(({ name }) => name)).toEqual([path]);
  });

  it("names a setting that the metadata has otherwise", async () => {
    const other = join(folder, "other-setting");
    const model = await readEditable(
      join(GEMMA, "model.safetensors"),
      readFileSync(join(GEMMA, "config.json"), "utf8"),
    );
    model.config["rms_norm_eps"] = 1e-3;
    await model.write(other);
    const result = await prove(QUANTISED, other);
    expect(result.blocks.unexplained).toBe(0);
    expect(result.diagnosis.map(({ cause }) => cause)).toContain("config-mismatch");
    expect(result.verdict).toBe("fail");
  });

  it("does not take another original", async () => {
    const other = join(folder, "other-weights");
    const model = await readEditable(
      join(GEMMA, "model.safetensors"),
      readFileSync(join(GEMMA, "config.json"), "utf8"),
    );
    for (const name of model.names()) {
      const values = model.get(name);
      model.set(name, { ...values, data: values.data.map((value) => value * 1.01) });
    }
    await model.write(other);
    const result = await prove(QUANTISED, other);
    expect(result.verdict).toBe("fail");
    expect(result.blocks.unexplained).toBeGreaterThan(0.9 * result.blocks.total);
  });
});

describe("verify of a quantised file", () => {
  it("passes where rounding explains every block, and tells what it costs", async () => {
    for (const [left, right, side] of [
      [QUANTISED, GEMMA, "model"],
      [GEMMA, QUANTISED, "other"],
    ] as const) {
      const result = await verify(left, { other: right, device: "wasm" });
      expect(result).toMatchObject({ verdict: "pass", diagnosis: [] });
      const [comparison] = result.comparisons;
      expect(comparison?.quantisation).toMatchObject({
        side,
        blocks: { unexplained: 0 },
        settings: { passes: true },
      });
      expect(comparison?.quantisation?.kl).toBeGreaterThan(0);
      expect(comparison?.quantisation?.layers.map(({ layer }) => layer)).toEqual([null, 0, 1]);
    }
  });

  it("fails for one changed bit, and names the block", async () => {
    const { path } = await tampered(34 * 3 + 5);
    const result = await verify(path, { other: GEMMA, device: "wasm" });
    expect(result.verdict).toBe("fail");
    expect(result.diagnosis.map(({ cause }) => cause)).toEqual(["corrupt"]);
    expect(result.diagnosis[0]?.evidence).toMatch(/; 1 of \d+ Q8_0 blocks are not explained/u);
  });

  it("fails where the metadata has another setting, though every block is explained", async () => {
    const source = join(folder, "nano");
    const model = await readEditable(
      join(NANO, "pytorch_model.bin"),
      readFileSync(join(NANO, "config.json"), "utf8"),
    );
    model.config["rope_theta"] = 500;
    await model.write(source);
    await convert(source, join(folder, "nano-gguf"), { to: "gguf", quantize: "Q4_0" });
    const file = join(folder, "nano-gguf/model.gguf");
    copyFileSync(file, join(folder, "nano.gguf"));
    const result = await verify(join(folder, "nano.gguf"), {
      other: join(NANO, "pytorch_model.bin"),
      device: "wasm",
    });
    expect(result.verdict).toBe("fail");
    expect(result.diagnosis.map(({ cause }) => cause)).toEqual(["config-mismatch"]);
    expect(result.comparisons[0]?.quantisation?.blocks.unexplained).toBe(0);
  });
});
