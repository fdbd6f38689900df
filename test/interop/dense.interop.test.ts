import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { diff } from "../../src/verify/diff.ts";
import { caught } from "../support/caught.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-sparse-"));
const outputs = mkdtempSync(join(tmpdir(), "weighbridge-dense-"));
let names: Record<string, readonly unknown[]> = {};

beforeAll(() => {
  const saved = runPython("dense.py", { do: "save", folder });
  if (!isRecord(saved)) throw new Error("nothing was saved");
  names = Object.fromEntries(
    Object.entries(saved).map(([kind, list]) => [kind, Array.isArray(list) ? list : []]),
  );
  expect(names["sparse"]?.length).toBeGreaterThan(35);
  expect(names["quantised"]?.length).toBeGreaterThan(15);
});

/** Tensors whose bits are not torch's. */
function wrongOf(converted: Record<string, string>, dtype?: string): readonly unknown[] {
  const found = runPython("dense.py", {
    do: "check",
    folder,
    converted,
    ...(dtype === undefined ? {} : { dtype }),
  });
  if (!isRecord(found)) throw new Error("nothing was compared");
  const expected = Object.keys(converted).flatMap((kind) => names[kind] ?? []);
  expect(Object.keys(found)).toHaveLength(expected.length);
  return Object.entries(found).filter(([, count]) => count !== 0);
}

test.each(["", "-old"])(
  "sparse and quantised tensors are what torch makes of them, bit by bit%s",
  async (age) => {
    const converted: Record<string, string> = {};
    for (const kind of ["sparse", "quantised"]) {
      const target = join(outputs, `${kind}${age}`);
      const selection = { dense: true };
      const { notes } = await convert(join(folder, `${kind}${age}.pt`), target, {
        selection,
        allowExpansion: true,
      });
      expect(notes.join("\n")).toMatch(kind === "sparse" ? /: made dense/ : /: dequantised/);
      const { same } = await diff(join(folder, `${kind}${age}.pt`), target, { selection });
      expect(same, kind).toBe(true);
      converted[kind] = target;
    }
    expect(wrongOf(converted)).toEqual([]);
  },
);

test("quantised tensors are dequantised in the dtype that is asked for", async () => {
  const target = join(outputs, "bfloat16");
  await convert(join(folder, "quantised.pt"), target, { dequantize: "BF16" });
  expect(wrongOf({ quantised: target }, "bfloat16")).toEqual([]);
});

test.each(["sparse", "quantised"])(
  "files of %s tensors give their others unasked",
  async (kind) => {
    const path = join(folder, `${kind}.pt`);
    const refused = await caught(() => convert(path, join(outputs, `${kind}-refused`)));
    expect(refused.code).toBe("WB4301");
    expect(refused.hint).toContain("--dense");
    const { tensors, notes, dropped } = await convert(path, join(outputs, `${kind}-others`), {
      selection: { dataOnly: true },
    });
    expect(tensors.map(({ to }) => to)).toEqual(["plain"]);
    const others = (names[kind] ?? []).filter((name) => name !== "plain");
    for (const name of others) {
      expect(notes.join("\n")).toContain(name);
      expect(dropped.map((one) => one.name)).toContain(name);
    }
  },
);
