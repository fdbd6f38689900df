import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { hdf5Files, type Hdf5Name } from "../support/hdf5-files.ts";
import { zipBytes } from "../support/zip-bytes.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-hdf5-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function judged(name: string, bytes: Uint8Array): Promise<readonly string[]> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const { verdict, reasons } = await scan(path);
  return [verdict, ...reasons.map(({ code }) => code)];
}

/** What HDF5's library opens beside each file, which h5py wrote. */
const FILES: readonly (readonly [name: Hdf5Name, expected: readonly string[]])[] = [
  ["link", ["incomplete"]],
  ["leavingLink", ["unsafe", "WB5003"]],
  ["manyLinks", ["unsafe", "WB5003"]],
  ["storage", ["incomplete"]],
  ["virtual", ["incomplete"]],
  ["own", ["safe"]],
];

describe("HDF5 that names other files", () => {
  it.each(FILES)("is told of by what it names: %s", async (name, expected) => {
    for (const bytes of hdf5Files(name)) {
      expect(await judged("a.weights.h5", bytes)).toEqual(expected);
      // Addresses count from the mark, which may stand behind other bytes.
      expect(await judged("b.h5", Buffer.concat([Buffer.alloc(512, 7), bytes]))).toEqual(expected);
      const keras = zipBytes([{ name: "model.weights.h5", data: bytes }]);
      expect(await judged("c.keras", keras)).toEqual(expected);
    }
  });

  it("is not understood where its links are compressed", async () => {
    const [, bytes] = hdf5Files("own");
    const packed = Buffer.from(bytes ?? []);
    const heap = packed.indexOf("FRHP\0");
    expect(heap).toBeGreaterThan(0);
    packed.writeUInt16LE(20, heap + 7);
    expect(await judged("d.h5", packed)).toEqual(["incomplete"]);
  });
});

it("HDF5 full of braces is given up in time that grows with its length alone", async () => {
  const begin = performance.now();
  const braces = Buffer.concat([
    Buffer.from("\u0089HDF\r\n\u001a\n", "latin1"),
    Buffer.alloc(2_000_000, "{"),
  ]);
  expect(await judged("e.h5", braces)).toEqual(["incomplete"]);
  // Each brace followed to the end would take hours.
  expect(performance.now() - begin).toBeLessThan(20_000);
});
