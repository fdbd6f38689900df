import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate } from "../../src/api/generate.ts";
import { openGenerator, type Generator } from "../../src/session/generator.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const TINY = join(FIXTURES, "internlm-tiny");

let folder = "";
let generator: Generator;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-generator-"));
  generator = await openGenerator(TINY, { device: "wasm" });
});
afterAll(async () => {
  await generator.close();
  rmSync(folder, { recursive: true, force: true });
});

const hello = (): readonly number[] => generator.encode({ kind: "text", text: "hello" });

describe("a generator", () => {
  test("gives the same answer each time, and what `generate` gives", async () => {
    const { results } = await generate(TINY, {
      device: "wasm",
      prompts: [{ kind: "text", text: "hello" }],
      maxNewTokens: 12,
      stopIds: [],
    });
    for (let time = 0; time < 2; time++) {
      const generation = generator.generate({ prompts: [hello()], maxNewTokens: 12, stopIds: [] });
      const ids: number[] = [];
      let answer = "";
      for await (const { id, text } of generation) {
        ids.push(id);
        answer += text;
      }
      const [result] = generation.results();
      expect(result).toEqual(results[0]);
      expect([...hello(), ...ids]).toEqual(result?.ids);
      expect(answer).toBe(result?.newText);
      expect(generation.promptTexts[0] + answer).toBe(result?.text);
    }
  });

  test("shows logits to a hook, which may change them", async () => {
    const seen: number[] = [];
    const generation = generator.generate({
      prompts: [hello()],
      maxNewTokens: 3,
      stopIds: [],
      onLogits: (_prompt, logits) => {
        seen.push(logits.length);
        logits.fill(0);
        logits[7] = 1;
      },
    });
    for await (const { id } of generation) expect(id).toBe(7);
    expect(seen).toEqual([384, 384, 384]);
  });

  test("can be left in the midst, aborted, and asked again", async () => {
    for await (const _ of generator.generate({ prompts: [hello()], maxNewTokens: 50 })) break;
    const abort = new AbortController();
    const steps = generator.generate({
      prompts: [hello()],
      maxNewTokens: 50,
      stopIds: [],
      signal: abort.signal,
    });
    const listening = (async () => {
      for await (const _ of steps) abort.abort(new Error("enough"));
    })();
    await expect(listening).rejects.toThrow("enough");
    const again = generator.generate({ prompts: [hello()], maxNewTokens: 2, stopIds: [] });
    for await (const _ of again);
    expect(again.results()[0]).toMatchObject({ newTokens: 2, finish: "length" });
  });

  test("leaves timers, signals and keys their turn between two tokens", async () => {
    const signal = AbortSignal.timeout(30);
    const generation = generator.generate({
      prompts: [hello()],
      maxNewTokens: 2000,
      stopIds: [],
      signal,
    });
    const listening = (async () => {
      for await (const _ of generation);
    })();
    await expect(listening).rejects.toThrow();
    expect(generation.results()[0]?.newTokens).toBeLessThan(2000);
  });

  test("refuses settings and prompts that cannot be", async () => {
    const bad = await caught(() =>
      generator.generate({ prompts: [hello()], maxNewTokens: 2, topP: 2 }),
    );
    expect(bad.code).toBe("WB2801");
    const empty = await caught(async () => {
      for await (const _ of generator.generate({ prompts: [[]], maxNewTokens: 2 }));
    });
    expect(empty.code).toBe("WB2801");
  });

  test("takes ids where there is no tokenizer, and says so for text", async () => {
    const bare = join(folder, "bare");
    cpSync(TINY, bare, { recursive: true, filter: (path) => !/tokenizer|special/.test(path) });
    const opened = await openGenerator(bare, { device: "wasm" });
    try {
      expect(opened.tokenizer).toBeUndefined();
      const generation = opened.generate({ prompts: [[1, 5]], maxNewTokens: 2, stopIds: [] });
      for await (const { text } of generation) expect(text).toBe("");
      expect(generation.results()[0]).toMatchObject({ text: null, newText: null, newTokens: 2 });
      const error = await caught(() => opened.encode({ kind: "text", text: "hello" }));
      expect([error.code, error.message]).toEqual(["WB3801", expect.stringContaining(bare)]);
    } finally {
      await opened.close();
    }
    expect(
      (await caught(() => openGenerator(bare, { device: "wasm", needsTokenizer: true }))).code,
    ).toBe("WB3801");
  });
});
