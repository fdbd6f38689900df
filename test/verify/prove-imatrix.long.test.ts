import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { renderProof } from "../../src/cli/render-proof.ts";
import { openImportanceMatrix } from "../../src/formats/gguf/importance/importance-matrix.ts";
import { prove, type ProofResult } from "../../src/verify/prove.ts";
import { evidenceOf } from "../../src/verify/report/evidence.ts";
import { proofStatement } from "../../src/verify/report/proof-statement.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { importanceBytes, type WrittenImportance } from "../support/importance-file.ts";
import { tamperedNibbles } from "../support/tampered-nibbles.ts";

const GEMMA = join(FIXTURES, "gemma");
const QUANTISED = join(FIXTURES, "gguf/gemma-q4_0-imatrix.gguf");
const MATRIX = join(FIXTURES, "gguf/imatrix.gguf");
/** Tensors of the file in Q4_0, by their names there. */
const WEIGHED = [0, 1].flatMap((layer) =>
  ["attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up"].map((name) => `blk.${layer}.${name}.weight`),
);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-prove-imatrix-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The fixture's matrix in the old form, with some of its entries changed or left out. */
async function otherMatrix(
  name: string,
  change: (entry: WrittenImportance) => WrittenImportance | undefined,
): Promise<string> {
  const matrix = await openImportanceMatrix(MATRIX);
  const entries: WrittenImportance[] = [];
  for (const tensor of WEIGHED) {
    const sums = await matrix.read(tensor, 0, matrix.sizeOf(tensor) ?? 0);
    entries.push({ name: tensor, calls: 1, sums: [...sums] });
  }
  await matrix.close();
  const path = join(folder, name);
  writeFileSync(path, importanceBytes(entries.flatMap((entry) => change(entry) ?? [])));
  return path;
}

/** How many tensors have each relation to the matrix. */
function uses({ tensors }: ProofResult): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { matrix } of tensors) counts[matrix ?? "none"] = (counts[matrix ?? "none"] ?? 0) + 1;
  return counts;
}

describe("prove with the importance matrix", () => {
  it.each(["imatrix.dat", "imatrix.gguf"])("%s: every block has the very bytes", async (name) => {
    const imatrix = join(FIXTURES, "gguf", name);
    const result = await prove(QUANTISED, GEMMA, { imatrix, bytes: true });
    expect(result).toMatchObject({
      verdict: "pass",
      importanceMatrix: true,
      imatrix: { path: imatrix, tensors: 14 },
      blocks: { total: 672, identical: 672 },
    });
    expect(uses(result)).toEqual({ used: 10, none: 2 });
    const { predicate } = proofStatement(result, await evidenceOf(result));
    expect(predicate.configuration.map(({ name: file }) => file)).toContain(imatrix);
  });

  it("without it, blocks are judged by their levels, and --bytes refuses them", async () => {
    const result = await prove(QUANTISED, GEMMA);
    expect(result).toMatchObject({ verdict: "pass", importanceMatrix: true, imatrix: null });
    expect(result.blocks.rounded).toBeGreaterThan(300);
    expect(renderProof(result)).toContain("--imatrix FILE compares the bytes");
    expect((await prove(QUANTISED, GEMMA, { bytes: true })).verdict).toBe("fail");
  });

  it("names tensors that the matrix lacks, or has in another size, and that are judged by levels", async () => {
    const imatrix = await otherMatrix("partial.dat", (entry) => {
      if (entry.name === "blk.0.attn_q.weight") return undefined;
      return entry.name === "blk.1.ffn_up.weight" ? { ...entry, sums: [...entry.sums, 1] } : entry;
    });
    const result = await prove(QUANTISED, GEMMA, { imatrix });
    expect(uses(result)).toEqual({ used: 8, missing: 1, "other-size": 1, none: 2 });
    const byLevels = result.tensors.filter(({ rounded }) => rounded > 0);
    expect(byLevels.map(({ name, matrix }) => [name, matrix])).toEqual([
      ["model.layers.0.self_attn.q_proj.weight", "missing"],
      ["model.layers.1.mlp.up_proj.weight", "other-size"],
    ]);
    const text = renderProof(result);
    expect(text).toContain("not in the matrix: model.layers.0.self_attn.q_proj.weight\n");
    expect(text).toContain("of another size in the matrix: model.layers.1.mlp.up_proj.weight\n");
    expect(text).toContain(
      "judged by their levels alone: model.layers.0.self_attn.q_proj.weight, model.layers.1.mlp.up_proj.weight\n",
    );
    expect(result.verdict).toBe("pass");
    expect((await prove(QUANTISED, GEMMA, { imatrix, bytes: true })).verdict).toBe("fail");
  });

  it("says so where the matrix is another model's", async () => {
    const imatrix = await otherMatrix("other.dat", (entry) => ({
      ...entry,
      sums: entry.sums.map((sum, index) => sum * 10 ** (((index * 7) % 5) - 2)),
    }));
    const result = await prove(QUANTISED, GEMMA, { imatrix });
    expect(uses(result)).toEqual({ other: 10, none: 2 });
    expect(result.verdict).toBe("pass");
  });

  it("says so where the file was quantised without it", async () => {
    await convert(GEMMA, join(folder, "plain"), { to: "gguf", quantize: "Q4_0" });
    const path = join(folder, "plain/model.gguf");
    const result = await prove(path, GEMMA, { imatrix: MATRIX, bytes: true });
    expect(uses(result)).toEqual({ "left-out": 10, none: 2 });
    expect(result.verdict).toBe("pass");
  });

  it("finds every changed nibble, and names its block", async () => {
    const path = join(folder, "tampered.gguf");
    for (let seed = 1; seed <= 6; seed++) {
      const { bytes, places } = await tamperedNibbles(QUANTISED, seed, 20);
      writeFileSync(path, bytes);
      const result = await prove(path, GEMMA, { imatrix: MATRIX });
      const named = [...result.unexplained, ...result.otherScales].map(({ offset }) => offset);
      // The embeddings are the head, too.
      const own = [...new Set(named)].toSorted((left, right) => left - right);
      expect(own).toEqual(places);
      expect((await prove(path, GEMMA, { imatrix: MATRIX, bytes: true })).verdict).toBe("fail");
    }
  });
});
