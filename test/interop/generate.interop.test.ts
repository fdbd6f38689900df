import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { generate, type GenerateOptions } from "../../src/api/generate.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-generate-"));
const folder = join(work, "converted");
afterAll(() => rmSync(work, { recursive: true, force: true }));

const PROMPT = [1, 290, 31, 77];
const GREEDY = { max_new_tokens: 12, do_sample: false, eos_token_id: 2 };
/** Longer than the 64 positions that the model was trained on. */
const LONG = Array.from({ length: 70 }, (_, index) => 3 + ((index * 37) % 380));

interface Case {
  readonly name: string;
  readonly prompts: readonly (readonly number[])[];
  /** As transformers' `generate` takes them. */
  readonly theirs: Readonly<Record<string, number | boolean>>;
  readonly ours: Omit<GenerateOptions, "prompts">;
}

const twelve = { maxNewTokens: 12, stopIds: [2] } as const;
const sampled = { ...twelve, doSample: true } as const;

const CASES: readonly Case[] = [
  { name: "greedily", prompts: [PROMPT], theirs: GREEDY, ours: twelve },
  ...[1.1, 1.7, 0.6].map((penalty) => ({
    name: `with repetition penalty ${penalty}`,
    prompts: [PROMPT],
    theirs: { ...GREEDY, repetition_penalty: penalty },
    ours: { ...twelve, repetitionPenalty: penalty },
  })),
  {
    name: "by max_length, which counts the prompt",
    prompts: [PROMPT],
    theirs: { max_length: 7, do_sample: false, eos_token_id: 2 },
    ours: { maxLength: 7, stopIds: [2] },
  },
  {
    name: "by max_new_tokens where max_length is given, too",
    prompts: [PROMPT],
    theirs: { ...GREEDY, max_new_tokens: 5, max_length: 6 },
    ours: { maxNewTokens: 5, maxLength: 6, stopIds: [2] },
  },
  {
    name: "from prompts of several lengths, padded on the left",
    prompts: [PROMPT, [1], [1, 5, 9, 200, 31, 44, 45, 46, 120]],
    theirs: GREEDY,
    ours: twelve,
  },
  { name: "behind a prompt beyond the context", prompts: [LONG], theirs: GREEDY, ours: twelve },
  {
    name: "by sampling from the one likeliest",
    prompts: [PROMPT],
    theirs: { ...GREEDY, do_sample: true, top_k: 1 },
    ours: { ...sampled, topK: 1, seed: 5 },
  },
  {
    name: "by sampling from a nucleus that holds one token at least",
    prompts: [PROMPT],
    theirs: { ...GREEDY, do_sample: true, top_p: 1e-9 },
    ours: { ...sampled, topP: 1e-9, seed: 6 },
  },
  {
    name: "by sampling next to no temperature",
    prompts: [PROMPT],
    theirs: { ...GREEDY, do_sample: true, temperature: 1e-6 },
    ours: { ...sampled, temperature: 1e-6, seed: 7 },
  },
];

const idsOf = (
  ids: readonly number[],
): { readonly kind: "ids"; readonly ids: readonly number[] } => ({
  kind: "ids",
  ids,
});

/** What was generated; nothing behind the end, where transformers pads. */
async function answers(
  prompts: Case["prompts"],
  options: Case["ours"],
): Promise<readonly (readonly number[])[]> {
  const { results } = await generate(folder, {
    device: "wasm",
    prompts: prompts.map(idsOf),
    ...options,
  });
  return results.map(({ ids, promptTokens }) => ids.slice(promptTokens));
}

function theirs(
  cases: readonly Pick<Case, "prompts" | "theirs">[],
): readonly Readonly<Record<string, unknown>>[] {
  const answer = runPython("generate_ids.py", {
    folder,
    cases: cases.map((entry) => ({ prompts: entry.prompts, options: entry.theirs })),
  });
  return Array.isArray(answer) ? answer.filter(isRecord) : [];
}

/** Rows up to and with the first end-of-sequence id. */
function untilEnd(rows: unknown, end: number): readonly (readonly number[])[] {
  if (!Array.isArray(rows)) return [];
  return rows.map((row: unknown) => {
    const ids = Array.isArray(row) ? row.map(Number) : [];
    const last = ids.indexOf(end);
    return last === -1 ? ids : ids.slice(0, last + 1);
  });
}

beforeAll(async () => {
  await convert(join(FIXTURES, "internlm-tiny"), folder, {});
});

describe("generation chooses the ids that transformers' generate does", () => {
  let answered: readonly Readonly<Record<string, unknown>>[] = [];
  /** The first token that is generated greedily. */
  let first = -1;
  beforeAll(async () => {
    first = (await answers([PROMPT], twelve))[0]?.[0] ?? -1;
    // All at once, since torch takes its time to start.
    answered = theirs([
      ...CASES,
      { prompts: [PROMPT], theirs: { ...GREEDY, eos_token_id: first } },
      { prompts: [PROMPT], theirs: { max_length: PROMPT.length } },
    ]);
  });

  test.each(CASES.map((entry, index) => ({ ...entry, index })))(
    "$name",
    async ({ prompts, ours, index }) => {
      const expected = untilEnd(answered[index]?.["rows"], 2);
      expect(expected).toHaveLength(prompts.length);
      expect(await answers(prompts, ours)).toEqual(expected);
    },
  );

  test("ending at the first new token", async () => {
    expect(answered.at(-2)?.["rows"]).toEqual([[first]]);
    expect(await answers([PROMPT], { ...twelve, stopIds: [first] })).toEqual([[first]]);
  });

  test("not at all where max_length leaves no room: both refuse", async () => {
    expect(answered.at(-1)?.["error"]).toContain("max_length");
    const error = await caught(() => answers([PROMPT], { maxLength: PROMPT.length }));
    expect(error.code).toBe("WB2801");
  });
});

describe("what has no counterpart there", () => {
  test("a seed draws the same ids each time, also beside another prompt", async () => {
    const drawn = { ...sampled, maxNewTokens: 30, stopIds: [], temperature: 1.5, seed: 11 };
    const [alone] = await answers([PROMPT], drawn);
    expect(await answers([PROMPT], drawn)).toEqual([alone]);
    const [beside] = await answers([PROMPT, [1]], drawn);
    expect(beside).toEqual(alone);
    expect(await answers([PROMPT], { ...drawn, seed: 12 })).not.toEqual([alone]);
  });

  test("an empty text is the beginning of a sequence", async () => {
    const { results } = await generate(folder, {
      device: "wasm",
      prompts: [{ kind: "text", text: "" }],
      ...twelve,
    });
    expect(results[0]?.ids.slice(1)).toEqual((await answers([[1]], twelve))[0]);
  });
});
