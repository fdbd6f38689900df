import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ERROR_CODES } from "../src/errors/codes.ts";
import { runInProcess } from "./support/cli-in-process.ts";
import { consoleSessions } from "./support/console-sessions.ts";

const ROOT = join(import.meta.dirname, "..");
const READMES = ["README.md", "README.zh.md"].map((name) => ({
  name,
  text: readFileSync(join(ROOT, name), "utf8"),
}));

let folder = "";

/** Times, rates and memory differ from run to run; the README shows those of one. */
const steady = (text: string): string =>
  text
    .replaceAll(/\b\d+(\.\d+)? ?(ms|s|min)\b/g, "<time>")
    .replaceAll(/\b\d+:\d\d\b/g, "<time>")
    .replaceAll(/\b\d+(\.\d+)? ?([KMG]i?B)\/s\b/g, "<rate>")
    .replaceAll(/\b\d+(\.\d+)? tokens\/s\b/g, "<rate>")
    .replaceAll(/(peak memory|memory) \d+(\.\d+)? ?[KMG]i?B/g, "$1 <size>")
    .replaceAll(/[ \t]+$/gm, "")
    .trim();

async function run(command: string): Promise<{ status: number; output: string }> {
  const [program, ...args] = command.split(" ");
  expect(program).toBe("weighbridge");
  const { status, stdout } = await runInProcess([...args, "--quiet"], folder);
  return { status, output: stdout };
}

describe.each(READMES)("$name", ({ text }) => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "weighbridge-readme-"));
    symlinkSync(join(ROOT, "fixtures"), join(folder, "fixtures"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const all = consoleSessions(text);

  test("every session says whether it is replayed, or why not", () => {
    expect(all.length).toBeGreaterThan(0);
    for (const { marker } of all) expect(marker).toMatch(/^(replayed|not replayed: .+)$/);
    expect(all.some(({ marker }) => marker === "replayed")).toBe(true);
  });

  const replayed = all.filter(({ marker }) => marker === "replayed");
  test.each(replayed.map((session, index) => ({ session, index })))(
    "session $index gives the output that it shows",
    async ({ session }) => {
      for (const { command, output: shown } of session.steps) {
        const { status, output } = await run(command);
        expect(`$ ${command}\n${steady(output)}`).toBe(`$ ${command}\n${steady(shown)}`);
        expect(status).toBe(shown.startsWith("FAIL") ? 1 : 0);
      }
    },
  );

  test("every file it links to is there", () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)].map(([, path = ""]) => path);
    expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test("every error code it names is one", () => {
    const named = [...text.matchAll(/\bWB\d{4}\b/g)].map(([code]) => code);
    expect(named.filter((code) => !(code in ERROR_CODES))).toEqual([]);
  });
});

test("both languages show the same sessions", () => {
  const [english, ...others] = READMES.map(({ text }) =>
    consoleSessions(text).map(({ steps, marker }) => ({
      replayed: marker === "replayed",
      steps: steps.map(({ command, output }) => ({ command, output: steady(output) })),
    })),
  );
  for (const other of others) expect(other).toEqual(english);
});
