import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

/** What the order of float32 sums may make of an output, relative to its largest. */
const ROUNDING = 2e-5;

/** Parameters that Paddle calls otherwise, and that torch's names do not tell from those of other norms. */
const RENAMED: Readonly<Record<string, readonly string[]>> = {
  cnn: ["5.weight=5.scale"],
  ocr: ["backbone.3.weight=backbone.3._weight"],
};

test("small networks compute the same in the other framework, both ways", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weighbridge-networks-"));
  const converted = mkdtempSync(join(tmpdir(), "weighbridge-networks-out-"));
  const names = runPython("small_networks.py", { do: "save", folder });
  if (!Array.isArray(names)) throw new Error("no networks");
  for (const name of names.map(String)) {
    const from = (ending: string): string => join(folder, `${name}.${ending}`);
    const to = (ending: string): string => join(converted, `${name}-${ending}`);
    await convert(from("pdparams"), to("torch"), { to: "pytorch" });
    const selection = { rename: RENAMED[name] };
    await convert(from("bin"), to("paddle"), { to: "paddle", selection });
  }
  const found = runPython("small_networks.py", { do: "check", folder, converted });
  if (!isRecord(found)) throw new Error("nothing was compared");
  expect(Object.keys(found)).toHaveLength(2 * names.length);
  const wrong = Object.entries(found).filter(([, value]) => !(Number(value) <= ROUNDING));
  expect(wrong).toEqual([]);
});
