import { createHook } from "node:async_hooks";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DEFAULT_SAMPLING } from "../../src/runtime/generation/sampling-settings.ts";
import { answer } from "../../src/serve/answer.ts";
import { openGenerator } from "../../src/session/generator.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

/** Counts the turns that our code gives to other work, but for the model's own, which gives way where a step takes long. */
const turns = { count: 0 };
const watch = createHook({
  init: (_, type) => {
    if (type !== "Immediate") return;
    const { stack = "" } = new Error("here");
    if (stack.includes("/src/") && !stack.includes("/src/runtime/model/")) turns.count++;
  },
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
    watch.enable();
    const seen: number[] = [];
    for await (const { id } of steps) {
      seen.push(turns.count);
      expect(id).toBeGreaterThanOrEqual(0);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  } finally {
    watch.disable();
    await generator.close();
  }
});
