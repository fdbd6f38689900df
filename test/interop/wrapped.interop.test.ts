import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { scan } from "../../src/api/scan.ts";
import { diff } from "../../src/verify/diff.ts";
import { caught } from "../support/caught.ts";
import { runPython } from "../support/python.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-wrapped-"));
const outputs = mkdtempSync(join(tmpdir(), "weighbridge-unwrapped-"));

function saved(): readonly (readonly [file: string, namesOthers: boolean])[] {
  const files = runPython("wrapped.py", { folder });
  if (!Array.isArray(files) || files.length === 0) throw new Error("nothing was saved");
  return files.map((entry: unknown) => {
    const [file, names] = JSON.stringify(entry).slice(1, -1).split(",");
    return [String(file).replaceAll('"', ""), names === "true"];
  });
}

test("a network is the same however a training program wrapped it", async () => {
  const wrong: string[] = [];
  const plain = join(folder, "plain.pt");
  for (const [file, namesOthers] of saved()) {
    const path = join(folder, file);
    if (namesOthers) {
      expect((await caught(() => diff(path, plain))).code, file).toBe("WB5201");
      expect((await scan(path)).verdict, file).not.toBe("safe");
    }
    const selection = { dataOnly: namesOthers };
    const { same, tensors } = await diff(path, plain, { selection });
    const out = join(outputs, file);
    const { tensors: written } = await convert(path, out, { selection });
    if (!same || tensors.length !== 10 || written.length !== 10) wrong.push(file);
    if (!(await diff(out, plain)).same) wrong.push(`${file}, converted`);
  }
  expect(wrong).toEqual([]);
});
