import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { makePeers, PEERS } from "../support/peer-packages.ts";
import { runPython } from "../support/python.ts";
import { storedFacts } from "../support/stored-facts.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-zero-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const selection = { select: "fp32" };

describe("what DeepSpeed trains on two processes", () => {
  beforeAll(() => {
    makePeers();
    const made = runPython("../../../fixtures/make/deepspeed_zero.py", { folder }, PEERS);
    expect(made).toHaveLength(6);
  }, 600_000);

  it.each(["zero1-fp32", "zero1-bf16", "zero2-bf16", "zero2-fp32", "zero3-fp32", "zero3-bf16"])(
    "is as its zero_to_fp32 joins it, bit for bit: %s",
    async (name) => {
      const place = join(folder, name, "checkpoint");
      const joined = await storedFacts(join(folder, name, "joined.pt"));
      const stored = await storedFacts(place, selection);
      expect(stored).toMatchObject(joined);
      const out = join(folder, name, "out");
      await convert(place, out, { selection });
      expect(await storedFacts(out), basename(out)).toEqual(stored);
    },
  );
});
