import { join } from "node:path";
import type * as timersPromises from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { DEFAULT_SAMPLING } from "../../src/runtime/generation/sampling-settings.ts";
import { answer } from "../../src/serve/answer.ts";
import { openGenerator } from "../../src/session/generator.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const turns = vi.hoisted(() => ({ count: 0 }));

vi.mock("node:timers/promises", async (original) => {
  const timers = await original<typeof timersPromises>();
  const setImmediate = (): Promise<void> => {
    // The model gives way, too, where a step takes long.
    if (!/runtime\/model\//.test(new Error("here").stack ?? "")) turns.count++;
    return timers.setImmediate();
  };
  return { ...timers, setImmediate };
});

it("an answer gives way to other work once a token", async () => {
  const generator = await openGenerator(join(FIXTURES, "internlm-tiny/pytorch_model.bin"), {
    device: "wasm",
    capacity: () => ({ batch: 1, promptTokens: 3, newTokens: 8 }),
  });
  try {
    const steps = answer(generator, {
      prompt: [1, 7, 42],
      continuesPrompt: false,
      maxNewTokens: 8,
      stopIds: [],
      stop: [],
      sampling: DEFAULT_SAMPLING,
      adjustments: { frequencyPenalty: 0, presencePenalty: 0, bias: new Map() },
      rules: {},
      topLogprobs: undefined,
      signal: new AbortController().signal,
    });
    turns.count = 0;
    const seen: number[] = [];
    for await (const { id } of steps) {
      seen.push(turns.count);
      expect(id).toBeGreaterThanOrEqual(0);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  } finally {
    await generator.close();
  }
});
