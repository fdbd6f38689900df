import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate, type GenerateOptions, type GenerateResult } from "../../src/api/generate.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { caught } from "../support/caught.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { readGoldenPrompts } from "../support/golden-prompts.ts";
import { ORACLES } from "../support/oracles.ts";

const TINY = join(FIXTURES, "internlm-tiny");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-generate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (path: string, options: GenerateOptions): Promise<GenerateResult> =>
  generate(path, { device: "wasm", ...options });

const text = (value: string): { readonly kind: "text"; readonly text: string } => ({
  kind: "text",
  text: value,
});

describe("greedy generation", () => {
  const models = [
    ...FIXTURE_FOLDERS.flatMap(({ name, path, golden }) =>
      golden !== undefined &&
      ["internlm-tiny", "paddle-e", "pytorch-gqa", "safetensors-ntk"].includes(name)
        ? [{ name, path, golden }]
        : [],
    ),
    ...ORACLES.map(({ name, folder: path, golden }) => ({
      name,
      path,
      golden,
    })),
  ];

  test.each(models)(
    "of $name gives the golden's ids, with and without a repetition penalty",
    async ({ path, golden }) => {
      const prompts = await readGoldenPrompts(golden);
      expect(prompts.length).toBeGreaterThan(0);
      for (const { ids, greedy, penalized } of prompts) {
        for (const [repetitionPenalty, expected] of [
          [1, greedy],
          [1.1, penalized],
        ] as const) {
          const { results } = await run(path, {
            prompts: [{ kind: "ids", ids }],
            maxNewTokens: expected.length - ids.length,
            stopIds: [],
            repetitionPenalty,
          });
          expect(results[0]?.ids).toEqual(expected);
        }
      }
    },
  );
});

describe("generate", () => {
  const prompts = [
    text("hello"),
    text("the weights of a model"),
    { kind: "ids", ids: [1] },
  ] as const;

  test("gives each prompt of a batch what it gets alone", async () => {
    const together = await run(TINY, { prompts, maxNewTokens: 10, stopIds: [] });
    expect(together.results).toHaveLength(3);
    for (const [index, prompt] of prompts.entries()) {
      const alone = await run(TINY, { prompts: [prompt], maxNewTokens: 10, stopIds: [] });
      expect(together.results[index]).toEqual(alone.results[0]);
    }
  });

  test("draws the same tokens from the same seed, others from another", async () => {
    const options = {
      prompts: [text("hello")],
      maxNewTokens: 24,
      doSample: true,
      topP: 0.8,
      temperature: 2,
      stopIds: [],
    };
    const idsOf = async (seed: number): Promise<readonly number[]> =>
      (await run(TINY, { ...options, seed })).results[0]?.ids ?? [];
    const [first, again, other] = [await idsOf(5), await idsOf(5), await idsOf(6)];
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
  });

  test("streams the text that it gives in the end, prompt and answer", async () => {
    const streamed = new Map<number, string>();
    const ids: number[] = [];
    const { results } = await run(TINY, {
      prompts: [text("hello"), text("你好")],
      maxNewTokens: 30,
      stopIds: [],
      onText: (prompt, piece) => streamed.set(prompt, (streamed.get(prompt) ?? "") + piece),
      onId: (_prompt, id) => ids.push(id),
    });
    const tokenizer = await openTokenizer(TINY);
    for (const [index, result] of results.entries()) {
      expect(streamed.get(index)).toBe(result.text);
      expect(result.text).toBe(tokenizer.decode(result.ids, { skipSpecialTokens: true }));
      expect(result.text?.endsWith(result.newText ?? "?")).toBe(true);
    }
    expect(ids).toHaveLength(60);
  });

  test("ends at an end-of-sequence id, at a stop text, or at the limit, and says which", async () => {
    const limit = await run(TINY, { prompts: [text("hello")], maxNewTokens: 8, stopIds: [] });
    expect(limit.results[0]).toMatchObject({ finish: "length", newTokens: 8 });
    const third = limit.results[0]?.ids.at(-6) ?? -1;
    const stopped = await run(TINY, {
      prompts: [text("hello")],
      maxNewTokens: 8,
      stopIds: [third],
    });
    expect(stopped.results[0]?.finish).toBe("stop");
    expect(stopped.results[0]?.ids.at(-1)).toBe(third);
    const answer = limit.results[0]?.newText ?? "";
    const stop = answer.slice(2, 4);
    const cut = await run(TINY, {
      prompts: [text("hello")],
      maxNewTokens: 8,
      stopIds: [],
      stop: [stop],
    });
    expect(cut.results[0]).toMatchObject({
      finish: "stop",
      newText: answer.slice(0, answer.indexOf(stop)),
    });
  });

  test("takes the end-of-sequence ids of generation_config.json before those of config.json", async () => {
    const path = join(folder, "eos");
    cpSync(TINY, path, { recursive: true });
    const free = await run(TINY, { prompts: [text("hello")], maxNewTokens: 4, stopIds: [] });
    const second = free.results[0]?.ids.at(-3) ?? -1;
    writeFileSync(join(path, "generation_config.json"), JSON.stringify({ eos_token_id: [second] }));
    const { results } = await run(path, { prompts: [text("hello")], maxNewTokens: 4 });
    expect(results[0]).toMatchObject({ finish: "stop", newTokens: 2 });
    expect(readFileSync(join(path, "config.json"), "utf8")).toContain('"eos_token_id": 2');
  });

  test("counts max_length with the prompt, and leaves no room to a longer one", async () => {
    const { results } = await run(TINY, {
      prompts: [{ kind: "ids", ids: [1, 2, 3] }],
      maxLength: 5,
      stopIds: [],
    });
    expect(results[0]?.ids).toHaveLength(5);
    const error = await caught(() =>
      run(TINY, { prompts: [{ kind: "ids", ids: [1, 2, 3] }], maxLength: 3 }),
    );
    expect([error.code, error.message]).toEqual(["WB2801", expect.stringContaining("no room")]);
  });

  test("refuses what cannot be", async () => {
    const one = { prompts: [{ kind: "ids", ids: [1] }] } as const;
    const impossible: readonly GenerateOptions[] = [
      { prompts: [] },
      { prompts: [{ kind: "ids", ids: [] }] },
      { ...one, maxNewTokens: 0 },
      { ...one, stop: [""] },
      { ...one, doSample: true, temperature: 0 },
      { ...one, doSample: true, topP: 1.5 },
    ];
    const codes = await Promise.all(
      impossible.map((options) => caught(() => run(TINY, options)).then(({ code }) => code)),
    );
    expect(codes).toEqual(codes.map(() => "WB2801"));
    expect((await caught(() => run(TINY, { prompts: [{ kind: "ids", ids: [9999] }] }))).code).toBe(
      "WB3804",
    );
    const bare = join(FIXTURES, "paddle-a");
    expect((await caught(() => run(bare, { prompts: [text("hello")] }))).code).toMatch(/^WB3/);
  });

  test("stops when it is told to, and leaves nothing on the device", async () => {
    const controller = new AbortController();
    let count = 0;
    const aborted = run(TINY, {
      prompts: [text("hello")],
      maxNewTokens: 200,
      stopIds: [],
      signal: controller.signal,
      onId: () => {
        count++;
        if (count === 5) controller.abort();
      },
    });
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    expect(count).toBe(5);
  });
});
