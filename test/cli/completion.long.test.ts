import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { completionScript } from "../../src/cli/completion-script.ts";
import { describeCommand } from "../../src/cli/describe.ts";
import { SHELLS } from "../../src/options/choices.ts";

const DESCRIBED = COMMANDS.map(describeCommand);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-completion-"));
  for (const shell of SHELLS)
    writeFileSync(join(folder, shell), completionScript(shell, DESCRIBED));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const has = (program: string): boolean => spawnSync(program, ["-c", "exit 0"]).status === 0;

/** What bash offers for the last of `words`. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weighbridge; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ["-c", script, "bash", join(folder, "bash"), "weighbridge", ...words];
  const { stdout, stderr, status } = spawnSync("bash", args, { encoding: "utf8", cwd: folder });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout.trim().split("\n");
}

describe.skipIf(!has("bash"))("completion in bash (skipped where bash is not there)", () => {
  it("offers commands", () => {
    expect(offered("co")).toEqual(["convert", "config", "completion"]);
    for (const { name } of DESCRIBED) expect(offered("")).toContain(name);
  });

  it("offers the options of the command, and their values", () => {
    expect(offered("convert", "a", "--dr")).toEqual(["--drop", "--dry-run"]);
    expect(offered("convert", "--to", "")).toEqual(["safetensors", "pytorch", "paddle", "gguf"]);
    expect(offered("verify", "m", "--tolerance-profile", "l")).toEqual(["loose"]);
    expect(offered("generate", "--dev")).toEqual(["--device"]);
  });

  it("offers the negation of what is on by default", () => {
    expect(offered("convert", "--no")).toEqual(["--no-verify"]);
  });

  it("offers actions first and files elsewhere", () => {
    expect(offered("golden", "")).toEqual(["record", "script"]);
    expect(offered("inspect", "ba")).toEqual(["bash"]);
    expect(offered("verify", "m", "--golden", "zs")).toEqual(["zsh"]);
  });
});

describe.each(["zsh", "fish"] as const)("completion in %s", (shell) => {
  it.skipIf(!has(shell))("is a script that the shell reads (skipped where it is not there)", () => {
    const { stderr, status } = spawnSync(shell, ["-n", join(folder, shell)], { encoding: "utf8" });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });

  it("names every command and option", () => {
    const script = completionScript(shell, DESCRIBED);
    for (const { name, options } of DESCRIBED) {
      expect(script).toContain(name);
      for (const option of options) expect(script).toContain(option.name);
    }
  });

  it("has every quote closed", () => {
    const outside = completionScript(shell, DESCRIBED).replaceAll(String.raw`'\''`, "");
    expect((outside.match(/'/g) ?? []).length % 2).toBe(0);
  });
});
