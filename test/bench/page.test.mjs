import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chart, keep, renderPage } from "../../scripts/bench/page.mjs";
import { suites } from "../../scripts/bench/suites/index.mjs";

const DOCS = join(import.meta.dirname, "../../docs");
const result = {
  id: "copying",
  title: "copying a file",
  date: "2026-01-02T03:04:05.000Z",
  machine: { cpu: "Abacus", cores: 2, features: [], memoryBytes: 2 ** 31, node: "v20" },
  base: "cp",
  metrics: [{ key: "seconds", name: "time", unit: "s" }],
  rounds: 1,
  points: [
    { contenders: [{ name: "cp", seconds: [2], median: { seconds: 2 }, peakBytes: 2 ** 20 }] },
  ],
};

const empty = (id) => `<!-- bench ${id} -->\nold\n<!-- /bench -->\n`;

let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-bench-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("keep and renderPage", () => {
  it("keep a result as JSON and chart, and fill a page's blocks", async () => {
    await keep(result, folder);
    expect(JSON.parse(readFileSync(join(folder, "copying.json"), "utf8"))).toEqual(result);
    const page = await renderPage(
      `# Title\n\n${empty("machines")}\n${empty("copying")}\n${empty("later")}`,
      folder,
      "results",
    );
    expect(page).not.toContain("old");
    expect(page).toContain("1. 2 cores of Abacus; 2 GiB of memory; Node v20");
    expect(page).toContain(
      "**copying a file**: `npm run bench -- --only copying`, 1 round, 2026-01-02, machine 1.",
    );
    expect(page).toContain("![copying a file](results/copying.svg)");
    expect(page).toContain("Not measured yet: `npm run bench -- --only later`.");
    expect(await renderPage(page, folder, "results")).toBe(page);
  });

  it("keep no chart where nothing ran", () => {
    const none = { ...result, points: [{ contenders: [{ name: "cp", failed: "ended with 1" }] }] };
    expect(chart(none)).toBeUndefined();
  });
});

describe("docs/performance.md", () => {
  const page = readFileSync(join(DOCS, "performance.md"), "utf8");

  it("holds what its results say", async () => {
    expect(await renderPage(page, join(DOCS, "performance"), "performance")).toBe(page);
  });

  it("has a place for every case but the quick ones, and for no other", () => {
    const places = [...page.matchAll(/<!-- bench ([\w.-]+) -->/g)].map(([, id]) => id);
    const ids = suites.filter(({ quick = false }) => !quick).map(({ id }) => id);
    expect(new Set(places)).toEqual(new Set(["machines", ...ids]));
    expect(places).toHaveLength(ids.length + 1);
  });
});
