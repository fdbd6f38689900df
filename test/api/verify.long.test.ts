import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordGolden } from "../../src/verify/golden/record.ts";
import { verify } from "../../src/verify/run.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { caught } from "../support/caught.ts";
import { readEditable } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const TINY = join(FIXTURES, "internlm-tiny");
const GOLDEN = join(FIXTURES, "goldens/f16.safetensors");
const device = "wasm";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-verify-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("verify", () => {
  test("needs something to compare with", async () => {
    expect((await caught(() => verify(join(TINY, "pytorch_model.bin")))).code).toBe("WB2911");
    expect((await caught(() => verify(join(FIXTURES, "paddle-a")))).code).toBe("WB2911");
    expect((await caught(() => verify(join(folder, "nothing"), { golden: GOLDEN }))).code).toBe(
      "WB3001",
    );
  });

  test("holds the sets of weights in a folder against each other", async () => {
    const { verdict, comparisons, notes, prompts } = await verify(TINY, { device });
    expect([verdict, comparisons.map(({ path }) => path)]).toEqual([
      "pass",
      [join(TINY, "model_state.pdparams")],
    ]);
    expect(notes[0]).toContain("2 sets of weights");
    // English and Chinese, through the model's own tokenizer.
    expect(prompts.length).toBeGreaterThanOrEqual(4);
  });

  test("says the tolerance, where it comes from, what would have passed, and how many times the noise it is", async () => {
    const { comparisons } = await verify(TINY, { golden: GOLDEN, device });
    const parity = comparisons[0]?.parity;
    expect(parity?.gate.origin.join(" ")).toMatch(/float32.*noise of this model/);
    expect(parity?.noise).toBeGreaterThan(0);
    expect(parity?.timesNoise).toBeLessThan(8);
    for (const { maxAbs, wouldPassWith, rows } of parity?.prompts ?? []) {
      expect(wouldPassWith).toBe(maxAbs);
      expect(rows.every(({ top1 }) => top1 === "same")).toBe(true);
    }
    const strict = await verify(TINY, { golden: GOLDEN, device, maxAbs: 1e-9, diagnose: false });
    const needed = strict.prompts.reduce(
      (most, prompt) => Math.max(most, prompt.wouldPassWith ?? 0),
      0,
    );
    expect(strict.verdict).toBe("fail");
    expect((await verify(TINY, { golden: GOLDEN, device, maxAbs: needed })).verdict).toBe("pass");
  });

  test("takes prompts of the user's", async () => {
    const prompts = [
      { kind: "ids", ids: [1, 5, 9] },
      { kind: "text", text: "hello" },
    ] as const;
    const result = await verify(TINY, { other: join(FIXTURES, "paddle-a"), prompts, device });
    expect([result.verdict, result.prompts.map(({ positions }) => positions > 0)]).toEqual([
      "pass",
      [true, true],
    ]);
  });

  test("compares tensors that no prompt touches", async () => {
    const model = await readEditable(
      join(TINY, "pytorch_model.bin"),
      readFileSync(join(TINY, "config.json"), "utf8"),
    );
    const embeddings = model.get("model.embed_tokens.weight");
    const data = embeddings.data.slice();
    data[383 * 32] = 1;
    model.set("model.embed_tokens.weight", { ...embeddings, data });
    const path = join(folder, "unseen");
    await model.write(path);
    const prompts = [{ kind: "ids", ids: [1, 5, 9] }] as const;
    const { verdict, diagnosis } = await verify(path, { other: TINY, prompts, device });
    expect([verdict, diagnosis[0]?.cause, diagnosis[0]?.tensors]).toEqual([
      "fail",
      "corrupt",
      ["model.embed_tokens.weight"],
    ]);
  });

  test("takes a file without config.json to be of the model on the other side", async () => {
    const bare = join(folder, "bare.pdparams");
    copyFileSync(join(TINY, "model_state.pdparams"), bare);
    expect((await verify(TINY, { other: bare, device })).verdict).toBe("pass");
    expect((await verify(bare, { other: join(TINY, "pytorch_model.bin"), device })).verdict).toBe(
      "pass",
    );
    expect((await caught(() => verify(bare, { golden: GOLDEN, device }))).code).toBe("WB3705");
  });

  test("names settings that differ between two configs", async () => {
    const path = join(folder, "theta");
    cpSync(TINY, path, { recursive: true });
    const config: unknown = JSON.parse(readFileSync(join(path, "config.json"), "utf8"));
    writeFileSync(
      join(path, "config.json"),
      JSON.stringify({ ...Object(config), rms_norm_eps: 0.01 }),
    );
    const { verdict, diagnosis } = await verify(path, {
      other: join(FIXTURES, "paddle-a"),
      device,
    });
    expect([verdict, diagnosis[0]?.cause]).toEqual(["fail", "config-mismatch"]);
    expect(diagnosis[0]?.evidence).toContain("rms_norm_eps is 0.01 here");
  });

  test("refuses goldens that are none, of another vocabulary, or of another tokenizer", async () => {
    expect(
      (await caught(() => verify(TINY, { golden: join(FIXTURES, "safetensors-single"), device })))
        .code,
    ).toBe("WB3911");
    const recorded = join(folder, "tiny.safetensors");
    await recordGolden(TINY, recorded, { device });
    const other = join(folder, "other-tokenizer");
    cpSync(TINY, other, { recursive: true });
    const model = readFileSync(join(other, "tokenizer.model"));
    writeFileSync(join(other, "tokenizer.model"), Buffer.concat([model, Buffer.from([0x22, 0])]));
    expect((await caught(() => verify(other, { golden: recorded, device }))).code).toBe("WB3912");
    expect((await verify(TINY, { golden: recorded, device })).verdict).toBe("pass");
  });

  test("names a tokenizer that leaves the beginning-of-sequence id out", async () => {
    const recorded = join(folder, "with-texts.safetensors");
    await recordGolden(TINY, recorded, { device, prompts: [{ kind: "text", text: "hello" }] });
    const path = join(folder, "no-bos");
    cpSync(TINY, path, { recursive: true });
    const settings: unknown = JSON.parse(readFileSync(join(path, "tokenizer_config.json"), "utf8"));
    writeFileSync(
      join(path, "tokenizer_config.json"),
      JSON.stringify({ ...Object(settings), add_bos_token: false }),
    );
    for (const options of [{ golden: recorded }, { other: TINY }]) {
      const { verdict, diagnosis } = await verify(path, { ...options, device });
      expect([verdict, diagnosis[0]?.cause]).toEqual(["fail", "tokenizer"]);
    }
  });

  test("a golden for the same values in another dtype is not stale", async () => {
    const recorded = join(folder, "f16.safetensors");
    await recordGolden(join(FIXTURES, "safetensors-single"), recorded, { device });
    const path = join(folder, "upcast");
    const { convert } = await import("../../src/api/convert.ts");
    await convert(join(FIXTURES, "safetensors-single"), path, { dtype: "F32" });
    expect((await verify(path, { golden: recorded, device })).verdict).toBe("pass");
  });

  test("greedy ids that differ fail, and say how many", async () => {
    const path = join(folder, "greedy.safetensors");
    copyFileSync(GOLDEN, path);
    const { checkpoint } = await openCheckpoint(path);
    await checkpoint.close();
    const greedy = checkpoint.tensors.find(({ name }) => name === "prompt.0.greedy_ids");
    const last = (greedy?.byteOffset ?? 0) + 4 * ((greedy?.shape[0] ?? 0) - 1);
    const bytes = readFileSync(path);
    bytes.writeInt32LE((bytes.readInt32LE(last) + 1) % 384, last);
    writeFileSync(path, bytes);
    const { verdict, comparisons } = await verify(TINY, { golden: path, device });
    expect(verdict).toBe("fail");
    expect(comparisons[0]?.failures).toEqual([
      expect.stringMatching(/^prompt\.0: 1 of \d+ greedy ids are others/),
    ]);
  });
});
