import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/api/check.ts";
import { logits } from "../../src/api/logits.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { diff } from "../../src/verify/diff.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const HONEST = join(FIXTURES, "internlm-tiny");
const GOLDEN = join(FIXTURES, "goldens/f16.safetensors");
const EMBEDDINGS = "model.embed_tokens.weight";
const GATE = "model.layers.1.mlp.gate_proj.weight";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-damaged-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** The model with the lowest bit of one value changed in the archive, as a disk changes it. */
async function damagedModel(tensor: string, element: number): Promise<string> {
  const folder = mkdtempSync(join(work, "model-"));
  cpSync(HONEST, folder, { recursive: true });
  const path = join(folder, "pytorch_model.bin");
  const { checkpoint } = await openCheckpoint(path);
  const stored = checkpoint.tensors.find(({ name }) => name === tensor);
  await checkpoint.close();
  const begin = stored?.source.fileRange?.begin;
  expect(begin).toBeDefined();
  const bytes = readFileSync(path);
  const at = (begin ?? 0) + (stored?.byteOffset ?? 0) + 2 * element;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  rmSync(join(folder, "model_state.pdparams"));
  return folder;
}

const CHECKSUM = /zip entry "[^"]*": its bytes have CRC-32 [\da-f]{8}, the archive says [\da-f]{8}/;

describe("a record of an archive that is not what was saved", () => {
  test("fails against a golden whose prompts do not reach it", async () => {
    // Token 250 is in no prompt of the golden.
    const model = await damagedModel(EMBEDDINGS, 250 * 32);
    const result = await verify(model, { golden: GOLDEN, device: "wasm" });
    const { verdict, diagnosis, comparisons } = result;
    expect(comparisons[0]?.parity?.passes).toBe(true);
    expect(verdict).toBe("fail");
    expect(diagnosis).toHaveLength(1);
    expect(diagnosis[0]).toMatchObject({ cause: "corrupt", tensors: [EMBEDDINGS] });
    expect(diagnosis[0]?.evidence).toMatch(CHECKSUM);
  });

  test("is named behind what two checkpoints' values show, on the side that it is on", async () => {
    const model = await damagedModel(GATE, 1091);
    const other = join(HONEST, "model_state.pdparams");
    const forwards = await diff(model, other);
    expect(forwards.diagnosis.map(({ cause }) => cause)).toEqual(["corrupt", "corrupt"]);
    expect(forwards.diagnosis[1]?.evidence).toMatch(CHECKSUM);
    expect(forwards.diagnosis[1]?.tensors).toEqual([GATE]);
    const backwards = await verify(other, { other: model, device: "wasm" });
    expect(backwards.diagnosis.at(-1)?.evidence).toMatch(/^the other side: .*CRC-32/);
  });

  test("passes beside a copy of the same values, and is noted", async () => {
    const model = await damagedModel(GATE, 1091);
    const { verdict, diagnosis, notes } = await verify(model, { other: model, device: "wasm" });
    expect([verdict, diagnosis]).toEqual(["pass", []]);
    expect(notes.filter((note) => CHECKSUM.test(note))).toHaveLength(1);
  });

  test("is refused where the model is run", async () => {
    const model = await damagedModel(GATE, 1091);
    const run = async (): Promise<unknown> =>
      logits(model, { prompts: [{ kind: "ids", ids: [1, 2, 3] }], device: "wasm" });
    const error = await caught(run);
    expect(error.code).toBe("WB3104");
    expect(error.message).toContain(`tensor ${GATE}`);
  });

  test("is a problem of check --digests, without a manifest", async () => {
    const model = await damagedModel(GATE, 1091);
    expect((await check(model)).problems).toEqual([]);
    const { problems, notes } = await check(model, { digests: true });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code: "WB3104", tensor: GATE });
    expect(notes).toContain("compared with the archive: CRC-32 of 45 records");
  });
});
