import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
});

/** A copy of the fixture with one of its parts changed. */
function changed(name: string, change: (bytes: Buffer) => Uint8Array): string {
  const place = join(folder, name);
  cpSync(dirname(TABLE), place, { recursive: true });
  const part = join(place, "__0_0.distcp");
  writeFileSync(part, change(readFileSync(part)));
  return place;
}

describe("the parts of a distributed checkpoint", () => {
  it.each(["fsdp", "cut"])("are examined by their table, entry by entry: %s", async (name) => {
    const { verdict, files } = await scan(join(FIXTURES, "torch-dcp", name));
    expect(verdict).toBe("safe");
    expect(files.map(({ state }) => state)).not.toContain("not-understood");
  });

  it("are unsafe where an entry names a program", async () => {
    const place = changed("payload", (bytes) =>
      Buffer.from(
        bytes
          .toString("latin1")
          .replace("ctorch._utils\n_rebuild_tensor_v2\n", "csubprocess_\n_rebuild_tensor_v2\n"),
        "latin1",
      ),
    );
    const { verdict, globals } = await scan(place);
    expect(verdict).toBe("unsafe");
    expect(globals.filter(({ allowed }) => !allowed)).toMatchObject([{ module: "subprocess_" }]);
  });

  it("are not understood with bytes that the table does not name", async () => {
    const place = changed("longer", (bytes) => Buffer.concat([bytes, Buffer.from("more")]));
    const { verdict, files } = await scan(place);
    expect(verdict).toBe("incomplete");
    expect(files.find(({ state }) => state === "not-understood")?.why).toContain("4 bytes");
  });

  it("are not understood without their table", async () => {
    const place = changed("alone", (bytes) => bytes);
    rmSync(join(place, ".metadata"));
    expect((await scan(place)).verdict).not.toBe("safe");
  });
});
