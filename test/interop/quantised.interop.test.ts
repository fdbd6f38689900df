import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { isRecord } from "../support/is-record.ts";
import { makePeers, PEERS } from "../support/peer-packages.ts";
import { runPython } from "../support/python.ts";

beforeAll(makePeers);

test("quantised matrices have the values of the libraries that made them, bit by bit", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weighbridge-quantised-"));
  const converted = mkdtempSync(join(tmpdir(), "weighbridge-dequantised-"));
  const names = runPython("quantised.py", { do: "save", folder }, PEERS);
  if (!Array.isArray(names)) throw new Error("nothing was quantised");
  const wrong: unknown[] = [];
  for (const dtype of ["F32", "BF16", "F16"] as const) {
    for (const name of names.map(String)) {
      const target = join(converted, `${name}-${dtype}`);
      const how = { architecture: "none", dequantize: dtype };
      await convert(join(folder, name), target, how);
      const config: unknown = JSON.parse(readFileSync(join(target, "config.json"), "utf8"));
      expect(config).toEqual({ architectures: ["UnknownForCausalLM"] });
    }
    const found = runPython("quantised.py", { do: "check", folder, converted, dtype }, PEERS);
    if (!isRecord(found)) throw new Error("nothing was compared");
    expect(Object.keys(found)).toHaveLength(names.length);
    wrong.push(...Object.entries(found).filter(([, count]) => count !== 0));
  }
  expect(wrong).toEqual([]);
});
