import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { goldenScript } from "../../src/verify/golden/record.ts";
import { runCli } from "../support/cli.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { ORACLES } from "../support/oracles.ts";
import { PYTHON, runPython } from "../support/python.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-scripts-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Runs a printed script as a user does. */
async function record(framework: string, args: readonly string[]): Promise<void> {
  const script = join(work, `record-${framework}.py`);
  writeFileSync(script, await goldenScript(framework));
  const { status, stderr } = spawnSync(PYTHON, ["-W", "ignore", script, ...args], {
    encoding: "utf8",
    env: { ...process.env, HF_HUB_OFFLINE: "1" },
  });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
}

const IDS = ["--input-ids", "1,290,31,300", "--input-ids", "1,98,43,77,5,6,7"];

describe("what a printed script records", () => {
  test("from transformers fits the converted model, and the original files", async () => {
    const converted = join(work, "converted");
    expect(runCli("convert", join(FIXTURES, "internlm-tiny"), converted).status).toBe(0);
    const golden = join(work, "transformers.safetensors");
    await record("transformers", [converted, golden, ...IDS, "--prompt", "hello"]);
    for (const model of [converted, join(FIXTURES, "paddle-a"), join(FIXTURES, "pytorch-tar")]) {
      const { status, json } = runCli("verify", model, "--golden", golden);
      expect({ status, diagnosis: json["diagnosis"] }).toEqual({ status: 0, diagnosis: [] });
    }
    const other = runCli(
      "verify",
      join(FIXTURES, "pytorch-bf16"),
      "--golden",
      golden,
      "--no-diagnose",
    );
    expect(other.status).toBe(1);
  });

  test("from transformers fits experts, and encoders with the heads that they were saved with", async () => {
    const drawn = join(work, "drawn");
    runPython("draw_encoders.py", { folder: drawn, only: ["BertForSequenceClassification"] });
    for (const [name, folder] of [
      ["mixtral", join(FIXTURES, "mixtral")],
      ["UIE", join(drawn, "UIE")],
      ["BertForSequenceClassification", join(drawn, "BertForSequenceClassification")],
    ] as const) {
      const golden = join(work, `${name}.safetensors`);
      await record("transformers", [folder, golden, "--input-ids", "5,9,33,7", ...IDS.slice(2)]);
      const { json: held } = runCli("inspect", golden);
      const names = JSON.stringify(held["tensors"]);
      // Logits in float64 tell the golden's own error; only a decoder continues a prompt.
      expect(names).toContain('"prompt.1.logits_f64"');
      expect(names.includes('"prompt.0.greedy_ids"')).toBe(name === "mixtral");
      const { status, json } = runCli("verify", folder, "--golden", golden, "--max-abs", "1e-4");
      expect([name, status, json["verdict"], json["diagnosis"]]).toEqual([name, 0, "pass", []]);
    }
  });

  test.each(["internlm-tiny", "paddle-d", "paddle-bf16"])("from Paddle fits %s", async (name) => {
    const golden = join(work, `${name}.safetensors`);
    await record("paddle", [join(FIXTURES, name), golden, ...IDS]);
    const { status, json } = runCli("verify", join(FIXTURES, name), "--golden", golden);
    expect({ status, diagnosis: json["diagnosis"] }).toEqual({ status: 0, diagnosis: [] });
  });
});

describe("InternLM's own models", () => {
  test.each(
    ORACLES.flatMap((oracle) => [
      { ...oracle, file: "pytorch_model.bin" },
      { ...oracle, file: "model_state.pdparams" },
      ...(oracle.name === "nano" ? [{ ...oracle, file: "model_state.hf-layout.pdparams" }] : []),
    ]),
  )(
    "$name/$file fits its golden on native TensorFlow and on wasm, before and after conversion",
    ({ name, folder, golden, file }) => {
      const source = join(folder, file);
      const converted = join(work, `${name}-${file}`);
      expect(runCli("convert", source, converted).status).toBe(0);
      for (const device of ["cpu", "wasm"]) {
        for (const model of [source, converted]) {
          const { status, json } = runCli("verify", model, "--golden", golden, "--device", device);
          expect({ status, verdict: json["verdict"], device: json["device"] }).toEqual({
            status: 0,
            verdict: "pass",
            device,
          });
        }
      }
    },
  );
});
