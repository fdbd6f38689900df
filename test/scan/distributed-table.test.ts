import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const TABLE = join(FIXTURES, "torch-dcp/fsdp/.metadata");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-table-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the table of a distributed checkpoint", () => {
  it("is safe: its classes hold facts", async () => {
    expect((await scan(TABLE)).verdict).toBe("safe");
  });

  it("is unsafe under another name, which torch reads by other rules", async () => {
    const path = join(folder, "pytorch_model.bin");
    copyFileSync(TABLE, path);
    expect((await scan(path)).verdict).toBe("unsafe");
  });

  it("is unsafe where it names anything else", async () => {
    const path = join(folder, ".metadata");
    // The pickle of Python's os.system("id") before it: named, never run.
    const call = Buffer.from("\u0080\u0002cos\nsystem\nX\u0002\0\0\0id\u0085R0", "latin1");
    writeFileSync(path, Buffer.concat([call, readFileSync(TABLE).subarray(2)]));
    const { verdict, globals } = await scan(path);
    expect(verdict).toBe("unsafe");
    expect(globals.filter(({ allowed }) => !allowed).map(({ name }) => name)).toEqual(["system"]);
  });

  it("leaves the parts not understood: the folder is incomplete, and not unsafe", async () => {
    expect((await scan(join(FIXTURES, "torch-dcp/fsdp"))).verdict).toBe("incomplete");
  });
});
