import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inflateStream } from "../../src/scan/archive/inflate.ts";
import { Budget, inside, type Examination } from "../../src/scan/context.ts";
import { Findings } from "../../src/scan/findings.ts";
import { memorySource } from "../../src/sources/file.ts";
import { caught } from "../support/caught.ts";

const examination = (): Examination => ({
  findings: new Findings("f"),
  budget: new Budget(),
  name: "f",
  member: "",
  depth: 0,
  isScript: false,
  signal: undefined,
});

describe("what an examination may take", () => {
  it.each([
    ["is damaged", Buffer.from("1f8b08000000", "hex")],
    ["is larger than 64 MiB", gzipSync(Buffer.alloc(65 * 2 ** 20))],
  ])("ends at a stream that %s", async (_what, bytes) => {
    const source = memorySource(bytes, "f");
    const error = await caught(() => inflateStream(source, "gzip", new Budget(), "f"));
    expect(error.code).toBe("WB4003");
  });

  it("ends at the sixth archive inside of another, and at 200,001 members", async () => {
    let context = examination();
    for (let depth = 0; depth < 5; depth++) context = inside(context, "a");
    expect(context.member).toBe("a/a/a/a/a");
    const deep = await caught(() => Promise.resolve().then(() => inside(context, "a")));
    expect(deep.code).toBe("WB4004");
    const { budget } = examination();
    budget.members(200_000, "f");
    const many = await caught(() => Promise.resolve().then(() => budget.members(1, "f")));
    expect(many.code).toBe("WB4004");
  });
});
