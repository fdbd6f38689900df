import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderVerify } from "../../src/cli/render-verify.ts";
import { prove } from "../../src/verify/prove.ts";
import { evidenceOf } from "../../src/verify/report/evidence.ts";
import type { VerifyOptions, VerifyResult } from "../../src/verify/result.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { tamperedNibbles } from "../support/tampered-nibbles.ts";

const GEMMA = join(FIXTURES, "gemma");
const QUANTISED = join(FIXTURES, "gguf/gemma-q4_0-imatrix.gguf");
const MATRIX = join(FIXTURES, "gguf/imatrix.gguf");

/** Bytes of a Q4_0 block, as are all that a matrix goes into here. */
const Q4_0_BYTES = 18;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-verify-imatrix-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function verified(
  path: string,
  other: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  return verify(path, { other, device: "wasm", ...options });
}

describe("verify with the importance matrix", () => {
  it.each(["imatrix.dat", "imatrix.gguf"])(
    "%s: every block has the very bytes, and the matrix is in the evidence",
    async (name) => {
      const imatrix = join(FIXTURES, "gguf", name);
      const result = await verified(QUANTISED, GEMMA, { imatrix });
      expect(result.verdict).toBe("pass");
      const [quantisation] = result.comparisons.map((comparison) => comparison.quantisation);
      expect(quantisation).toMatchObject({
        importanceMatrix: true,
        imatrix: { path: imatrix, tensors: 14 },
        blocks: { total: 672, identical: 672 },
        otherScales: [],
      });
      expect(renderVerify(result)).toContain(`    quantised by ${imatrix}: 10 of 12 tensors\n`);
      const { files } = await evidenceOf(result);
      const filed = files.find(({ role }) => role === "imatrix");
      const sha256 = createHash("sha256").update(readFileSync(imatrix)).digest("hex");
      expect(filed).toMatchObject({ path: imatrix, sha256 });
    },
  );

  it("judges as prove does where the quantised file is the other side", async () => {
    const [here] = (await verified(GEMMA, QUANTISED, { imatrix: MATRIX })).comparisons;
    const there = await prove(QUANTISED, GEMMA, { imatrix: MATRIX });
    expect(here?.quantisation).toMatchObject({
      side: "other",
      tensors: there.tensors,
      blocks: there.blocks,
    });
  });

  it("without it, blocks are judged by their levels, and the text names the option", async () => {
    const result = await verified(QUANTISED, GEMMA);
    const [comparison] = result.comparisons;
    expect(comparison?.quantisation).toMatchObject({ importanceMatrix: true, imatrix: null });
    expect(comparison?.quantisation?.blocks.rounded).toBeGreaterThan(300);
    expect(renderVerify(result)).toContain("    --imatrix FILE compares the bytes");
    expect(result.inputs.map(({ role }) => role)).not.toContain("imatrix");
  });

  it("names changed blocks that only the matrix tells", async () => {
    const { bytes, places } = await tamperedNibbles(QUANTISED, 1, 20);
    const path = join(folder, "tampered.gguf");
    writeFileSync(path, bytes);
    const { unexplained, otherScales } = await prove(path, GEMMA);
    const byLevels = new Set([...unexplained, ...otherScales].map(({ offset }) => offset));
    // Left by the levels alone: only blocks whose change keeps every level the nearest one.
    const hidden = places.filter((place) => !byLevels.has(place));
    expect(hidden.length).toBeGreaterThan(0);

    const whole = readFileSync(QUANTISED);
    for (const place of hidden) bytes.copy(whole, place, place, place + Q4_0_BYTES);
    writeFileSync(path, whole);
    const without = await verified(path, GEMMA);
    expect(without.verdict).toBe("pass");
    expect(without.comparisons[0]?.quantisation?.otherScales).toEqual([]);
    const result = await verified(path, GEMMA, { imatrix: MATRIX });
    const named = result.comparisons[0]?.quantisation?.otherScales.map(({ offset }) => offset);
    expect([...new Set(named)].toSorted((left, right) => left - right)).toEqual(hidden);
    expect(renderVerify(result)).toContain(`at byte ${hidden[0]}`);
  });

  it("refuses a matrix that nothing would be judged by, and a damaged one", async () => {
    const copy = join(folder, "copy");
    cpSync(GEMMA, copy, { recursive: true });
    const codes = [];
    for (const work of [
      () => verified(copy, GEMMA, { imatrix: MATRIX }),
      () => verify(QUANTISED, { imatrix: MATRIX, golden: join(GEMMA, "golden.safetensors") }),
      () => verified(QUANTISED, GEMMA, { imatrix: join(GEMMA, "config.json") }),
    ])
      codes.push((await caught(work)).code);
    expect(codes).toEqual(["WB2912", "WB2912", "WB3513"]);
  });
});
