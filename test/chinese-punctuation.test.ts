import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

/** Half-width marks beside a Chinese character; code, addresses and tables' rules are taken out before. */
const HALF_WIDTH = /[\u3400-\u9fff][,;:?!()]|[,;:?!()][\u3400-\u9fff]/g;

function halfWidthMarks(markdown: string): readonly string[] {
  const prose = markdown
    .replaceAll(/^```[\s\S]*?^```/gm, "")
    .replaceAll(/`[^`]*`|<!--[\s\S]*?-->/g, "")
    .replaceAll(/\]\([^)]*\)/g, "]");
  return [...prose.matchAll(HALF_WIDTH)].map(
    ({ 0: mark, index }) => `${mark} in ${prose.slice(Math.max(0, index - 12), index + 12)}`,
  );
}

const TEXTS = ["README.zh.md", ...["docs", "docs/guides"].flatMap(chineseTexts)];

function chineseTexts(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".zh.md"))
    .map((name) => `${folder}/${name}`);
}

test.each(TEXTS)("%s has full-width punctuation", (file) => {
  expect(halfWidthMarks(readFileSync(join(ROOT, file), "utf8"))).toEqual([]);
});

test.each([
  ["权重,用", 1],
  ["文件(夹)", 2],
  ["权重，用 `a,b` 与 [文件](a,b)（夹）", 0],
])("half-width marks are found in %s", (text, count) => {
  expect(halfWidthMarks(text)).toHaveLength(count);
});
