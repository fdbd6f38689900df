import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runAction, type ActionRun } from "../support/composite-action.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const ROOT = join(import.meta.dirname, "../..");

let folder = "";
let action = "";
let workspace = "";

/** What GitHub puts beside a job: the action's checkout, as committed and with nothing built, and the user's repository. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-runner-"));
  action = join(folder, "_actions/weighbridge/v1");
  const listed = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { cwd: ROOT, encoding: "utf8" },
  );
  for (const name of listed.split("\0")) {
    if (name === "" || name === ".venv" || /^(?:docs|fixtures|test)\//.test(name)) continue;
    cpSync(join(ROOT, name), join(action, name), { recursive: true, verbatimSymlinks: true });
  }
  workspace = join(folder, "work/their-model");
  mkdirSync(workspace, { recursive: true });
  cpSync(join(FIXTURES, "internlm-tiny"), join(workspace, "weights"), { recursive: true });
  trap();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A repository that has packages and settings of its own, none of which may have a say in what is run. */
function trap(): void {
  const bin = join(workspace, "node_modules/.bin");
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(workspace, "dist/cli"), { recursive: true });
  const evil = `#!/bin/sh\ntouch "${join(folder, "TRAPPED")}"\n`;
  for (const name of ["weighbridge", "tsc", "node"])
    writeFileSync(join(bin, name), evil, { mode: 0o755 });
  writeFileSync(join(workspace, "dist/cli/main.js"), "process.exit(0);");
  writeFileSync(join(workspace, ".npmrc"), "registry=http://127.0.0.1:9/\n");
  writeFileSync(
    join(workspace, "package.json"),
    JSON.stringify({ name: "weighbridge", scripts: { build: evil, preinstall: evil } }),
  );
}

function run(inputs: Readonly<Record<string, string>>): ActionRun {
  const runnerTemp = join(folder, "_temp");
  mkdirSync(runnerTemp, { recursive: true });
  return runAction({ action, workspace, runnerTemp, environment: process.env }, inputs);
}

const PAIR = { model: "weights/pytorch_model.bin", other: "weights/model_state.pdparams" };

describe("action.yml in a repository that is not ours", () => {
  it("builds the action's own checkout with the versions of its lock file, and passes a right model", () => {
    expect(existsSync(join(action, "node_modules"))).toBe(false);
    const { status, outputs, summary, log } = run({
      ...PAIR,
      arguments: `--device wasm
        --input-ids "1, 7, 42"
        --markdown 'summary of today.md'`,
    });
    expect([log, status, outputs["verdict"]]).toEqual([log, 0, "pass"]);
    expect(existsSync(join(action, "dist/cli/main.js"))).toBe(true);
    expect(existsSync(join(folder, "TRAPPED"))).toBe(false);
    expect(outputs["markdown"]).toBe(join(workspace, "summary of today.md"));
    for (const name of ["junit", "html"]) {
      const path = outputs[name] ?? "";
      expect(readFileSync(path, "utf8")).toContain("pytorch_model.bin");
      expect(dirname(path)).toBe(outputs["reports"]);
    }
    expect(summary).toBe(`${readFileSync(outputs["markdown"] ?? "", "utf8")}\n`);
  });

  it("builds nothing a second time, and tells a fail from an error, each with its own reports", () => {
    const fail = run({ ...PAIR, arguments: "--device wasm --input-ids 1,7 --max-abs=-1" });
    expect([fail.status, fail.outputs["verdict"]]).toEqual([1, "fail"]);
    expect(fail.log).not.toContain("npm");
    const error = run({
      ...PAIR,
      model: "weights/none.bin",
      reports: fail.outputs["reports"] ?? "",
    });
    expect([error.status, error.outputs["verdict"]]).toEqual([3, "error"]);
    // The reports of the failed run stood in the same folder.
    expect(error.outputs).toMatchObject({ markdown: "", html: "" });
    expect(error.summary).toContain("could not be tried");
    expect(error.summary).not.toContain("❌");
  });
});
