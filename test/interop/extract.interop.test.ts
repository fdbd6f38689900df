import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { extract } from "../../src/api/extract.ts";
import { isRecord } from "../support/is-record.ts";
import { makePeers, PEERS } from "../support/peer-packages.ts";
import { runPython } from "../support/python.ts";

beforeAll(makePeers);

test("peft loads extracted adapters and merges them to our bits; what it merged comes back at rounding, all else near the best", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weighbridge-extract-"));
  const saved = runPython("extract.py", { do: "save", folder }, PEERS);
  if (!Array.isArray(saved)) throw new Error("nothing was saved");
  const stated = new Map<string, number>();
  for (const kind of saved) {
    if (!isRecord(kind)) throw new Error("nothing was named");
    const [name, rank] = [String(kind["name"]), Number(kind["rank"])];
    const [base, tuned] = ["base", "tuned"].map((one) => join(folder, name, one));
    if (base === undefined || tuned === undefined) throw new Error("no places");
    const adapter = join(folder, name, "extracted");
    const { error } = await extract(base, tuned, adapter, { rank, rest: "save" });
    stated.set(name, error);
    await convert(base, join(folder, name, "again"), { lora: adapter });
  }
  const found = runPython("extract.py", { do: "check", folder }, PEERS);
  if (!isRecord(found)) throw new Error("nothing was compared");
  expect(Object.keys(found)).toEqual([...stated.keys()]);
  for (const [name, numbers] of Object.entries(found)) {
    if (!isRecord(numbers)) throw new Error(name);
    const [left, best] = [Number(numbers["tuned"]), Number(numbers["best"])];
    expect(numbers, name).toMatchObject({ peft: 0, others: 0 });
    const error = stated.get(name) ?? 1;
    // Merging rounds once more; half a bfloat16's step is what a merge in bfloat16 left.
    const rounding = name.endsWith("bf16") ? 0.01 : 3e-7;
    expect(left, name).toBeLessThan(error + rounding);
    expect(error, name).toBeLessThan(best * 1.005 + 1e-7);
    if (name.startsWith("merged")) expect(error, name).toBeLessThan(rounding);
  }
});
