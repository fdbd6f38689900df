import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { nameOf } from "../../src/cli/command.ts";
import { configSchema } from "../../src/cli/config-schema.ts";
import { describeCommand } from "../../src/cli/describe.ts";
import { runCli, type CliRun } from "../support/cli.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { isRecord } from "../support/is-record.ts";
import { compileSchema, readSchema } from "../support/json-schema.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures");
const TINY = join(FIXTURES, "internlm-tiny");
const IDS = ["--input-ids", "1,7,42", "--device", "wasm"];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-schemas-"));
  const broken = join(folder, "broken");
  mkdirSync(broken);
  copyFileSync(join(TINY, "config.json"), join(broken, "config.json"));
  const whole = readFileSync(join(TINY, "pytorch_model.bin"));
  writeFileSync(join(broken, "pytorch_model.bin"), whole.subarray(0, whole.length - 100));
  // The pickle of Python's os.system("id"): named, never run.
  writeFileSync(
    join(folder, "evil.bin"),
    "\u0080\u0002cos\nsystem\nX\u0002\0\0\0id\u0085R.",
    "latin1",
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROWS = ["T", "--data", join(FIXTURES, "evaluation/data"), "--device", "wasm"];
const ASKED = [...ROWS, "--tasks", "race/high"];

/** What is run for each command; "@" stands for the scratch folder, "T" for the small model, "@/last.json" for what was printed before. */
const RUNS: readonly (readonly [status: number, ...words: string[]])[] = [
  [0, "inspect", "T/pytorch_model.bin"],
  [0, "inspect", join(FIXTURES, "paddle-tp2")],
  [0, "inspect", join(FIXTURES, "pytorch-views")],
  [3, "inspect", "@/nothing"],
  [0, "check", "T"],
  [3, "check", "@/broken"],
  [0, "scan", "T/pytorch_model.bin"],
  [5, "scan", "@/evil.bin"],
  [0, "convert", "T", "@/dry", "--dry-run"],
  [0, "convert", "T/model_state.pdparams", "@/converted"],
  [0, "convert", "T/model_state.pdparams", "@/sum", "--delta", "T/pytorch_model.bin"],
  [2, "convert", "T", "@/converted", "--dtype", "F8"],
  [0, "diff", "T/pytorch_model.bin", "@/converted"],
  [1, "diff", "T/pytorch_model.bin", join(FIXTURES, "pytorch-gqa"), "--architecture", "none"],
  [
    0,
    "match",
    "T/pytorch_model.bin",
    "T/model_state.pdparams",
    "--drop",
    "*.inv_freq",
    "--out",
    "@/map.json",
  ],
  [1, "match", "T/pytorch_model.bin", join(FIXTURES, "pytorch-gqa")],
  [2, "extract", "T/pytorch_model.bin", "T/model_state.pdparams", "@/adapter", "--rank", "2"],
  [0, "golden", "record", "@/converted", "--out", "@/golden.safetensors", ...IDS],
  [0, "golden", "script", "--framework", "transformers"],
  [
    0,
    "verify",
    "@/converted",
    "T/pytorch_model.bin",
    "--golden",
    "@/golden.safetensors",
    "--device",
    "wasm",
  ],
  [0, "attest", "@/last.json"],
  [0, "prove", join(FIXTURES, "gguf/gemma-q8_0.gguf"), join(FIXTURES, "gemma")],
  [1, "prove", join(FIXTURES, "gguf/gemma-q8_0.gguf"), join(FIXTURES, "gemma2")],
  [
    0,
    "verify",
    join(FIXTURES, "gguf/gemma-q4_0-imatrix.gguf"),
    join(FIXTURES, "gemma"),
    "--imatrix",
    join(FIXTURES, "gguf/imatrix.gguf"),
    "--device",
    "wasm",
  ],
  [1, "verify", "@/converted", "T/pytorch_model.bin", "--max-abs=-1", ...IDS],
  [0, "generate", "T", "--max-new-tokens", "3", ...IDS],
  [0, "generate", "T", "--chat", "--prompt", "hello", "--max-new-tokens", "3"],
  [0, "chat", "T", "--device", "wasm"],
  [3, "serve", "@/nothing"],
  [
    0,
    "eval",
    "T",
    "--data",
    join(FIXTURES, "evaluation/data"),
    "--tasks",
    "commonsenseqa,race/high",
    "--limit",
    "1",
    "--device",
    "wasm",
  ],
  [
    0,
    "eval",
    "T/model_state.pdparams",
    "T/pytorch_model.bin",
    "--data",
    join(FIXTURES, "evaluation/data"),
    "--tasks",
    "race/high",
    "--limit",
    "1",
    "--device",
    "wasm",
  ],
  [2, "eval", "T", "--data", "@/nothing", "--tasks", "mmlu/astrology"],
  [0, "eval", ...ASKED, "--limit", "1", "--markdown", "@/eval.md"],
  [0, "eval", "table", "@/last.json", "--markdown", "@/table.md"],
  [0, "eval", ...ASKED, "--plan", "@/plan.json"],
  [0, "eval", ...ROWS, "--plan", "@/plan.json", "--part", "1/2"],
  [0, "eval", ...ROWS, "--plan", "@/plan.json", "--part", "2/2"],
  [0, "eval", ...ROWS, "--plan", "@/plan.json", "--finish"],
  [0, "eval", "script", "--framework", "opencompass"],
  [0, "logits", "T", ...IDS],
  [0, "explain"],
  [2, "explain", "WB0000"],
  [0, "doctor"],
  [0, "demo", "--device", "wasm"],
  [0, "native", "status"],
  [0, "config", "print", "--all"],
  [0, "completion", "fish"],
  [2, "convert"],
];

/** In this process, but for what reads stdin. */
async function runJson(...args: readonly string[]): Promise<CliRun> {
  if (args[0] === "chat") return runCli(...args);
  const { status, stdout, stderr } = await runInProcess([...args, "--json"]);
  const json: unknown = JSON.parse(stdout);
  if (!isRecord(json)) throw new Error(`stdout is no JSON object: ${stdout}`);
  return { status, json, stderr };
}

describe("what --json prints", () => {
  it.each(RUNS.map(([status, ...words]) => ({ status, words, line: words.join(" ") })))(
    "fits its schema, every field of it: $line",
    async ({ status, words }) => {
      const args = words.map((word) => word.replace(/^@/, folder).replace(/^T(?=\/|$)/, TINY));
      const run = await runJson(...args);
      writeFileSync(join(folder, "last.json"), JSON.stringify(run.json));
      const validate = compileSchema(args[0] ?? "", true);
      validate(run.json);
      expect(validate.errors ?? []).toEqual([]);
      // Machines differ in what they have: doctor and native say so with exit code 6.
      if (!["doctor", "native"].includes(args[0] ?? "")) expect(run.status).toBe(status);
    },
  );

  it("is tried for every command", () => {
    const tried = new Set(RUNS.map(([, name]) => name));
    expect(COMMANDS.map(nameOf).filter((name) => !tried.has(name))).toEqual([]);
  });

  it("is a failure that fits the common schema where no command is known", async () => {
    const { json, status } = await runJson("convrt", "a", "b");
    expect(status).toBe(2);
    expect(compileSchema("error", true)(json)).toBe(true);
  });

  it("does not fit another command's schema", async () => {
    expect(compileSchema("check", false)((await runJson("explain")).json)).toBe(false);
  });
});

describe("the schema of weighbridge.config.json", () => {
  it("is made from the options that commands declare", () => {
    const made: unknown = JSON.parse(JSON.stringify(configSchema(COMMANDS.map(describeCommand))));
    expect(readSchema("weighbridge.config")).toEqual(made);
  });

  it.each([
    [{ device: "wasm", "max-memory": "4GiB", generate: { "top-p": 0.8 }, quiet: true }, true],
    [{ "max-memory": 1000, convert: { verify: true, "max-shard-size": "5GB" } }, true],
    [{ verify: { "tolerance-profile": "strict" }, chat: { device: "wasm" } }, true],
    [{ generate: { chat: true } }, true],
    [{ convert: { verify: false } }, false],
    [{ verify: { "tolerance-profile": "loose" } }, false],
    [{ serve: { host: "0.0.0.0" } }, false],
    [{ verify: { "tolerance-profil": "strict" } }, false],
    [{ device: "gpu" }, false],
    [{ "top-p": "much" }, false],
    [{ "top-q": 1 }, false],
    [{ generate: { "max-shard-size": "5GB" } }, false],
  ])("takes and refuses what the command line does: %j", (value, isRight) => {
    expect(compileSchema("weighbridge.config", false)(value)).toBe(isRight);
  });
});
