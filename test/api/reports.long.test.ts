import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeReports } from "../../src/verify/report/reports.ts";
import { verify } from "../../src/verify/run.ts";
import type { VerifyResult } from "../../src/verify/result.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const WORST = {
  name: "model.norm.weight",
  class: "differ",
  maxAbs: 0.5,
  maxRel: 1,
  ulp: 7,
  firstIndex: 3,
  differing: 1,
  dtypes: ["F16", "F16"],
  shape: [32],
} as const;

let folder = "";
let passing: VerifyResult;
let failing: VerifyResult;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-reports-"));
  const golden = join(FIXTURES, "goldens/f16.safetensors");
  passing = await verify(join(FIXTURES, "internlm-tiny"), { golden, device: "wasm" });
  const other = join(FIXTURES, "pytorch-bf16");
  // A cast passes within bfloat16's noise; a tolerance of the user's own is below that.
  const options = { other, golden, device: "wasm", maxAbs: 1e-3 } as const;
  failing = await verify(join(FIXTURES, "internlm-tiny"), options);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function reportOf(
  result: VerifyResult,
  kind: "html" | "junit" | "markdown",
): Promise<string> {
  const path = join(folder, `${result.verdict}.${kind}`);
  expect(await writeReports(result, { [kind]: path })).toEqual([path]);
  return readFileSync(path, "utf8");
}

/** Names and paths as an attacker may choose them. */
function hostile(result: VerifyResult): VerifyResult {
  const name = `</title><script>alert("1")</script>&\u0000|*\``;
  return {
    ...result,
    model: name,
    notes: [name],
    comparisons: result.comparisons.map((comparison) => ({
      ...comparison,
      path: name,
      failures: [name],
      diagnosis: [{ cause: "corrupt", tensors: [name], evidence: name }],
    })),
  };
}

describe("reports of a verification", () => {
  test("the two are a pass and a failure", () => {
    expect([passing.verdict, failing.verdict]).toEqual(["pass", "fail"]);
  });

  test("HTML begins with the verdict, and loads and runs nothing", async () => {
    for (const result of [passing, failing, hostile(failing)]) {
      const html = await reportOf(result, "html");
      expect(html).toMatch(/<h1><span class="verdict (pass|fail)">/);
      expect(html).toContain("prefers-color-scheme:dark");
      expect(html).toContain('name="viewport"');
      expect(html).toContain("<svg");
      expect(html).not.toMatch(/<script|<link|<img|<iframe|javascript:|url\(|@import|\son\w+=/);
      // Every name is text: what looks like a tag in it is none.
      const tags = [...html.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, tag]) => tag?.toLowerCase());
      expect(tags).not.toContain("script");
    }
  });

  test("HTML of a failure has causes, worst tensors and the curve over the layers", async () => {
    const worst = failing.comparisons.map((comparison) => ({
      ...comparison,
      weights: { compared: 42, wrong: 1, rounded: 0, harmless: [], worst: [WORST] },
    }));
    const html = await reportOf({ ...failing, comparisons: worst }, "html");
    for (const part of [
      "Cause",
      "Worst tensors",
      WORST.name,
      "Difference after each layer",
      "would pass with",
    ])
      expect(html).toContain(part);
  });

  test("JUnit XML counts its cases and failures, and is well formed", async () => {
    for (const result of [passing, failing, hostile(failing)]) {
      const xml = await reportOf(result, "junit");
      const suites = [...xml.matchAll(/<testsuite [^>]*tests="(\d+)" failures="(\d+)"/g)];
      expect(suites.length).toBe(result.comparisons.length);
      const sum = (group: number): number =>
        suites.reduce((total, match) => total + Number(match[group]), 0);
      expect(xml.match(/<testcase /g)?.length).toBe(sum(1));
      expect(xml.match(/<failure /g)?.length ?? 0).toBe(sum(2));
      expect(sum(2) > 0).toBe(result.verdict === "fail");
      // Outside of tags there is only white space, and no attribute holds a bare special character.
      expect(xml.replaceAll(/<[^<>]*>/g, "").trim()).toBe("");
      expect(xml).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#\d+;)/);
      expect(xml).not.toContain("\u0000");
    }
  });

  test("Markdown says verdict, cause and numbers, and keeps names from being markup", async () => {
    expect(await reportOf(passing, "markdown")).toMatch(/^## ✅ pass/);
    const markdown = await reportOf(failing, "markdown");
    expect(markdown).toMatch(/^## ❌ fail/);
    expect(markdown).toContain("| prompt | positions |");
    expect(markdown).toContain("**cast**");
    const guarded = await reportOf(hostile(failing), "markdown");
    expect(guarded.replaceAll(/`[^`\n]*`/g, "")).not.toMatch(/(?<!\\)[<|]script/);
    expect(guarded).toContain("\\<script\\>");
  });

  test("a report that cannot be written is an error with its path", async () => {
    const path = join(folder, "missing", "report.html");
    const error = await caught(() => writeReports(passing, { html: path }));
    expect([error.code, error.message.includes(path)]).toEqual(["WB6002", true]);
    expect(existsSync(path)).toBe(false);
  });
});
