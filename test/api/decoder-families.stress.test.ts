import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { expectedWeights, FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { storedFacts } from "../support/stored-facts.ts";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-decoders-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** The folders of these sets of weights, each with what programs of Paddle's have a layout of it. */
const WRITERS = {
  mistral: ["paddlenlp", "paddleformers"],
  internlm2: ["paddlenlp", "paddleformers"],
  internlm3: ["paddlenlp", "paddleformers"],
  "glm-4-9b": ["paddlenlp"],
  ernie4_5: ["erniekit", "paddleformers"],
  "ernie4_5-bias": ["erniekit", "paddleformers"],
  seed_oss: ["paddleformers"],
  qwen3: ["paddleformers", "paddlenlp"],
  "qwen2-window": ["paddlenlp", "paddleformers"],
  phi3: ["paddleformers"],
  glm4: ["paddleformers"],
  gemma: ["paddlenlp", "paddleformers"],
  gemma2: ["paddleformers"],
  gemma3: ["paddleformers"],
  mixtral: ["paddlenlp", "paddleformers"],
  qwen2_moe: ["paddlenlp", "paddleformers"],
  qwen3_moe: ["paddleformers", "paddlenlp"],
  ernie4_5_moe: ["erniekit", "paddleformers"],
  "ernie4_5_moe-every": ["erniekit", "paddleformers"],
  glm4_moe: ["paddleformers"],
  "glm4_moe-groups": ["paddleformers"],
  deepseek_v2: ["paddlenlp", "paddleformers"],
  "deepseek_v2-yarn": ["paddlenlp", "paddleformers"],
  deepseek_v3: ["paddlenlp", "paddleformers"],
  "deepseek_v3-halves": ["paddlenlp", "paddleformers"],
  gpt2: ["paddlenlp"],
  opt: ["paddlenlp"],
  bloom: ["paddlenlp"],
  bert: ["paddlenlp"],
  roberta: ["paddlenlp"],
  ernie: ["paddlenlp"],
} as const;

const folderOf = (set: string): (typeof FIXTURE_FOLDERS)[number] => {
  const found = FIXTURE_FOLDERS.find(({ weights }) => weights === set);
  if (found === undefined) throw new Error(`no fixture holds ${set}`);
  return found;
};

const JOURNEYS = Object.entries(WRITERS).flatMap(([set, writers]) => [
  { set, to: "pytorch" as const, writer: undefined },
  ...writers.map((writer) => ({ set, to: "paddle" as const, writer })),
]);

describe("a decoder", () => {
  it.each(JOURNEYS)(
    "$set goes to $to for $writer and back byte for byte, and gives the golden's logits on the way",
    async ({ set, to, writer }) => {
      const { path, golden } = folderOf(set);
      const there = join(work, `${set}-${to}-${writer ?? ""}`);
      const back = join(work, `${set}-${to}-${writer ?? ""}-back`);
      await convert(path, there, { to, for: writer });
      await convert(there, back);
      expect(await storedFacts(join(back, "model.safetensors"))).toEqual(expectedWeights(set));
      const found = await verify(there, { golden, other: path, device: "wasm" });
      expect([found.verdict, found.diagnosis]).toEqual(["pass", []]);
      expect(found.comparisons).toHaveLength(2);
    },
  );
});

/** Names and shapes of a converted folder's tensors. */
async function shapesOf(folder: string): Promise<Readonly<Record<string, readonly number[]>>> {
  const { checkpoint } = await openCheckpoint(join(folder, "model_state.pdparams"));
  try {
    return Object.fromEntries(checkpoint.tensors.map(({ name, shape }) => [name, shape]));
  } finally {
    await checkpoint.close();
  }
}

function configOf(folder: string): unknown {
  return JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
}

describe("a conversion to Paddle", () => {
  it("gives ERNIE 4.5 ERNIEKit's names by default, one Linear for queries, keys and values", async () => {
    const target = join(work, "ernie");
    await convert(join(FIXTURES, "ernie4_5-bias"), target, { to: "paddle" });
    expect(await shapesOf(target)).toMatchObject({
      "ernie.layers.0.self_attn.qkv_proj.weight": [32, 64],
      "ernie.layers.0.mlp.up_gate_proj.weight": [32, 112],
      "lm_head.weight": [32, 128],
    });
    expect(configOf(target)).toMatchObject({ architectures: ["Ernie4_5_ForCausalLM"] });
  });

  it("writes for PaddleFormers Hugging Face's names, and the head as torch has it", async () => {
    const target = join(work, "formers");
    await convert(join(FIXTURES, "ernie4_5-bias"), target, { to: "paddle", for: "paddleformers" });
    expect(await shapesOf(target)).toMatchObject({
      "model.layers.0.self_attn.q_proj.weight": [32, 32],
      "model.layers.0.mlp.gate_proj.weight": [32, 56],
      "lm_head.weight": [128, 32],
    });
    expect(configOf(target)).toMatchObject({ architectures: ["Ernie4_5ForCausalLM"] });
  });

  it("writes the base of the rotary in both spellings, since each of Paddle's programs reads one", async () => {
    const target = join(work, "mistral");
    await convert(join(FIXTURES, "mistral"), target, { to: "paddle" });
    expect(configOf(target)).toMatchObject({
      rope_theta: 1_000_000,
      rope_parameters: { rope_type: "default", rope_theta: 1_000_000 },
      sliding_window: 6,
    });
  });

  it("for a program that has no layout of the model is refused, and names those that have", async () => {
    const error = await caught(() =>
      convert(join(FIXTURES, "mistral"), join(work, "no"), { to: "paddle", for: "erniekit" }),
    );
    expect([error.code, error.message]).toEqual([
      "WB4704",
      "--for erniekit: it has no layout of MistralForCausalLM that is known; there are those of paddlenlp, paddleformers",
    ]);
  });

  it("is what --for needs", async () => {
    const error = await caught(() =>
      convert(join(FIXTURES, "mistral"), join(work, "no"), { for: "paddlenlp" }),
    );
    expect(error.code).toBe("WB2704");
  });
});

describe("a Linear for queries, keys and values of the same name and shape", () => {
  it("goes by key-value head in PaddleNLP's files, and is queries, keys, values in ERNIEKit's", async () => {
    // The same numbers read as LLaMA's of PaddleNLP are other queries, keys and values.
    const folder = join(FIXTURES, "ernie4_5-paddle");
    const target = join(work, "plain");
    await convert(folder, target);
    expect(await storedFacts(join(target, "model.safetensors"))).toEqual(
      expectedWeights("ernie4_5"),
    );
    const internlm2 = join(work, "grouped");
    await convert(join(FIXTURES, "internlm2"), internlm2);
    expect(await storedFacts(join(internlm2, "model.safetensors"))).toEqual(
      expectedWeights("internlm2"),
    );
  });
});
