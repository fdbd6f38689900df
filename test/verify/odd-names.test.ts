import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderDiagnosis } from "../../src/cli/render-diagnosis.ts";
import { escape } from "../../src/verify/report/markdown.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { safetensorsBytes, vectorsHeader } from "../support/safetensors-file.ts";

/** What moves, hides or reverses text; a report's own line breaks are looked at by its lines. */
const HIDDEN = /[\p{Cf}\p{Zl}\p{Zp}]|[^\P{Cc}\n]/u;

const NAMES = [
  "a\nidentical: 9 tensors",
  "b\r# heading",
  "c\u202Ed\u200Be",
  "f|g|`h`",
  "i\u00ADj\u{E0041}",
  "k\u0000\u001B[2J",
];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-odd-names-"));
  const header = vectorsHeader(new Map(NAMES.map((name, index) => [name, index + 2])));
  const left = safetensorsBytes(header, 4 * NAMES.reduce((sum, _, index) => sum + index + 2, 0));
  writeFileSync(join(folder, "left.safetensors"), left);
  const right = left.slice();
  // The last byte of every number: others, and none of them a NaN.
  for (let index = right.byteLength - 4 * 27; index < right.byteLength; index += 4)
    right[index] = 255 - (right[index] ?? 0);
  writeFileSync(join(folder, "right.safetensors"), right);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("names of tensors that are made to deceive", () => {
  it("are one line each in what diff prints and in its reports", async () => {
    const line = ["left.safetensors", "right.safetensors", "--markdown", "d.md"];
    const { status, stdout } = await runInProcess(["diff", ...line, "--junit", "d.xml"], folder);
    expect(status).toBe(1);
    const markdown = readFileSync(join(folder, "d.md"), "utf8");
    const junit = readFileSync(join(folder, "d.xml"), "utf8");
    for (const text of [stdout, markdown, junit]) {
      expect(HIDDEN.exec(text)).toBeNull();
      expect(text).toContain(String.raw`a\u000aidentical: 9 tensors`);
      expect(text).not.toMatch(/^identical|^# heading/mu);
    }
    const rows = markdown.split("\n").filter((row) => row.startsWith("| `"));
    expect(rows).toHaveLength(NAMES.length);
    // Three cells have four bars, the others are escaped.
    for (const row of rows) expect(row.match(/(?<!\\)\|/gu)).toHaveLength(4);
  });

  it("are one line as tensors and in the evidence of a cause", () => {
    const [name = ""] = NAMES;
    const shown = renderDiagnosis({
      cause: "corrupt",
      tensors: NAMES,
      evidence: `${name} and 2 more`,
    });
    expect(shown).not.toContain("\n");
    expect(HIDDEN.exec(shown)).toBeNull();
    expect(HIDDEN.exec(escape(NAMES.join("\n")))).toBeNull();
  });
});
