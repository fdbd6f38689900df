import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inspect } from "../src/api/inspect.ts";
import { FAMILIES } from "../src/model/families.ts";
import type { Family } from "../src/model/family.ts";
import { PADDLE_WRITERS } from "../src/model/names/paddle-writers.ts";
import { FIXTURES } from "./support/fixture-manifest.ts";

const WRITER_NAMES = {
  paddlenlp: "PaddleNLP",
  paddleformers: "PaddleFormers",
  erniekit: "ERNIEKit",
} as const;

/** What the tables of models in both languages say of a family: classes, what works, whose layouts of Paddle are known, what it was checked against. */
function cells(family: Family): readonly string[] {
  const writers = PADDLE_WRITERS.filter((writer) => family.names[writer] !== undefined);
  return [
    `\`${family.architectures[0]}\``,
    "✓",
    "✓",
    "✓",
    writers.map((writer) => WRITER_NAMES[writer]).join(", "),
    `\`${family.stock.architecture}\``,
    family.checkedAgainst,
  ];
}

/** Rows of a text's tables, cell by cell. */
function rowsOf(file: string): readonly (readonly string[])[] {
  const text = readFileSync(join(import.meta.dirname, "..", file), "utf8");
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

describe("the table of families", () => {
  test.each(["docs/models.md", "docs/models.zh.md"])(
    "of %s is what the descriptions say",
    (file) => {
      const rows = rowsOf(file).filter((row) => row[1] === "✓");
      expect(rows).toEqual(FAMILIES.map(cells));
    },
  );

  test("is what inspect says of a model", async () => {
    const { support } = await inspect(join(FIXTURES, "qwen3_moe"));
    expect(support).toEqual({
      convert: true,
      verify: true,
      run: true,
      checkedAgainst: "transformers 5.23, Qwen3MoeForCausalLM",
    });
    expect((await inspect(join(FIXTURES, "dtypes/everything.bin"))).support).toBeUndefined();
  });
});
