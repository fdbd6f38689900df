import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { logits } from "../../src/api/logits.ts";
import { openSafetensors } from "../../src/formats/safetensors/read.ts";
import { openFileSource } from "../../src/sources/file.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { readGoldenPrompts } from "../support/golden-prompts.ts";
import { maxAbs } from "../support/max-abs.ts";

const TINY = join(FIXTURES, "internlm-tiny");
const IDS = [1, 290, 31, 300, 44, 377, 378];
const prompts = [{ kind: "ids" as const, ids: IDS }];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weighbridge-logits-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function tensorsOf(path: string): Promise<Readonly<Record<string, readonly number[]>>> {
  const checkpoint = await openSafetensors(await openFileSource(path));
  await checkpoint.close();
  return Object.fromEntries(checkpoint.tensors.map(({ name, shape }) => [name, shape]));
}

describe("logits", () => {
  test("of every position, with the largest ones sorted out", async () => {
    const golden = await readGoldenPrompts(join(FIXTURES, "goldens/f16.safetensors"));
    const result = await logits(TINY, { prompts, device: "wasm", top: 3 });
    expect(result.vocabSize).toBe(384);
    expect(maxAbs(result.prompts[0]?.logits ?? [], golden[1]?.logits ?? [])).toBeLessThan(5e-5);
    expect(result.top.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(result.top.at(-1)?.ids[0]).toBe(golden[1]?.greedy[IDS.length]);
    expect(result.top.every(({ ids }) => ids.length === 3)).toBe(true);
  });

  test("of some positions are those of all", async () => {
    const all = await logits(TINY, { prompts, device: "wasm" });
    const some = await logits(TINY, { prompts, device: "wasm", positions: [2, -1] });
    expect(some.prompts[0]?.positions).toEqual([2, 6]);
    const rows = all.prompts[0]?.logits ?? new Float32Array(0);
    const expected = [...rows.subarray(2 * 384, 3 * 384), ...rows.subarray(6 * 384)];
    expect(maxAbs(some.prompts[0]?.logits ?? [], expected)).toBeLessThan(1e-5);
  });

  test("are saved in the shape of a golden file, the same bytes each time", async () => {
    const [first, second] = [join(folder, "a.safetensors"), join(folder, "b.safetensors")];
    const result = await logits(TINY, { prompts, device: "wasm", hiddenStates: true, out: first });
    await logits(TINY, { prompts, device: "wasm", hiddenStates: true, out: second });
    expect(await tensorsOf(first)).toEqual({
      "prompt.0.input_ids": [7],
      "prompt.0.logits": [7, 384],
      "prompt.0.hidden_states.0": [7, 32],
      "prompt.0.hidden_states.1": [7, 32],
      "prompt.0.hidden_states.2": [7, 32],
      "prompt.0.hidden_states.3": [7, 32],
    });
    expect(await readFile(second)).toEqual(await readFile(first));
    const checkpoint = await openSafetensors(await openFileSource(first));
    expect(checkpoint.metadata.get("dtype")).toBe("float32");
    const stored = checkpoint.tensors.find(({ name }) => name === "prompt.0.logits");
    const bytes = await stored?.source.read(stored.byteOffset, 4 * 7 * 384);
    await checkpoint.close();
    const values = new Float32Array(Uint8Array.from(bytes ?? []).buffer);
    expect(values).toEqual(result.prompts[0]?.logits);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("of chosen positions say which in the file", async () => {
    const path = join(folder, "last.safetensors");
    await logits(TINY, { prompts, device: "wasm", positions: "last", out: path });
    expect(await tensorsOf(path)).toEqual({
      "prompt.0.input_ids": [7],
      "prompt.0.logits": [1, 384],
      "prompt.0.positions": [1],
    });
  });
});

test("a prompt in words is encoded by the model's own tokenizer", async () => {
  const text = [{ kind: "text" as const, text: "hi" }];
  const result = await logits(TINY, { prompts: text, device: "wasm" });
  const ids = result.prompts[0]?.ids ?? [];
  expect(ids.length).toBeGreaterThan(1);
  const same = await logits(TINY, { prompts: [{ kind: "ids", ids }], device: "wasm" });
  expect(same.prompts).toEqual(result.prompts);
});

describe("what cannot be run is refused", () => {
  const cases: readonly [string, string, Parameters<typeof logits>[1]][] = [
    ["no prompt", "WB2801", { prompts: [] }],
    ["an empty prompt", "WB2801", { prompts: [{ kind: "ids", ids: [] }] }],
    ["a position outside the prompt", "WB2801", { prompts, positions: [7] }],
    ["an id outside the vocabulary", "WB3804", { prompts: [{ kind: "ids", ids: [1, 384] }] }],
    ["a half dtype on wasm", "WB6203", { prompts, compute: "bf16" }],
    ["rounded activations on wasm", "WB6204", { prompts, activations: "int8" as const }],
    ["less memory than it takes", "WB6003", { prompts, maxMemory: 1e6 }],
  ];
  test.each(cases)("%s: %s", async (_, code, options) => {
    const error = await caught(() => logits(TINY, { device: "wasm", ...options }));
    expect(error.code).toBe(code);
  });

  test("text without a tokenizer: WB3801", async () => {
    const text = [{ kind: "text" as const, text: "hi" }];
    const error = await caught(() =>
      logits(join(FIXTURES, "paddle-e"), { prompts: text, device: "wasm" }),
    );
    expect(error.code).toBe("WB3801");
  });

  test("a signal that is aborted stops it", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(logits(TINY, { prompts, device: "wasm", signal })).rejects.toThrow("stop");
  });
});
