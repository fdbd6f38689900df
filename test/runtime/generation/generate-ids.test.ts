import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateIds, type GeneratedId } from "../../../src/runtime/generation/generate-ids.ts";
import { LayerwiseModel } from "../../../src/runtime/model/layerwise.ts";
import type { Backend } from "../../../src/runtime/backends/backend.ts";
import type { Ops } from "../../../src/runtime/backends/ops.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import { caught } from "../../support/caught.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";
import { openDecoderOf, type OpenedDecoder } from "../../support/open-decoder.ts";

const PROMPT = [1, 290, 31];

let backend: Backend;
let ops: Ops;
let model: OpenedDecoder;
beforeAll(async () => {
  backend = await openWasm();
  ops = backend.ops;
  model = await openDecoderOf(join(FIXTURES, "internlm-tiny"), backend, "resident");
});
afterAll(async () => {
  await model.close();
  expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
});

async function run(options: Partial<Parameters<typeof generateIds>[2]>): Promise<GeneratedId[]> {
  const tokens: GeneratedId[] = [];
  const steps = generateIds(model.decoder, [PROMPT], {
    maxNewTokens: 5,
    stopIds: [],
    padId: 2,
    ...options,
  });
  for await (const token of steps) tokens.push(token);
  return tokens;
}

describe("memory on the device", () => {
  test("is the same after 1 and after 100 tokens", async () => {
    await run({ maxNewTokens: 1 });
    const after1 = ops.memory();
    await run({ maxNewTokens: 100 });
    expect(ops.memory()).toEqual(after1);
  });

  test("is the same after the caller stops listening", async () => {
    await run({ maxNewTokens: 1 });
    const before = ops.memory();
    const steps = generateIds(model.decoder, [PROMPT, [1]], {
      maxNewTokens: 50,
      stopIds: [],
      padId: 2,
    });
    let count = 0;
    for await (const _ of steps) {
      count++;
      if (count === 7) break;
    }
    expect(ops.memory()).toEqual(before);
  });

  test("is the same after an abort and after an error inside a hook", async () => {
    await run({ maxNewTokens: 1 });
    const before = ops.memory();
    const abort = new AbortController();
    const aborted = run({
      maxNewTokens: 50,
      signal: abort.signal,
      onLogits: (_, __, ids) => {
        if (ids.length === 6) abort.abort(new Error("enough"));
      },
    });
    await expect(aborted).rejects.toThrow("enough");
    expect(ops.memory()).toEqual(before);
    const failed = run({
      onLogits: () => {
        throw new Error("in the hook");
      },
    });
    await expect(failed).rejects.toThrow("in the hook");
    expect(ops.memory()).toEqual(before);
  });
});

describe("the end", () => {
  test("comes with the last token that was asked for", async () => {
    const tokens = await run({ maxNewTokens: 3 });
    expect(tokens.map(({ finish }) => finish)).toEqual([undefined, undefined, "length"]);
  });

  test("comes with a stop id, which is given, too", async () => {
    const [, second] = await run({});
    const tokens = await run({ stopIds: [second?.id ?? -1] });
    expect(tokens.at(-1)).toEqual({ prompt: 0, id: second?.id, finish: "stop" });
    expect(tokens.length).toBeLessThanOrEqual(2);
  });
});

test("a prompt can be stopped from outside, and the others go on", async () => {
  const tokens: GeneratedId[] = [];
  const steps = generateIds(model.decoder, [PROMPT, [1]], {
    maxNewTokens: 4,
    stopIds: [],
    padId: 2,
    stopAfter: (prompt) => prompt === 0,
  });
  for await (const token of steps) tokens.push(token);
  expect(tokens.map(({ prompt, finish }) => [prompt, finish])).toEqual([
    [0, "stop"],
    [1, undefined],
    [1, undefined],
    [1, undefined],
    [1, "length"],
  ]);
});

test("loading beforehand takes what generation would, and no more", async () => {
  await run({ maxNewTokens: 1 });
  const loaded = ops.memory();
  let layers = 0;
  await model.decoder.load({ onLayer: (done) => (layers = done) });
  expect(layers).toBe(3);
  expect(ops.memory()).toEqual(loaded);
});

describe("hooks", () => {
  test("logits can be changed before the choice", async () => {
    const tokens = await run({
      onLogits: (_, logits) => {
        logits[77] = 1000;
      },
    });
    expect(tokens.map(({ id }) => id)).toEqual([77, 77, 77, 77, 77]);
  });
});

describe("wrong input", () => {
  test("an empty prompt is refused before anything runs", async () => {
    const error = await caught(() =>
      generateIds(model.decoder, [[1], []], { maxNewTokens: 1, stopIds: [], padId: 2 }).next(),
    );
    expect(error.code).toBe("WB2801");
    expect(error.message).toMatchInlineSnapshot(`"prompt 1: expected at least one token id"`);
  });

  // The last two would be 1 as 32-bit numbers.
  test.each([384, -1, 2 ** 32 + 1, 1.5])(
    "the id %d, outside the vocabulary, is refused",
    async (id) => {
      const error = await caught(() =>
        generateIds(model.decoder, [[1, id]], { maxNewTokens: 1, stopIds: [], padId: 2 }).next(),
      );
      expect(error.code).toBe("WB3804");
      expect(error.message).toBe(`expected token ids from 0 to 383, found ${id}`);
      const scored = await caught(() => new LayerwiseModel(model.decoder).embed([[1, id]]));
      expect(scored.message).toBe(error.message);
    },
  );
});

/** Tokens that take several times the milliseconds that work goes on at a time. */
const LONG_PROMPT = 1000;

test("others get their turn while a long prompt is computed", async () => {
  const cache = model.decoder.createCache(1);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  try {
    await model.decoder.step(
      { ids: [Int32Array.from({ length: LONG_PROMPT }, (_unused, at) => (7 * at) % 300)] },
      cache,
    );
  } finally {
    isOver = true;
    cache.dispose();
  }
  // One comes behind the last layer in any case.
  expect(turns).toBeGreaterThan(1);
});
