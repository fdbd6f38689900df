import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { zipBytes } from "../support/zip-bytes.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-unpacked-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function verdictOf(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return (await scan(path)).verdict;
}

/** One member of a tar: its header (POSIX.1-2001 ustar) and its data. */
function entry(name: string, type: string, data = ""): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${data.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        ", 148);
  header.write(type, 156);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padded = Buffer.alloc(Math.ceil(data.length / 512) * 512);
  padded.write(data);
  return Buffer.concat([header, padded]);
}

/** A record of an extended header, which begins with its own length of two digits. */
const record = (text: string): string => `${text.length + 4} ${text}\n`;
const tar = (...entries: readonly Buffer[]): Buffer =>
  Buffer.concat([...entries, Buffer.alloc(1024)]);

describe("a tar as programs unpack it", () => {
  it("is unsafe with a folder outside of its own, and safe with one inside", async () => {
    const file = entry("a/b.txt", "0", "b");
    expect(await verdictOf("a.tar", tar(entry("../../a", "5"), file))).toBe("unsafe");
    expect(await verdictOf("b.tar", tar(entry("a/", "5"), file))).toBe("safe");
  });

  it("is not understood with a name for all members, or two for one", async () => {
    const file = entry("a.txt", "0", "b");
    const leaving = record("path=../../evil.txt");
    const plain = record("path=a.txt");
    expect(await verdictOf("c.tar", tar(entry("g", "g", leaving), file))).toBe("incomplete");
    expect(await verdictOf("d.tar", tar(entry("x", "x", plain + leaving), file))).toBe(
      "incomplete",
    );
    expect(await verdictOf("e.tar", tar(entry("x", "x", plain), file))).toBe("safe");
    const note = record("comment=written by hand");
    expect(await verdictOf("f.tar", tar(entry("g", "g", note), file))).toBe("safe");
  });
});

describe("a zip as programs unpack it", () => {
  it("is not understood with a link, which its mode of Unix says", async () => {
    const zip = Buffer.from(zipBytes([{ name: "weights", data: Buffer.from("/etc/passwd") }]));
    const directory = zip.indexOf("PK\u0001\u0002");
    // The upper half of the external attributes (APPNOTE 4.4.15, Info-ZIP).
    zip.writeUInt16LE(0o100644, directory + 40);
    expect(await verdictOf("a.zip", zip)).toBe("safe");
    zip.writeUInt16LE(0o120777, directory + 40);
    expect(await verdictOf("b.zip", zip)).toBe("incomplete");
  });
});
