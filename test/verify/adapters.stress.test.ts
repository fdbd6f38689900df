import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { SOLVED_BLUNDERS } from "../support/blunders/solved.ts";
import { readEditable } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const MODEL = join(FIXTURES, "grouped-deep");
const GOLDEN = join(FIXTURES, "goldens", "grouped-deep.safetensors");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-adapters-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("an adapter in attention, by a golden with hidden states", () => {
  test.each(["v_proj of layer 0", "q_proj and v_proj everywhere"])(
    "is named in %s, and nothing else is blamed",
    async (place) => {
      const blunder = SOLVED_BLUNDERS.find(
        ({ name, cause }) => cause === "low-rank" && name.endsWith(place),
      );
      const config = readFileSync(join(MODEL, "config.json"), "utf8");
      const model = await readEditable(join(MODEL, "model.safetensors"), config);
      const changed = blunder?.make(model);
      const path = join(folder, place.replaceAll(" ", "-"));
      await model.write(path);
      const { verdict, diagnosis } = await verify(path, { golden: GOLDEN, device: "wasm" });
      expect(verdict).toBe("fail");
      const [first, ...rest] = diagnosis;
      expect(first?.cause).toBe("low-rank");
      expect(first?.tensors.filter((name) => changed?.includes(name) !== true)).toEqual([]);
      // Of a layer for which the search was not enough, nothing is said that is not so.
      expect(rest.filter(({ cause }) => cause !== "undetermined")).toEqual([]);
      expect(diagnosis[0]?.evidence).toContain("what an adapter makes");
    },
  );
});
