import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

interface Retired {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** One meaning a word, one name a concept: words that were used beside the field's own (CONTRIBUTING.md, "Words"). */
const RETIRED: readonly Retired[] = [
  { pattern: /\bl(?:ies?|ying)\b/gi, instead: "is, are, stored" },
  { pattern: /\bturn(?:ed|ing)\b/gi, instead: "transposed, rotated, reversed" },
  {
    // What a speaker, a queue or a request has is a turn; "in turn" is plain English.
    pattern: /\bturns? (?:a|an|all|around|back|each|every|into|it|pairs|round|the|them|whole)\b/gi,
    instead: "transpose, rotate, convert",
  },
  { pattern: /\bby turns\b/gi, instead: "alternately" },
  { pattern: /\bwhoever\b/gi, instead: "the caller, the reader, the program that" },
  { pattern: /\bguess(?:ed|es)?\b/gi, instead: "infer" },
  { pattern: /\b(?:fans?|shrinks?) out\b/gi, instead: "broadcast" },
];

/** What is read: code, comments, messages, help, guides. Decisions and the change log tell of the past. */
const PLACES = [
  "src",
  "test",
  "scripts",
  "native/kernels",
  "wasm",
  "docs",
  "man",
  "README.md",
  "SECURITY.md",
];
const TEXTS = /\.(?:ts|mjs|md|py|cc|h|1)$/;
const PAST = /^docs\/decisions\/|\.zh\.md$|^test\/words\.test\.ts$/;

function filesOf(place: string): readonly string[] {
  if (TEXTS.test(place)) return [place];
  return readdirSync(join(ROOT, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && TEXTS.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

/** Each use of a retired word: its line, the word, and what to write. */
function retiredWords(text: string): readonly string[] {
  return RETIRED.flatMap(({ pattern, instead }) =>
    [...text.matchAll(pattern)].map(
      (match) =>
        `${text.slice(0, match.index).split("\n").length}: "${match[0]}", write: ${instead}`,
    ),
  );
}

describe("retired words", () => {
  test("stand nowhere in code, messages, help and guides", () => {
    const files = PLACES.flatMap(filesOf).filter((file) => !PAST.test(file));
    expect(files.length).toBeGreaterThan(800);
    const found = files.flatMap((file) =>
      retiredWords(readFileSync(join(ROOT, file), "utf8")).map((use) => `${file}:${use}`),
    );
    expect(found).toEqual([]);
  });

  test.each([
    ["where its elements lie", 1],
    ["Rows that are turned together,\nread as it lies", 2],
    ["rotary turns the whole cache", 1],
    ["the last turn of a chat; each in turn", 0],
  ])("are found in %j", (text, count) => {
    expect(retiredWords(text)).toHaveLength(count);
  });
});
