import {
  cpSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { splitWords } from "../scripts/action/words.mjs";
import { FIXTURES } from "./support/fixture-manifest.ts";
import { runAction, type ActionRun } from "./support/composite-action.ts";

const ROOT = join(import.meta.dirname, "..");
const MODEL = "models/my model/pytorch_model.bin";
const OTHER = "models/my model/model_state.pdparams";

let folder = "";
let workspace = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-action-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  workspace = mkdtempSync(join(folder, "workspace-"));
  cpSync(join(FIXTURES, "internlm-tiny"), join(workspace, "models/my model"), { recursive: true });
});

function run(inputs: Readonly<Record<string, string>>, action = ROOT): ActionRun {
  const runnerTemp = join(workspace, "../temp");
  mkdirSync(runnerTemp, { recursive: true });
  return runAction({ action, workspace, runnerTemp, programs: programs() }, inputs);
}

/** A search path with stand-ins: npm notes what it is asked for, npx may not be called. */
function programs(): string {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const write = (name: string, body: string): void => {
    writeFileSync(join(bin, name), `#!/bin/bash\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  write("npm", `echo "$PWD: npm $*"\n[ "$1" != run ] || cp -r "${join(ROOT, "dist")}" dist`);
  write("npx", "echo 'npx was called' >&2\nexit 99");
  write("node", `exec "${process.execPath}" "$@"`);
  return bin;
}

const ARGUMENTS = `--device wasm
  --input-ids 1,7,42 --input-ids "1, 9"
`;

describe("action.yml", () => {
  it("passes a right model, with this run's reports as outputs", () => {
    const { status, outputs, summary, used } = run({
      model: MODEL,
      other: OTHER,
      arguments: ARGUMENTS,
    });
    expect([status, outputs["verdict"], outputs["exit-code"]]).toEqual([0, "pass", "0"]);
    expect(used).toEqual([expect.stringMatching(/^actions\/setup-node@/)]);
    for (const name of ["junit", "markdown", "html"]) {
      const path = outputs[name] ?? "";
      expect(existsSync(path)).toBe(true);
      expect(dirname(path)).toBe(outputs["reports"]);
    }
    // Both prompts were taken: the quoted one is one word.
    expect(readFileSync(outputs["junit"] ?? "", "utf8")).toMatch(
      /2 positions.*\n.*3 positions|3 positions.*\n.*2 positions/,
    );
    expect(summary).toContain("✅ pass");
  });

  it("fails a model that differs, told apart from one that could not be tried", () => {
    const strict = `${ARGUMENTS} --max-abs=-1`;
    const failed = run({ model: MODEL, other: OTHER, arguments: strict });
    expect([failed.status, failed.outputs["verdict"]]).toEqual([1, "fail"]);
    expect(failed.summary).toContain("❌ fail");
    expect(failed.outputs["junit"]).not.toBe("");

    const missing = run({ model: "models/nothing", golden: "g.safetensors" });
    expect([missing.status, missing.outputs["verdict"]]).toEqual([3, "error"]);
    expect(readFileSync(missing.outputs["junit"] ?? "", "utf8")).toContain('errors="1"');
    expect(missing.summary).toContain("could not be tried (exit code 3)");
    expect(missing.log).toMatch(/^::error title=weighbridge verify::could not be tried.*WB3001/m);
  });

  it("shows no report of an earlier run", () => {
    mkdirSync(join(workspace, "reports"));
    for (const name of ["weighbridge.md", "weighbridge.xml", "weighbridge.html"])
      writeFileSync(join(workspace, "reports", name), "## ✅ pass: of yesterday");
    const { outputs, summary } = run({ model: "models/nothing", other: "x", reports: "reports" });
    expect(outputs).toMatchObject({ verdict: "error", markdown: "", html: "" });
    expect(readFileSync(outputs["junit"] ?? "", "utf8")).toContain("WB3001");
    expect(summary).not.toContain("yesterday");
    const own = run({ model: "models/nothing", other: "x", arguments: "--markdown own.md" });
    expect(own.outputs["markdown"]).toBe("");
  });

  it("takes reports where the arguments put them", () => {
    const { outputs } = run({
      model: MODEL,
      other: OTHER,
      arguments: `${ARGUMENTS} --junit='my report.xml'`,
    });
    expect(outputs["junit"]).toBe(join(workspace, "my report.xml"));
    expect(existsSync(outputs["junit"] ?? "")).toBe(true);
  });

  it("runs nothing that an argument says", () => {
    const mark = join(workspace, "PWNED");
    const evil = `--golden "$(touch ${mark})" ; touch ${mark} & \`touch ${mark}\``;
    expect(run({ model: MODEL, arguments: evil }).outputs["verdict"]).toBe("error");
    const unclosed = run({ model: MODEL, other: OTHER, arguments: '--prompt "hello' });
    expect([unclosed.status, unclosed.outputs["verdict"]]).toEqual([2, "error"]);
    expect(unclosed.log).toContain('a quote " is not closed');
    expect(existsSync(mark)).toBe(false);
  });

  it("builds its own checkout where it is not built, and fetches no package by name", () => {
    const action = join(workspace, "../checkout");
    mkdirSync(action, { recursive: true });
    for (const name of ["action.yml", "package.json", "bin", "scripts/action", "schemas"])
      cpSync(join(ROOT, name), join(action, name), { recursive: true });
    const { log } = run({ model: "models/nothing", other: "x" }, action);
    expect(log).toContain(`${action}: npm ci --ignore-scripts`);
    expect(log).toContain(`${action}: npm run build`);
    expect(log).not.toContain("npx was called");
  });
});

describe("splitWords", () => {
  it.each([
    ["", []],
    ["  a\n b\t c \n", ["a", "b", "c"]],
    [`'a b' "c d" e\\ f`, ["a b", "c d", "e f"]],
    [`--x="a 'b' \\"c\\" \\n"`, ["--x=a 'b' \"c\" \\n"]],
    [`a''b "" ''`, ["ab", "", ""]],
    ["a\\\nb", ["ab"]],
    ["来到 '美丽 的'", ["来到", "美丽 的"]],
    ["$HOME $(id) `id` *", ["$HOME", "$(id)", "`id`", "*"]],
  ])("splits %j as a shell does, and expands nothing", (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it.each(["'a", 'b "c', "a'"])("refuses an open quote: %s", (text) => {
    expect(() => splitWords(text)).toThrow("is not closed");
  });
});
