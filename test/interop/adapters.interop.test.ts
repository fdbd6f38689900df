import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { caught } from "../support/caught.ts";
import { isRecord } from "../support/is-record.ts";
import { makePeers, PEERS } from "../support/peer-packages.ts";
import { runPython } from "../support/python.ts";

beforeAll(makePeers);

test("adapters are merged as peft merges them, bit by bit, and converted for peft to load", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weighbridge-adapters-"));
  const converted = mkdtempSync(join(tmpdir(), "weighbridge-merged-"));
  const saved = runPython("adapters.py", { do: "save", folder }, PEERS);
  if (!isRecord(saved) || !Array.isArray(saved["names"]) || !Array.isArray(saved["refused"]))
    throw new Error("nothing was saved");
  const refused = new Set(saved["refused"].map(String));
  const names = saved["names"].map(String);
  for (const name of names) {
    const adapter = join(folder, name, "adapter");
    const how = { lora: adapter };
    const merge = () => convert(join(folder, name, "base"), join(converted, name), how);
    if (refused.has(name)) {
      expect((await caught(merge)).code, name).toBe("WB4705");
      continue;
    }
    const { tensors } = await merge();
    expect(tensors.some(({ action }) => action === "merge-adapter")).toBe(true);
    for (const to of ["pytorch", "safetensors"] as const)
      await convert(adapter, join(converted, `${name}-adapter-${to}`), { to });
  }
  const found = runPython("adapters.py", { do: "check", folder, converted }, PEERS);
  if (!isRecord(found)) throw new Error("nothing was compared");
  expect(Object.keys(found)).toHaveLength(names.length - refused.size);
  expect(Object.entries(found).filter(([, count]) => count !== 0)).toEqual([]);
});
