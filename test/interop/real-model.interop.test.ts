import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { generate } from "../../src/api/generate.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import type { Diagnosis } from "../../src/verify/diagnose/diagnosis.ts";
import { diff } from "../../src/verify/diff.ts";
import { goldenScript } from "../../src/verify/golden/record.ts";
import { verify } from "../../src/verify/run.ts";
import { isRecord } from "../support/is-record.ts";
import { madeBy } from "../support/own-environment.ts";
import { PYTHON, runPython } from "../support/python.ts";
import { REAL_MISTAKES, RealModel, type RealMistake } from "../support/real-mistakes.ts";

/** A model with trained weights: what holds of drawn ones need not hold of it. */
const work = mkdtempSync(join(tmpdir(), "weighbridge-real-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const right = join(work, "right");
const golden = join(work, "golden.safetensors");

/** Ids of some text, of one short prompt, and of tokens from all over the vocabulary. */
const PROMPTS = [
  [
    1, 504, 3575, 282, 4649, 314, 7042, 28, 281, 260, 1852, 506, 1194, 282, 260, 905, 30, 378, 3575,
    314, 1343, 1194, 327, 624, 1443, 284, 1487, 28, 3590, 260, 22118, 26045,
  ],
  [1, 4093, 198, 1780, 314, 253, 5345, 28665],
  [
    1, 28120, 5336, 1132, 24860, 2645, 11, 198, 1109, 429, 446, 2, 198, 17, 25, 321, 4512, 6, 9, 12,
    77, 801, 1290, 6389, 40000, 48000, 33, 44, 55, 66,
  ],
] as const;

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")} ended with ${status}:\n${stderr}`);
  return stdout.trim();
}

beforeAll(async () => {
  const script = join(work, "record.py");
  writeFileSync(script, await goldenScript("transformers"));
  const path = madeBy("real-model.mjs");
  await convert(path, right);
  const ids = PROMPTS.flatMap((prompt) => ["--input-ids", prompt.join()]);
  run(PYTHON, ["-W", "ignore", script, right, golden, ...ids, "--greedy-tokens", "0"]);
}, 600_000);

describe("SmolLM2-135M, out of its GGUF file", () => {
  test("has transformers' logits and states", async () => {
    const { verdict, diagnosis } = await verify(right, { golden, device: "wasm" });
    expect({ verdict, diagnosis }).toEqual({ verdict: "pass", diagnosis: [] });
  });

  test("answers from the file as it is in its package", async () => {
    const { results } = await generate(madeBy("real-model.mjs"), {
      prompts: [{ kind: "text", text: "The capital of France is" }],
      maxNewTokens: 5,
      compute: "f32",
      device: "wasm",
    });
    expect(results[0]?.newText).toMatch(/^ Paris\b/);
  });

  test("goes on as transformers does, 64 tokens", async () => {
    const prompts = PROMPTS.slice(0, 1).map((ids) => [...ids]);
    const options = { do_sample: false, max_new_tokens: 64, eos_token_id: null };
    const cases = prompts.map((ids) => ({ prompts: [ids], options }));
    const expected = runPython("generate_ids.py", { folder: right, cases });
    const { results } = await generate(right, {
      prompts: prompts.map((ids) => ({ kind: "ids", ids })),
      maxNewTokens: 64,
      stopIds: [],
      compute: "f32",
      device: "wasm",
    });
    const found = results.map(({ ids }, index) => ({ rows: [ids.slice(prompts[index]?.length)] }));
    expect(found).toEqual(expected);
  });

  test("has a tokenizer.json that transformers opens, with the same ids", async () => {
    const texts = [
      "Once upon a time, 2024!",
      "naïve  café\n\t你好",
      "<|im_start|>user\nHi<|im_end|>",
    ];
    const said = runPython("auto_tokenizer_ids.py", { folder: right, texts });
    const tokenizer = await openTokenizer(right);
    expect(isRecord(said) && said["ids"]).toEqual(texts.map((text) => tokenizer.encode(text)));
  });

  test("keeps every value through PyTorch's and Paddle's files", async () => {
    const [torch, paddle, back] = ["torch", "paddle", "back"].map((name) => join(work, name));
    if (torch === undefined || paddle === undefined || back === undefined) throw new Error();
    await convert(right, torch, { to: "pytorch" });
    await convert(torch, paddle, { to: "paddle" });
    rmSync(torch, { recursive: true });
    await convert(paddle, back, { to: "safetensors" });
    rmSync(paddle, { recursive: true });
    expect(digests(back)).toEqual(digests(right));
    rmSync(back, { recursive: true });
  });
});

/** Digests of all tensors, as the manifest has them. */
function digests(folder: string): unknown {
  const text = readFileSync(join(folder, "weighbridge.manifest.json"), "utf8");
  const manifest: unknown = JSON.parse(text);
  return isRecord(manifest) ? manifest["tensors"] : undefined;
}

describe("mistakes made in it", () => {
  let model: RealModel;
  beforeAll(() => {
    model = new RealModel(right, join(work, "wrong"));
  });

  test.each(REAL_MISTAKES)("$name: named from a golden", async (mistake) => {
    mistake.make(model);
    try {
      const { verdict, diagnosis } = await verify(model.folder, { golden, device: "wasm" });
      expect(verdict).toBe("fail");
      const expected = { cause: mistake.cause, strangers: [], isEmpty: false };
      expect(judged(diagnosis, mistake), diagnosis[0]?.evidence).toEqual(expected);
    } finally {
      model.restore();
    }
  });

  test.each(REAL_MISTAKES)("$name: named beside the right one", async (mistake) => {
    mistake.make(model);
    try {
      const isSetting = mistake.tensors.length === 0;
      const { diagnosis } = isSetting
        ? await verify(model.folder, { other: right, device: "wasm", calibrate: false })
        : await diff(model.folder, right);
      const expected = { cause: mistake.cause, strangers: [], isEmpty: false };
      expect(judged(diagnosis, mistake), diagnosis[0]?.evidence).toEqual(expected);
    } finally {
      model.restore();
    }
  });
});

/** The head is the embeddings. */
function isTensorOf(tensors: readonly string[], name: string): boolean {
  return (
    tensors.includes(name) ||
    (name === "lm_head.weight" && tensors.includes("model.embed_tokens.weight"))
  );
}

/** What is said first, and what of it is to blame and what is not. */
function judged([first]: readonly Diagnosis[], { tensors }: RealMistake): unknown {
  const strangers = first?.tensors.filter((name) => !isTensorOf(tensors, name));
  return {
    cause: first?.cause,
    strangers,
    isEmpty: tensors.length > 0 && first?.tensors.length === 0,
  };
}
