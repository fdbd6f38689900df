import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { BLOCK_TYPES } from "../../src/formats/gguf/block-types.ts";
import { quantise, QUANTISED_TYPES } from "../../src/formats/gguf/quantise.ts";
import { planGgufFile } from "../../src/formats/gguf/write.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { ggufTokenizer } from "../../src/session/gguf-tokenizer.ts";
import { diff } from "../../src/verify/diff.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-gguf-write-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const fixture = (name: string): string => join(FIXTURES, name);

async function factsOf(path: string): Promise<{
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, string>;
}> {
  const { checkpoint } = await openCheckpoint(path);
  await checkpoint.close();
  const tensors = checkpoint.tensors.map(
    ({ name, dtype, shape, quantised }) =>
      [name, `${quantised?.type ?? dtype} ${shape.join("x")}`] as const,
  );
  return { metadata: checkpoint.metadata, tensors: new Map(tensors) };
}

/** Keys that only we write, or that only llama.cpp's converter does, and that change nothing. */
const APART =
  /^general\.|^tokenizer\.|\.(vocab_size|rope\.dimension_count|rope\.freq_base|(key|value)_length)$/;

describe("a model that is written as GGUF", () => {
  it.each([
    ["qwen3"],
    ["qwen3_moe"],
    ["mixtral"],
    ["phi3"],
    ["gemma"],
    ["glm4"],
    ["seed_oss"],
    ["ernie4_5"],
    ["internlm3"],
    // Its converter takes the feed-forward network's width over the number of key-value heads for the shared experts'.
    ["ernie4_5_moe", "expert_shared_feed_forward_length"],
    // It counts a layer that predicts tokens further ahead, which the folder does not have.
    ["glm4_moe", "block_count", "nextn_predict_layers"],
    // It takes the hidden size for the context's length, which config.json does not say.
    ["bloom", "context_length"],
    ["deepseek_v3"],
  ])("%s has the tensors and settings of llama.cpp's own converter", async (family, ...others) => {
    const target = join(folder, family);
    await convert(fixture(family), target, { to: "gguf", quantize: "F32" });
    const ours = await factsOf(join(target, "model.gguf"));
    const theirs = await factsOf(fixture(`gguf/${family}.gguf`));
    expect(Object.fromEntries(ours.tensors)).toEqual(Object.fromEntries(theirs.tensors));
    const settings = ({ metadata }: typeof ours): unknown =>
      Object.fromEntries(
        [...metadata].filter(
          ([key]) => !APART.test(key) && !others.some((other) => key.endsWith(`.${other}`)),
        ),
      );
    expect(settings(ours)).toMatchObject(settings(theirs) ?? {});
    const values = await diff(join(target, "model.gguf"), fixture(`gguf/${family}.gguf`), {});
    expect([values.same, values.summary.differ]).toEqual([true, 0]);
  });

  it.each([
    ["internlm-tiny", undefined],
    ["qwen2", undefined],
    ["llama-tied", undefined],
    ["gpt2", undefined],
    ["baichuan", undefined],
    ["qwen2_moe", "dense layers"],
    ["deepseek_v2", "queries without a latent"],
    ["deepseek_v3-halves", "rotary in halves"],
    ["mistral", "window"],
    ["internlm2", "attention bias"],
  ])("%s keeps its weights, or is refused for its %s", async (family, trait) => {
    const target = join(folder, `own-${family}`);
    const written = convert(fixture(family), target, { to: "gguf" });
    if (trait !== undefined) {
      const error = await caught(() => written);
      expect([error.code, error.message]).toEqual(["WB4512", expect.stringContaining(trait)]);
      return;
    }
    expect((await written).verified).toBe(true);
    const { same } = await diff(target, fixture(family), {});
    expect(same).toBe(true);
  });

  it("has the bytes of the file that llama.cpp's converter quantised, and names a tensor with another", async () => {
    const target = join(folder, "q8");
    await convert(fixture("gemma"), target, { to: "gguf", quantize: "Q8_0" });
    const theirs = fixture("gguf/gemma-q8_0.gguf");
    const { summary, tensors } = await diff(theirs, join(target, "model.gguf"), {});
    expect([summary.identical, tensors.length]).toEqual([21, 21]);
    const { checkpoint } = await openCheckpoint(theirs);
    await checkpoint.close();
    const bytes = readFileSync(theirs);
    const at = bytes.byteLength - 64;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const changed = join(folder, "changed.gguf");
    writeFileSync(changed, bytes);
    const other = await diff(changed, join(target, "model.gguf"), {});
    expect([other.same, other.summary.differ]).toEqual([false, 1]);
  });

  it("is split into files that say which they are", async () => {
    const target = join(folder, "split");
    const source = fixture("qwen2");
    const { files } = await convert(source, target, { to: "gguf", maxShardSize: 40_000 });
    expect(files.length).toBeGreaterThan(2);
    const first = await factsOf(join(target, files[0] ?? ""));
    const last = await factsOf(join(target, files.at(-1) ?? ""));
    const count = String(files.length);
    expect([first.metadata.get("split.no"), first.metadata.get("split.count")]).toEqual([
      "0",
      count,
    ]);
    expect(first.metadata.get("general.architecture")).toBe("qwen2");
    expect(last.metadata.get("split.no")).toBe(String(files.length - 1));
    expect(last.metadata.has("general.architecture")).toBe(false);
    const { same } = await diff(target, source, {});
    expect(same).toBe(true);
    const golden = fixture("goldens/qwen2.safetensors");
    expect((await verify(target, { golden, device: "wasm" })).verdict).toBe("pass");
  });

  it.each(["json/llama3", "json/gpt4o", "llama", "alpaca"])(
    "%s: its tokenizer is taken out as it was put in",
    async (name) => {
      const original = fixture(`tokenizers/${name}`);
      const { keys, notes } = await ggufTokenizer(original, 32_010);
      expect(notes).toEqual([]);
      const path = join(folder, `${name.replaceAll("/", "-")}.gguf`);
      const [header] = planGgufFile("model.gguf", [], new Map(keys)).segments;
      writeFileSync(path, header?.kind === "bytes" ? header.bytes : "");
      const theirs = await openTokenizer(original);
      const ours = await openTokenizer(path);
      for (const text of ["Hello  world", "<s>ein Wort</s>", "日本 12345", "### x", " a\n\n"]) {
        expect([text, ours.encode(text)]).toEqual([text, theirs.encode(text)]);
        const ids = theirs.encode(text, { addSpecialTokens: false });
        expect(ours.encode(text, { addSpecialTokens: false })).toEqual(ids);
        expect(ours.decode(ids)).toBe(theirs.decode(ids));
      }
      const { specialTokens, chatTemplates } = theirs.settings;
      expect(ours.settings.specialTokens).toMatchObject(specialTokens);
      expect(ours.settings.chatTemplates).toEqual(chatTemplates);
    },
  );

  it.each(["json/deepseek", "json/bert-uncased", "chatglm2"])(
    "%s: a tokenizer that has no form in GGUF is left out, and why is told",
    async (name) => {
      const { keys, notes } = await ggufTokenizer(fixture(`tokenizers/${name}`), 100);
      expect(keys).toEqual([["tokenizer.ggml.model", { type: "text", value: "none" }]]);
      expect(notes.join()).toContain("no tokenizer is written into the file");
    },
  );

  it.each([
    ["WB2702", { quantize: "Q8_0" }],
    ["WB2702", { to: "gguf", quantize: "Q8_0", dtype: "F16" }],
    ["WB2702", { to: "gguf", layout: "paddle" }],
    ["WB4512", { to: "gguf", architecture: "none" }],
  ] as const)("%s: %j", async (code, options) => {
    const error = await caught(() => convert(fixture("qwen2"), join(folder, "refused"), options));
    expect(error.code).toBe(code);
  });

  it("WB4512: a family for which llama.cpp has no name that is known", async () => {
    const error = await caught(() =>
      convert(fixture("opt"), join(folder, "refused"), { to: "gguf" }),
    );
    expect(error.code).toBe("WB4512");
  });
});

