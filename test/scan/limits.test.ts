import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { unpack } from "../../src/scan/archive/unpack.ts";
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
    const { fault } = await unpack(source, "gzip", new Budget());
    expect(fault?.code).toBe("WB4003");
  });

  it("is refused at once where a stream is larger as it is", async () => {
    const source = memorySource(new Uint8Array(64 * 2 ** 20 + 1), "f");
    expect((await caught(() => unpack(source, "xz", new Budget()))).code).toBe("WB4003");
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
