import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { generate } from "../../../src/api/generate.ts";
import { parseGenerationDefaults } from "../../../src/session/generation-config.ts";
import { samplingOf } from "../../../src/session/generation-sampling.ts";
import { DEFAULT_SAMPLING } from "../../../src/runtime/generation/sampling-settings.ts";
import { caught } from "../../support/caught.ts";
import { post, served, TINY } from "../../support/served.ts";
import { isRecord } from "../../support/is-record.ts";

const parsed = (fields: object): ReturnType<typeof parseGenerationDefaults> =>
  parseGenerationDefaults(JSON.stringify(fields), "generation_config.json");

describe("generation_config.json", () => {
  it("names what is used, with its value, and what is not, with the reason", () => {
    const { notes } = parsed({
      _from_model_config: true,
      eos_token_id: [2, 7],
      repetition_penalty: 1.05,
      suppress_tokens: [3],
      num_beams: 5,
      chat_format: "chatml",
      temperature: 0,
      use_cache: true,
    });
    expect(notes).toEqual([
      "generation_config.json: repetition_penalty 1.05, suppress_tokens [3]: used where nothing else is said",
      'generation_config.json: not used: temperature 0, with which nothing can be drawn; num_beams 5, since one answer is followed, not the best of several; "chat_format", which is not known here',
    ]);
  });

  it("has nothing to say where every value changes nothing", () => {
    const fields = {
      temperature: 1,
      top_p: 1,
      num_beams: 1,
      repetition_penalty: 1,
      eos_token_id: 2,
    };
    expect(parsed(fields)).toMatchObject({ notes: [], sampling: {}, rules: {}, endIds: [2] });
  });

  it("gives settings of drawing to drawing alone, and below what is given", () => {
    const { sampling } = parsed({
      temperature: 0.6,
      top_p: 0.9,
      top_k: 20,
      repetition_penalty: 1.1,
    });
    expect(samplingOf({}, { sampling })).toEqual({ ...DEFAULT_SAMPLING, repetitionPenalty: 1.1 });
    expect(samplingOf({ doSample: true, topP: 0.5 }, { sampling })).toEqual({
      ...DEFAULT_SAMPLING,
      doSample: true,
      temperature: 0.6,
      topP: 0.5,
      topK: 20,
      repetitionPenalty: 1.1,
    });
  });

  test.each([
    [{ temperature: "hot" }, 'temperature: expected a number, found "hot"'],
    [{ top_p: 1.5 }, "top-p: expected a number in (0, 1], found 1.5"],
    [{ suppress_tokens: [1.5] }, "suppress_tokens: expected token ids, found [1.5]"],
    [{ bad_words_ids: [[]] }, "bad_words_ids: expected lists of token ids, found [[]]"],
    [{ min_new_tokens: -1 }, "min_new_tokens: expected a whole number from 0, found -1"],
    [{ stop_strings: [""] }, 'stop_strings: expected texts, found [""]'],
  ])("%o is refused with its name", async (fields, message) => {
    const error = await caught(() => Promise.resolve(parsed(fields)));
    expect(error.code).toBe("WB3701");
    expect(error.message).toBe(`generation_config.json: ${message}`);
  });
});

describe("a model with settings of its own", () => {
  const work = mkdtempSync(join(tmpdir(), "weighbridge-own-settings-"));
  const folder = join(work, "model");
  afterAll(() => rmSync(work, { recursive: true, force: true }));
  const set = (fields: object): void =>
    writeFileSync(join(folder, "generation_config.json"), JSON.stringify(fields));
  const answer = async (options: object = {}): Promise<readonly number[]> => {
    const { results } = await generate(folder, {
      device: "wasm",
      prompts: [{ kind: "ids", ids: [1, 290, 31] }],
      ...options,
    });
    return results[0]?.ids.slice(3) ?? [];
  };
  let plain: readonly number[] = [];
  beforeAll(async () => {
    cpSync(TINY, folder, { recursive: true });
    plain = await answer({ maxNewTokens: 6 });
  });

  it("is answered from by them, where the call says nothing else", async () => {
    const [first = 0] = plain;
    set({ eos_token_id: 2, suppress_tokens: [first], max_new_tokens: 4, repetition_penalty: 1.5 });
    const ids = await answer();
    expect(ids).toHaveLength(4);
    expect(ids).not.toContain(first);
    expect(await answer({ maxNewTokens: 2 })).toHaveLength(2);
  });

  it("is served by them, and requests may ask for more tokens than its end allows", async () => {
    const [first = 0, second = 0] = plain;
    set({ eos_token_id: second });
    const server = await served({}, [folder]);
    const ask = async (extra: object): Promise<unknown> => {
      const body = { prompt: [1, 290, 31], temperature: 0, return_token_ids: true, ...extra };
      const { json } = await post(`${server.url}/v1/completions`, body);
      const choices = isRecord(json) ? json["choices"] : undefined;
      return Array.isArray(choices) && isRecord(choices[0]) ? choices[0]["token_ids"] : json;
    };
    try {
      expect(await ask({ max_tokens: 6 })).toEqual([first, second]);
      const longer = await ask({ max_tokens: 6, min_tokens: 4 });
      expect(Array.isArray(longer) ? longer.slice(0, 4) : longer).not.toContain(second);
    } finally {
      await server.stop();
    }
  });
});
