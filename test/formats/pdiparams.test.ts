import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { storedFacts } from "../support/stored-facts.ts";

const PLACE = join(FIXTURES, "paddle-inference");
const folder = mkdtempSync(join(tmpdir(), "weighbridge-pdiparams-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ["json", "inference.json"],
  ["protobuf", "inference.pdmodel"],
])("tensors of an exported network, named by its program in %s", (kind, program) => {
  const place = join(PLACE, kind);
  const file = join(place, "inference.pdiparams");

  it("are those that paddle.save wrote, under Paddle's names of them", async () => {
    const state = await openCheckpoint(join(place, "state.pdparams"));
    await state.checkpoint.close();
    const parameters = new Map(
      state.checkpoint.tensors.map(({ name, parameterName }) => [name, parameterName ?? ""]),
    );
    const saved = Object.entries(await storedFacts(join(place, "state.pdparams")));
    const stored = await storedFacts(file);
    expect(stored).toEqual(
      Object.fromEntries(saved.map(([name, facts]) => [parameters.get(name), facts])),
    );
    expect(Object.keys(stored)).toHaveLength(8);
  });

  it("convert", async () => {
    const out = join(folder, `${kind}-out`);
    const { tensors, notes } = await convert(file, out, { architecture: "none" });
    expect(tensors.map(({ to }) => to)).toContain("batch_norm2d_0.w_2");
    expect(notes.join("\n")).toContain(program);
    expect(await storedFacts(out)).toEqual(await storedFacts(file));
  });

  it("are refused with another program, and with none", async () => {
    const copy = join(folder, `${kind}-copy`);
    cpSync(place, copy, { recursive: true });
    const path = join(copy, "inference.pdiparams");
    const text = readFileSync(join(copy, program)).toString("latin1");
    writeFileSync(join(copy, program), text.replaceAll("conv2d_0.b_0", "zonv2d_0.b_0"), "latin1");
    const other = await caught(() => openCheckpoint(path));
    expect([other.code, other.message]).toEqual([
      "WB3406",
      expect.stringContaining("not the program of"),
    ]);
    writeFileSync(join(copy, program), "no program");
    expect((await caught(() => openCheckpoint(path))).code).toBe("WB3406");
    rmSync(join(copy, program));
    const alone = await caught(() => openCheckpoint(path));
    expect([alone.code, alone.message]).toEqual(["WB3406", expect.stringContaining(program)]);
  });
});

describe("tensors in Paddle's binary form", () => {
  const file = join(PLACE, "json/inference.pdiparams");

  it("are named by their positions where that is asked for", async () => {
    const path = join(folder, "alone.bin");
    copyFileSync(file, path);
    const stored = await storedFacts(path, { select: "." });
    expect(Object.keys(stored)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
    const named = Object.values(await storedFacts(file));
    expect(Object.values(stored)).toEqual(named);
    const error = await caught(() => openCheckpoint(path, { selection: { select: "a" } }));
    expect(error.code).toBe("WB2710");
  });

  it("may be one alone, as paddle.save writes it with use_binary_format", async () => {
    const path = join(folder, "one");
    const hex = "0000000000000000000000000000000004000000080510020000803f0000803f";
    writeFileSync(path, Buffer.from(hex, "hex"));
    expect((await caught(() => openCheckpoint(path))).code).toBe("WB3406");
    const { checkpoint } = await openCheckpoint(path, { selection: { select: "." } });
    await checkpoint.close();
    expect(checkpoint.tensors).toMatchObject([{ name: "0", dtype: "F32", shape: [2] }]);
  });

  it("end with their file", async () => {
    const path = join(folder, "short.pdiparams");
    const bytes = readFileSync(file);
    for (const length of [bytes.byteLength - 1, 60, 23]) {
      writeFileSync(path, bytes.subarray(0, length));
      const error = await caught(() => openCheckpoint(path, { selection: { select: "." } }));
      expect(error.code).toBe("WB3405");
    }
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(30)]));
    expect((await caught(() => openCheckpoint(path))).code).toBe("WB3405");
  });
});
