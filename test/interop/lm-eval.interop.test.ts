import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generate } from "../../src/api/generate.ts";
import type { RunningServer } from "../../src/api/serve.ts";
import { logprobsOf } from "../../src/serve/token-logprobs.ts";
import { openGenerator } from "../../src/session/generator.ts";
import { isRecord } from "../support/is-record.ts";
import { ownEnvironment } from "../support/own-environment.ts";
import { runAside } from "../support/run-aside.ts";
import { served, TINY } from "../support/served.ts";

let server: RunningServer;
let client = "";
beforeAll(async () => {
  client = ownEnvironment("lm-eval");
  server = await served({ template: "internlm-2023-07" });
  // Some 70 packages are fetched the first time.
}, 1_800_000);
afterAll(() => server.stop());

/** Contexts and continuations, as a task of choices has them. */
const PAIRS = [
  [
    [1, 290, 31],
    [77, 5],
  ],
  [
    [1, 290, 31],
    [9, 200, 31, 44],
  ],
  [[1], [5]],
  [
    [1, 5, 9, 200, 31, 44, 45, 46, 120],
    [3, 4, 5, 6, 7],
  ],
] as const;

/** Sum of the logarithms of a continuation's probabilities, and whether it is the greedy one, by our own logits. */
async function ownScores(): Promise<readonly (readonly [number, boolean])[]> {
  const generator = await openGenerator(TINY, { device: "wasm" });
  const scores: (readonly [number, boolean])[] = [];
  for (const [context, continuation] of PAIRS) {
    let sum = 0;
    let isGreedy = true;
    await generator.score([...context, ...continuation], (position, logits) => {
      const next = continuation[position + 1 - context.length];
      if (position + 1 < context.length || next === undefined) return;
      const { of, top } = logprobsOf(logits, 1);
      sum += of(next);
      isGreedy &&= top[0]?.id === next;
    });
    scores.push([sum, isGreedy]);
  }
  await generator.close();
  return scores;
}

it("lm-eval's clients find our own loglikelihoods, one by one and together, and our texts", async () => {
  const input = { url: server.url, pairs: PAIRS, text: "hello" };
  const script = join(import.meta.dirname, "python/lm_eval_client.py");
  const said: unknown = JSON.parse(await runAside(client, [script], JSON.stringify(input)));
  const seen = isRecord(said) ? said : {};
  const expected = (await ownScores()).map(([sum, isGreedy]): readonly unknown[] => [
    expect.closeTo(sum, 9),
    isGreedy,
  ]);
  expect(seen["loglikelihoods"]).toEqual(expected);
  expect(seen["together"]).toEqual(expected);
  const { results } = await generate(TINY, {
    device: "wasm",
    prompts: [{ kind: "text", text: "hello" }],
    maxNewTokens: 6,
    stop: ["\n"],
  });
  expect(seen["generated"]).toEqual([results[0]?.newText]);
  expect(seen["chatted"]).toEqual([expect.any(String)]);
});