/** Numbers of many sizes, always the same. */
function drawn(count: number): Float32Array {
  let state = 12_345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const sign = (state & 1) === 0 ? 1 : -1;
    return (sign * (state >>> 8)) / 2 ** (18 + ((state >>> 3) % 12));
  });
}

const SMALL = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] as const;
const WRITTEN = [...SMALL, "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"] as const;

/** Floats of a fixture. */
function floats(name: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(fixture(name))).buffer);
}

describe("quantised blocks", () => {
  it("are tried of every type that is written", () => {
    expect(Object.keys(QUANTISED_TYPES)).toEqual([...WRITTEN]);
  });

  it.each(["Q8_0", "Q4_0"] as const)("%s are those of gguf-py, to the bit", (type) => {
    const values = new Float32Array(
      readFileSync(fixture("gguf/quantise-values.bin")).buffer.slice(0, 4 * 32 * 64),
    );
    const expected = readFileSync(fixture(`gguf/quantise-${type}.bin`));
    expect(Buffer.from(quantise(values, type, "t")).equals(expected)).toBe(true);
  });

  it.each(WRITTEN)("%s are those of llama.cpp, to the bit", (type) => {
    const values = floats("gguf/super-values.bin");
    const expected = readFileSync(fixture(`gguf/super-${type}.bin`));
    expect(Buffer.from(quantise(values, type, "t")).equals(expected)).toBe(true);
  });

  it.each(WRITTEN)("%s are those of llama.cpp with an importance matrix, to the bit", (type) => {
    const weights = floats("gguf/blocks-weights.bin");
    const made = quantise(floats("gguf/blocks-values.bin"), type, "t", weights);
    const expected = readFileSync(fixture(`gguf/blocks-${type}-matrix.bin`));
    expect(Buffer.from(made).equals(expected)).toBe(true);
  });

  it.each(WRITTEN.filter((type) => type !== "Q8_0"))(
    "%s are those of llama.cpp with an importance matrix of zeros here and there",
    (type) => {
      const values = floats("gguf/super-values.bin");
      const made = quantise(values, type, "t", floats("gguf/super-weights.bin"));
      const expected = readFileSync(fixture(`gguf/super-${type}-matrix.bin`));
      expect(Buffer.from(made).equals(expected)).toBe(true);
    },
  );

  it.each(WRITTEN.filter((type) => type !== "Q8_0"))(
    "WB4513: %s with sums of an importance matrix beyond float32 are refused",
    async (type) => {
      const columns = new Float32Array(256).fill(1e38);
      const values = drawn(256);
      const error = await caught(() =>
        quantise(
          values.map((value) => value * 1e4),
          type,
          "t",
          columns,
        ),
      );
      expect(error.code).toBe("WB4513");
    },
  );

  it.each([
    ["Q8_0", 0.57],
    ["Q4_0", 1.01],
  ] as const)("%s are at most %s steps from what they stand for", (type, most) => {
    const values = drawn(32 * 500);
    const bytes = quantise(values, type, "t");
    const block = [...BLOCK_TYPES.values()].find(({ name }) => name === type);
    const back = new Float32Array(32);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < 500; index++) {
      block?.decode(view, index * QUANTISED_TYPES[type].bytes, back, 0);
      const own = values.subarray(32 * index, 32 * index + 32);
      const largest = Math.max(...own.map(Math.abs));
      const step = type === "Q8_0" ? largest / 127 : largest / 8;
      for (const [at, value] of own.entries())
        expect(Math.abs(value - (back[at] ?? 0))).toBeLessThanOrEqual(most * step + 1e-7);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e30])("WB4513: %s is refused", async (value) => {
    const values = new Float32Array(256 * 66);
    values[256 * 65 + 7] = value;
    for (const type of WRITTEN) {
      const error = await caught(() => quantise(values, type, "t"));
      expect([type, error.code, error.message]).toEqual([
        type,
        "WB4513",
        expect.stringContaining(`numbers ${256 * 65} to`),
      ]);
    }
  });
});
