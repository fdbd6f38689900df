import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/runtime/backends/backend.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import {
  generateIds,
  type GenerateIdsOptions,
} from "../../../src/runtime/generation/generate-ids.ts";
import { SharedModel } from "../../../src/runtime/generation/shared-model.ts";
import type { Decoder } from "../../../src/runtime/model/decoder.ts";
import type { TokenModel } from "../../../src/runtime/model/token-model.ts";
import { drawnDecoder, familyConfig } from "../../support/bit-models.ts";

let backend: Backend;
let decoder: Decoder;
beforeAll(async () => {
  backend = await openWasm();
  decoder = drawnDecoder(backend, await familyConfig("pytorch-gqa"), "F32");
});
afterAll(async () => {
  await decoder.dispose();
  backend.ops.dispose();
});

const PROMPTS = [1, 9, 4, 17, 30].map((length, text) =>
  Array.from({ length }, (_, at) => 3 + ((text * 53 + at * 7) % 90)),
);

async function ids(
  model: TokenModel,
  prompt: readonly number[],
  options: Partial<GenerateIdsOptions> = {},
): Promise<readonly number[]> {
  const found: number[] = [];
  const all = { maxNewTokens: 9, stopIds: [], padId: 0, ...options };
  for await (const { id } of generateIds(model, [prompt], all)) found.push(id);
  return found;
}

describe("a shared model", () => {
  it("gives each text the ids that it has alone, prompts in parts, and keeps nothing", async () => {
    const expected: (readonly number[])[] = [];
    for (const prompt of PROMPTS) expected.push(await ids(decoder, prompt));
    const before = backend.ops.memory();
    const shared = new SharedModel(decoder, 4);
    expect(await Promise.all(PROMPTS.map((prompt) => ids(shared, prompt)))).toEqual(expected);
    expect(backend.ops.memory()).toEqual(before);
  });

  it("computes tokens that come together in one pass", async () => {
    let passes = 0;
    const counted: TokenModel = {
      config: decoder.config,
      keepsRows: true,
      checkIds: (given) => decoder.checkIds(given),
      createCache: (batch) => decoder.createCache(batch),
      step: (input, cache: ReturnType<Decoder["createCache"]>) => decoder.step(input, cache),
      stepEach: (texts: Parameters<Decoder["stepEach"]>[0]) => {
        passes += 1;
        return decoder.stepEach(texts);
      },
    };
    const shared = new SharedModel(counted);
    await Promise.all(PROMPTS.map((prompt) => ids(shared, prompt, { maxNewTokens: 20 })));
    // 19 tokens of each text beside its prompt's: all but those of the first steps, while prompts come, and the last ones.
    expect(passes).toBeGreaterThanOrEqual(18);
    expect(passes).toBeLessThan(19 + PROMPTS.length);
  });

  it("ends a text whose signal is aborted, and goes on with the others", async () => {
    const shared = new SharedModel(decoder, 4);
    const leaving = new AbortController();
    const options = {
      signal: leaving.signal,
      stopAfter: () => {
        leaving.abort(new Error("gone"));
        return false;
      },
    };
    const gone = ids(shared, PROMPTS[3] ?? [], options).catch((error: unknown) => error);
    const stays = ids(shared, PROMPTS[1] ?? []);
    expect(await gone).toEqual(new Error("gone"));
    expect(await stays).toEqual(await ids(decoder, PROMPTS[1] ?? []));
  });

  it("tells all texts of a step that fails, and serves the next ones", async () => {
    let fails = true;
    const failing: TokenModel = {
      config: decoder.config,
      keepsRows: true,
      checkIds: (given) => decoder.checkIds(given),
      createCache: (batch) => decoder.createCache(batch),
      step: (input, cache: ReturnType<Decoder["createCache"]>) => decoder.step(input, cache),
      stepEach: (texts: Parameters<Decoder["stepEach"]>[0]) =>
        fails ? Promise.reject(new Error("no memory")) : decoder.stepEach(texts),
    };
    const shared = new SharedModel(failing);
    const [first = [], second = []] = PROMPTS;
    const both = await Promise.allSettled([ids(shared, first), ids(shared, second)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    fails = false;
    expect(await Promise.all([ids(shared, first), ids(shared, second)])).toEqual([
      await ids(decoder, first),
      await ids(decoder, second),
    ]);
  });

  it("does other work between two steps", async () => {
    const shared = new SharedModel(decoder);
    const text = ids(shared, PROMPTS[2] ?? []);
    expect(await shared.alone(() => ids(decoder, PROMPTS[1] ?? []))).toHaveLength(9);
    expect(await text).toEqual(await ids(decoder, PROMPTS[2] ?? []));
    await expect(shared.alone(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});
