import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { generate } from "../../src/api/generate.ts";
import { candidates } from "../../src/runtime/generation/candidates.ts";
import { seededRandom } from "../../src/runtime/generation/random.ts";
import {
  DEFAULT_SAMPLING,
  type SamplingSettings,
} from "../../src/runtime/generation/sampling-settings.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-generation-config-"));
const folder = join(work, "converted");
afterAll(() => rmSync(work, { recursive: true, force: true }));

const PROMPTS = [[1, 290, 31, 77], [1], [1, 5, 9, 200, 31, 44, 45, 46, 120]];
const NEW_TOKENS = 14;

/** What model folders say of how answers are chosen; `ids` are the first of a greedy answer to the first prompt. */
const FILES: readonly ((ids: readonly number[]) => Readonly<Record<string, unknown>>)[] = [
  () => ({ repetition_penalty: 1.3 }),
  () => ({ no_repeat_ngram_size: 2 }),
  () => ({ no_repeat_ngram_size: 1 }),
  ([a, b]) => ({ suppress_tokens: [a, b] }),
  ([a]) => ({ begin_suppress_tokens: [a] }),
  ([a, b]) => ({ bad_words_ids: [[a, b], [b]] }),
  ([, b, c]) => ({ bad_words_ids: [[b, c]] }),
  ([a, b]) => ({ eos_token_id: [2, b], min_new_tokens: 5, suppress_tokens: [a] }),
  ([, b]) => ({ eos_token_id: b, min_length: 9 }),
  ([, , c]) => ({ eos_token_id: [c, 2] }),
  () => ({ forced_bos_token_id: 77 }),
  () => ({ forced_bos_token_id: 77, begin_suppress_tokens: [77, 78] }),
  () => ({ forced_eos_token_id: 2 }),
  () => ({ forced_eos_token_id: [5, 2] }),
  ([a, b]) => ({
    sequence_bias: [
      [[a], -7.5],
      [[b, 9], 4.5],
      [[12], 3.25],
    ],
  }),
  () => ({ exponential_decay_length_penalty: [3, 1.4] }),
  () => ({ remove_invalid_values: true, renormalize_logits: true }),
  ([a, b]) => ({
    repetition_penalty: 1.2,
    no_repeat_ngram_size: 3,
    sequence_bias: [[[b], 2.5]],
    suppress_tokens: [a],
  }),
  () => ({ temperature: 0.1, top_p: 0.2, top_k: 3, typical_p: 0.5 }),
];

async function ours(path: string): Promise<readonly (readonly number[])[]> {
  const answers: (readonly number[])[] = [];
  for (const ids of PROMPTS) {
    const { results } = await generate(path, {
      device: "wasm",
      prompts: [{ kind: "ids", ids }],
      maxNewTokens: NEW_TOKENS,
    });
    answers.push(...results.map((result) => result.ids.slice(result.promptTokens)));
  }
  return answers;
}

describe("a generation_config.json chooses the greedy ids that transformers chooses by it", () => {
  let greedy: readonly number[] = [];
  const theirs: unknown[] = [];
  const folders: string[] = [];
  beforeAll(async () => {
    await convert(join(FIXTURES, "internlm-tiny"), folder, {});
    greedy = (await ours(folder))[0] ?? [];
    for (const [index, file] of FILES.entries()) {
      const path = join(work, `case-${index}`);
      cpSync(folder, path, { recursive: true });
      const fields = { bos_token_id: 1, eos_token_id: 2, pad_token_id: 2, ...file(greedy) };
      writeFileSync(join(path, "generation_config.json"), JSON.stringify(fields));
      folders.push(path);
    }
    const cases = folders.flatMap((path) =>
      PROMPTS.map((ids) => ({
        folder: path,
        prompts: [ids],
        options: { max_new_tokens: NEW_TOKENS },
      })),
    );
    const answer = runPython("generate_ids.py", { folder, cases });
    const answers: readonly unknown[] = Array.isArray(answer) ? answer : [];
    theirs.push(...answers);
  });

  test.each(FILES.map((file, index) => ({ index, name: Object.keys(file([1, 2, 3])).join(", ") })))(
    "$index: $name",
    async ({ index }) => {
      const expected = PROMPTS.map((_, prompt) => {
        const entry = theirs[index * PROMPTS.length + prompt];
        const rows = isRecord(entry) ? entry["rows"] : undefined;
        return Array.isArray(rows) ? (rows[0] as unknown) : entry;
      });
      expect(await ours(folders[index] ?? "")).toEqual(expected);
    },
  );
});

const DRAWS: readonly (readonly [Readonly<Record<string, number>>, Partial<SamplingSettings>])[] = [
  [{ min_p: 0.05 }, { minP: 0.05 }],
  [
    { min_p: 0.4, temperature: 1.5 },
    { minP: 0.4, temperature: 1.5 },
  ],
  [{ typical_p: 0.3 }, { typicalP: 0.3 }],
  [
    { typical_p: 0.95, top_k: 20 },
    { typicalP: 0.95, topK: 20 },
  ],
  [{ epsilon_cutoff: 0.02 }, { epsilonCutoff: 0.02 }],
  [{ eta_cutoff: 0.05 }, { etaCutoff: 0.05 }],
  [
    { eta_cutoff: 0.01, top_p: 0.8 },
    { etaCutoff: 0.01, topP: 0.8 },
  ],
  [{ top_h: 0.4 }, { topH: 0.4 }],
  [
    { top_h: 0.7, top_k: 5 },
    { topH: 0.7, topK: 5 },
  ],
  [
    { top_k: 7, top_p: 0.6, min_p: 0.1 },
    { topK: 7, topP: 0.6, minP: 0.1 },
  ],
];

describe("drawing leaves over the ids that transformers' processors leave over", () => {
  const random = seededRandom(20);
  const cases = DRAWS.flatMap(([settings, own]) =>
    [1, 3, 8].map((spread) => ({
      settings,
      own,
      scores: Array.from({ length: 300 }, () => Math.fround((random() - 0.5) * spread * 2)),
    })),
  );
  let theirs: unknown;
  beforeAll(() => {
    theirs = runPython(
      "kept_ids.py",
      cases.map(({ settings, scores }) => ({ settings: { top_k: 0, ...settings }, scores })),
    );
  });

  test.each(
    cases.map((entry, index) => ({ ...entry, index, name: JSON.stringify(entry.settings) })),
  )("$index: $name", ({ own, scores, index }) => {
    const settings = { ...DEFAULT_SAMPLING, doSample: true, topK: 0, ...own };
    const { ids } = candidates(Float32Array.from(scores), settings);
    expect(Array.isArray(theirs) ? (theirs[index] as unknown) : theirs).toEqual(ids);
  });
});
