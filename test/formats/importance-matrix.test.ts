import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WbError } from "../../src/errors/wb-error.ts";
import { openImportanceMatrix } from "../../src/formats/gguf/importance/importance-matrix.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import {
  floatsFile,
  importanceBytes,
  int,
  type WrittenFloats,
} from "../support/importance-file.ts";

const FORMS = ["imatrix.dat", "imatrix.gguf"] as const;
const fixture = (name: string): string => join(FIXTURES, "gguf", name);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-importance-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let written = 0;
function file(bytes: Uint8Array): string {
  const path = join(folder, String(written++));
  writeFileSync(path, bytes);
  return path;
}

/** All values of one entry. */
async function valuesOf(path: string, tensor: string): Promise<readonly number[]> {
  const matrix = await openImportanceMatrix(path);
  try {
    return [...(await matrix.read(tensor, 0, matrix.sizeOf(tensor) ?? 0))];
  } finally {
    await matrix.close();
  }
}

/** A file of the new form: sums and counts of one tensor, and maybe others. */
function newForm(
  sums: readonly number[],
  counts: readonly number[],
  more: readonly WrittenFloats[] = [],
): Uint8Array {
  return floatsFile([
    { name: "a.in_sum2", numbers: sums },
    { name: "a.counts", numbers: counts },
    ...more,
  ]);
}

describe("an importance matrix", () => {
  it("has the same values in both forms, but for float32's last bit", async () => {
    const [old, young] = await Promise.all(
      FORMS.map((form) => openImportanceMatrix(fixture(form))),
    );
    expect(old?.tensors).toBe(14);
    expect(young?.tensors).toBe(14);
    const name = "blk.1.ffn_down.weight";
    expect(old?.sizeOf(name)).toBe(56);
    expect(old?.sizeOf("token_embd.weight")).toBeUndefined();
    const [left, right] = [await old?.read(name, 8, 56), await young?.read(name, 8, 56)];
    expect(left).toHaveLength(48);
    for (const [index, value] of left?.entries() ?? [])
      expect(Math.abs(value / (right?.[index] ?? 0) - 1)).toBeLessThan(2 ** -22);
    await Promise.all([old?.close(), young?.close()]);
  });

  it("divides by calls in the old form, and takes sums without calls as they are", async () => {
    const path = file(
      importanceBytes([
        { name: "a", calls: 3, sums: [1, 2] },
        { name: "b", calls: 0, sums: [5] },
      ]),
    );
    expect(await valuesOf(path, "a")).toEqual([1 / 3, 2 / 3].map(Math.fround));
    expect(await valuesOf(path, "b")).toEqual([5]);
  });

  it("divides by each matrix's own count in the new form; one without a count weighs all alike", async () => {
    const path = file(newForm([6, 9, 7, 8, 5, 4], [3, 0, 1.5]));
    expect(await valuesOf(path, "a")).toEqual([2, 3, 1, 1, 2.5, 2]);
  });

  it("reads a part of an entry", async () => {
    const matrix = await openImportanceMatrix(file(newForm([6, 9, 7, 8], [3, 2])));
    expect([...(await matrix.read("a", 2, 4))]).toEqual([3.5, 4]);
    await matrix.close();
  });
});

describe("a hostile importance matrix is refused", () => {
  const entry = { name: "a", calls: 1, sums: [1] };
  const long = Buffer.alloc(1025, 97);
  it.each([
    ["nothing", Buffer.alloc(0), "needs 4 bytes, but only 0 are left"],
    ["no entries", int(0), "the number of entries is 0"],
    ["more entries than any model has", int(2 ** 21), "the number of entries is 2097152"],
    ["a name of negative length", Buffer.concat([int(1), int(-1)]), "the length of a name is -1"],
    ["a long name", Buffer.concat([int(1), int(1025), long]), "the length of a name is 1025"],
    ["a name beyond the end", Buffer.concat([int(1), int(9)]), "a name needs 9 bytes"],
    [
      "a name that is not UTF-8",
      Buffer.concat([int(1), int(1), Buffer.of(255)]),
      "a name is not UTF-8",
    ],
    ["no values", importanceBytes([{ ...entry, sums: [] }]), "the number of values of a is 0"],
    [
      "more values than bytes",
      Buffer.concat([int(1), int(1), Buffer.from("a"), int(1), int(2 ** 31 - 1), int(0)]),
      "the number of values of a is 2147483647, expected 1 to 1",
    ],
    ["one name twice", importanceBytes([entry, entry]), "the entry a is there twice"],
    [
      "NaN",
      importanceBytes([{ ...entry, sums: [1, Number.NaN] }]),
      "byte 21: a has a sum of squares that is NaN",
    ],
    ["infinity", importanceBytes([{ ...entry, sums: [Infinity] }]), "that is Infinity"],
    ["a negative sum", importanceBytes([{ ...entry, sums: [-1] }]), "that is -1"],
    [
      "bytes behind the end",
      importanceBytes([entry], Buffer.concat([int(1), int(0), int(7)])),
      "4 bytes are left",
    ],
    [
      "a text beyond the end",
      importanceBytes([entry], Buffer.concat([int(1), int(9)])),
      "expected 0 to 0",
    ],
    ["sums alone", floatsFile([{ name: "a.in_sum2", numbers: [0] }]), "a.in_sum2 has no counts"],
    ["counts alone", floatsFile([{ name: "a.counts", numbers: [0] }]), "a.counts has no sums"],
    ["a model", floatsFile([{ name: "a.weight", numbers: [0] }]), "this is no importance matrix"],
    ["sums that counts do not divide", newForm([1, 2, 3], [1, 1]), "3 sums and 2 counts"],
    ["a count that is NaN", newForm([1], [Number.NaN]), "a.counts has a count that is NaN"],
    ["a negative count", newForm([1], [-3]), "has a count that is -3"],
    ["a sum that is NaN", newForm([Number.NaN], [1]), "a has a sum of squares that is NaN"],
    [
      "sums in another dtype",
      newForm(
        [1],
        [1],
        [
          { name: "b.in_sum2", numbers: [0], type: 1 },
          { name: "b.counts", numbers: [1] },
        ],
      ),
      "b.in_sum2 is little-endian F16, expected little-endian F32",
    ],
  ])("%s", async (_what, bytes, problem) => {
    const error = await caught(() => openImportanceMatrix(file(bytes)));
    expect(error.code).toBe("WB3513");
    expect(error.message).toContain(problem);
  });

  it.each(FORMS)("%s cut at any byte", async (form) => {
    const whole = readFileSync(fixture(form));
    // A text's name may be left out; padding behind the last tensor, too.
    const most = form === "imatrix.dat" ? whole.byteLength - 17 : whole.byteLength - 32;
    for (let length = 0; length < most; length += 7) {
      const error = await caught(() => openImportanceMatrix(file(whole.subarray(0, length))));
      expect([length, error instanceof WbError]).toEqual([length, true]);
    }
  });
});
