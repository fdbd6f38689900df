import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../src/cli/commands.ts";
import { describeCommand, describeSharedOptions } from "../src/cli/describe.ts";
import { ERROR_CODES } from "../src/errors/codes.ts";
import { runInProcess } from "./support/cli-in-process.ts";
import { consoleSessions, steadyOutput } from "./support/console-sessions.ts";

const ROOT = join(import.meta.dirname, "..");
const GUIDES = ["docs", "docs/guides", "docs/recipes"].flatMap((where) =>
  readdirSync(join(ROOT, where))
    .filter((name) => name.endsWith(".md"))
    .map((name) => {
      const text = readFileSync(join(ROOT, where, name), "utf8");
      return { where, name: `${where}/${name}`, text, sessions: consoleSessions(text) };
    }),
);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-guides-"));
  symlinkSync(join(ROOT, "fixtures"), join(folder, "fixtures"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a line: in this process where it is a command of ours and nothing else. */
async function run(command: string): Promise<string> {
  const [program, ...args] = command.split(" ");
  if (program === "weighbridge" && /^[-\w./=: ]+$/.test(command)) {
    return (await runInProcess(args, folder)).stdout;
  }
  return runInShell(command);
}

/** Runs a line in bash, where `weighbridge` is the build of this checkout. */
function runInShell(command: string): string {
  const program = [process.execPath, join(ROOT, "bin/weighbridge.js")];
  const script = `weighbridge() { "${program.join('" "')}" "$@"; }\n${command}`;
  const { stdout } = spawnSync("bash", ["-c", script], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", LC_ALL: "C.UTF-8" },
  });
  return stdout;
}

const OPTIONS = new Map(
  COMMANDS.map(describeCommand).map(({ name, options }) => [
    name,
    new Set([...options, ...describeSharedOptions()].map((option) => option.name)),
  ]),
);

describe.each(GUIDES)("$name", ({ where, name: guide, text, sessions }) => {
  it("says of every session whether it is replayed, or why not", () => {
    for (const { marker } of sessions) expect(marker).toMatch(/^(replayed|not replayed: .+)$/);
  });

  it("shows what the commands print", async () => {
    // A guide in Chinese shows its English twin's sessions; see below.
    if (guide.endsWith(".zh.md")) return;
    for (const { steps } of sessions.filter(({ marker }) => marker === "replayed")) {
      for (const { command, output } of steps) {
        const shown = steadyOutput(output);
        expect(`$ ${command}\n${steadyOutput(await run(command))}`).toBe(`$ ${command}\n${shown}`);
      }
    }
  });

  it("names commands, options, error codes and files that there are", () => {
    for (const [, name = "", rest = ""] of text.matchAll(
      /(?:^|[ `$])weighbridge ([a-z]+)([^\n`|>]*)/gm,
    )) {
      if (!OPTIONS.has(name)) continue;
      for (const [, option = ""] of rest.matchAll(/ --(?:no-)?([a-z][a-z-]*)/g)) {
        expect([name, option, OPTIONS.get(name)?.has(option)]).toEqual([name, option, true]);
      }
    }
    const codes = [...text.matchAll(/\bWB\d{4}\b/g)].map(([code]) => code);
    expect(codes.filter((code) => !(code in ERROR_CODES))).toEqual([]);
    const paths = [...text.matchAll(/`((?:src|test|fixtures|scripts)\/[\w./-]+)`/g)].map(
      ([, path = ""]) => path,
    );
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = ""]) => `${where}/${path}`);
    expect([...paths, ...links].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

const CHINESE = GUIDES.filter(({ name }) => name.endsWith(".zh.md"));

/** What is in fences: sessions, code and what it prints. */
function fenced(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^ *```[\s\S]*?^ *```/gm)].map(([block]) => block.trim());
}

it.each(CHINESE)("$name shows what its English twin shows", ({ name, text }) => {
  const twin = GUIDES.find((guide) => guide.name === name.replace(/\.zh\.md$/, ".md"));
  expect(fenced(text)).toEqual(fenced(twin?.text ?? ""));
});
