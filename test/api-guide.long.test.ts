import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const GUIDE = readFileSync(join(ROOT, "docs/guides/api.md"), "utf8");

interface Example {
  readonly title: string;
  readonly code: string;
  readonly output: string;
}

/** Each block of code, and the block of text below it. */
const EXAMPLES: readonly Example[] = [
  ...GUIDE.matchAll(/## ([^\n]+)\n(?:(?!\n## )[^])*?```js\n([^]*?)```\n\n```text\n([^]*?)```/g),
].map(([, title = "", code = "", output = ""]) => ({ title, code, output }));

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-api-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/weighbridge"));
  symlinkSync(join(ROOT, "fixtures"), join(folder, "fixtures"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/guides/api.md", () => {
  it("shows the output of every block of code", () => {
    expect(GUIDE.match(/```js/g)?.length).toBe(EXAMPLES.length);
    expect(EXAMPLES.length).toBeGreaterThan(4);
  });

  it.each(EXAMPLES)("$title: the code prints what is shown", ({ code, output }) => {
    writeFileSync(join(folder, "example.mjs"), code);
    const { stdout, stderr } = spawnSync(process.execPath, ["example.mjs"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    expect({ stdout, stderr }).toEqual({ stdout: output, stderr: "" });
  });
});
