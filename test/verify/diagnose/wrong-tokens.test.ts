import { describe, expect, test } from "vitest";
import {
  describeTokens,
  rowsExchanged,
  wrongTokens,
} from "../../../src/verify/diagnose/golden/wrong-tokens.ts";

const WIDTH = 40;
const CONFIG = { vocabSize: WIDTH, tieWordEmbeddings: false };
const PROMPTS = [
  [1, 5, 6, 7],
  [1, 8, 5, 9, 4],
  [1, 2, 3, 6],
].map((ids) => ({ ids, positions: ids.map((_id, at) => at) }));

/** Logits of every prompt; those that `off` gives a number for are off by it. */
function outputs(off: (id: number, at: number, prompt: number, column: number) => number) {
  return PROMPTS.map(({ ids }, prompt) => {
    const reference = Float32Array.from(ids.flatMap(() => Array.from({ length: WIDTH }, () => 1)));
    const ours = reference.map((value, index) => {
      const at = Math.floor(index / WIDTH);
      return value + off(ids[at] ?? 0, at, prompt, index % WIDTH);
    });
    return { ours, reference };
  });
}

/** Whether a prompt has had the token by this position. */
const hasHad = (token: number, at: number, prompt: number): boolean =>
  PROMPTS[prompt]?.ids.slice(0, at + 1).includes(token) ?? false;

describe("tokens that logits blame", () => {
  test("logits that are wrong from a token on blame its embedding", () => {
    const found = outputs((_id, at, prompt) => (hasHad(5, at, prompt) ? 2 : 0));
    expect(wrongTokens(found, PROMPTS, CONFIG, 0.1)).toEqual({ read: [5], written: [] });
  });

  test.each([
    ["departures that grow with positions", (at: number) => 0.06 * at],
    ["departures from one position on", (at: number) => (at < 2 ? 0 : 2)],
    ["departures everywhere", () => 2],
    [
      "small departures, from one token or another on,",
      (at: number, prompt: number) => (at > prompt ? 0.2 : 0),
    ],
  ])("%s blame no token", (_what, off) => {
    const found = outputs((_id, at, prompt) => off(at, prompt));
    expect(wrongTokens(found, PROMPTS, CONFIG, 0.1)).toBeUndefined();
  });

  test("a head that is the embeddings adds the token's own logits", () => {
    const found = outputs((_id, at, prompt, column) =>
      hasHad(5, at, prompt) || column === 5 || column === 30 ? 2 : 0,
    );
    const tied = { ...CONFIG, tieWordEmbeddings: true };
    expect(wrongTokens(found, PROMPTS, tied, 0.1)).toEqual({ read: [5], written: [5, 30] });
  });

  test("a token that is right where it is read is not the one whose own logits are wrong", () => {
    const found = outputs((_id, _at, _prompt, column) => (column === 6 ? 2 : 0));
    const tied = { ...CONFIG, tieWordEmbeddings: true };
    expect(wrongTokens(found, PROMPTS, tied, 0.1)).toBeUndefined();
  });

  test("experts leave tokens in doubt", () => {
    const found = outputs((_id, at, prompt) => (hasHad(5, at, prompt) ? 2 : 0));
    const experts = { count: 2, perToken: 1, size: 4, isNormalised: true, layers: [true] };
    expect(wrongTokens(found, PROMPTS, { ...CONFIG, experts }, 0.1)).toBeUndefined();
  });

  test("two rows that stand in each other's place are said to, once that makes logits right", async () => {
    const table = { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    expect([...rowsExchanged(table, 0, 2).data]).toEqual([5, 6, 3, 4, 1, 2]);
    const said = async (after: number): Promise<string> => {
      const departure = { before: 1, noise: 0.1 };
      const tokens = { read: [0, 2], written: [] };
      return (await describeTokens(tokens, table, () => Promise.resolve(after), departure)).cause;
    };
    expect([await said(0), await said(1)]).toEqual(["row-shifted", "corrupt"]);
  });

  test("a tied head's wrong logits are kept apart from those that are right before a token", async () => {
    const table = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
    const { evidence } = await describeTokens(
      { read: [1], written: [1] },
      table,
      () => Promise.resolve(1),
      { before: 1, noise: 0.1 },
    );
    expect(evidence).toContain("but for those of tokens 1, the logits of every prompt are right");
  });

  test("rows of zeros are named", async () => {
    const table = { shape: [2, 2], data: Float32Array.of(1, 2, 0, 0) };
    const { evidence } = await describeTokens(
      { read: [1], written: [] },
      table,
      () => Promise.resolve(1),
      { before: 1, noise: 0.1 },
    );
    expect(evidence).toContain("before tokens 1, and first wrong at them");
    expect(evidence).toContain("rows of zeros: 1");
  });
});
