import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningServer } from "../../src/api/serve.ts";
import { TurnQueue } from "../../src/serve/turn-queue.ts";
import { isRecord } from "../support/is-record.ts";
import { post, served } from "../support/served.ts";

let together: RunningServer;
let alone: RunningServer;
const notes: string[] = [];
beforeAll(async () => {
  together = await served({ batch: 6, onNotes: (_id, told) => notes.push(...told) });
  alone = await served({ batch: 1 });
});
afterAll(async () => {
  await together.stop();
  await alone.stop();
});

/** Requests of all lengths, greedy and drawn, with logprobs to the last bit. */
const REQUESTS = Array.from({ length: 14 }, (_, index) => ({
  prompt: Array.from(
    { length: 1 + ((index * 11) % 40) },
    (_id, at) => 3 + ((index + at * 37) % 380),
  ),
  max_tokens: 1 + ((index * 5) % 12),
  logprobs: 2,
  return_token_ids: true,
  ...(index % 2 === 0 ? { temperature: 0 } : { temperature: 1.2, seed: index, top_k: 50 }),
  ...(index % 3 === 0 ? { repetition_penalty: 1.2, presence_penalty: 0.5 } : {}),
  ...(index % 5 === 0 ? { n: 2 } : {}),
}));

async function choices({ url }: RunningServer, body: unknown): Promise<unknown> {
  const { json } = await post(`${url}/v1/completions`, body);
  return isRecord(json) && "choices" in json ? json["choices"] : json;
}

describe("requests that are answered at the same time", () => {
  it("get the answers that they get alone, ids and logprobs to the last bit", async () => {
    const expected: unknown[] = [];
    for (const request of REQUESTS) expected.push(await choices(alone, request));
    const found = await Promise.all(REQUESTS.map((request) => choices(together, request)));
    expect(found).toEqual(expected);
    expect(notes).toContainEqual(expect.stringMatching(/^batch: up to 6 answers at a time/));
  });

  it("of one request come side by side in a stream, each in order", async () => {
    const body = {
      ...REQUESTS[0],
      n: 3,
      temperature: 1,
      seed: 4,
      max_tokens: 5,
      logprobs: undefined,
    };
    const whole = await choices(alone, body);
    const response = await fetch(`${together.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, stream: true }),
    });
    const ids: number[][] = [[], [], []];
    for (const line of (await response.text()).split("\n")) {
      if (!line.startsWith("data: {")) continue;
      const chunk: unknown = JSON.parse(line.slice(6));
      const list = isRecord(chunk) && Array.isArray(chunk["choices"]) ? chunk["choices"] : [];
      for (const choice of list as unknown[])
        if (isRecord(choice) && Array.isArray(choice["token_ids"]))
          ids[Number(choice["index"])]?.push(...choice["token_ids"].map(Number));
    }
    expect(ids).toEqual(
      Array.isArray(whole)
        ? whole.map((choice: unknown) => isRecord(choice) && choice["token_ids"])
        : whole,
    );
  });

  it("go on when one of them leaves, and when one stops at its own text", async () => {
    const [first, second] = [REQUESTS[2], REQUESTS[4]];
    const expected = [await choices(alone, first), await choices(alone, second)];
    const leaving = new AbortController();
    const gone = fetch(`${together.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: [5, 6, 7], max_tokens: 60, ignore_eos: true, stream: true }),
      signal: leaving.signal,
    });
    const response = await gone;
    const reading = response.text().catch((error: unknown) => error);
    const others = Promise.all([choices(together, first), choices(together, second)]);
    leaving.abort();
    expect(await reading).toBeInstanceOf(Error);
    expect(await others).toEqual(expected);
  });
});

const settled = async (turn: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    turn.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 5)),
  ]);

describe("TurnQueue", () => {
  const never = new AbortController().signal;

  it("lets as many texts begin as there is room for, in the order of asking", async () => {
    const queue = new TurnQueue(9, { texts: 2, tokens: 100 });
    const end = await queue.turn(never, 60);
    const large = queue.turn(never, 50);
    const small = queue.turn(never, 10);
    expect([await settled(large), await settled(small)]).toEqual([false, false]);
    end();
    expect([await settled(large), await settled(small)]).toEqual([true, true]);
    const third = queue.turn(never, 1);
    expect(await settled(third)).toBe(false);
    (await small)();
    expect(await settled(third)).toBe(true);
  });

  it("lets a text alone begin whatever its size, and those behind one that gave up", async () => {
    const queue = new TurnQueue(9, { texts: 4, tokens: 10 });
    const end = await queue.turn(never, 500);
    const giving = new AbortController();
    const large = queue.turn(never, 400);
    end();
    (await large)();
    const first = await queue.turn(never, 5);
    const waiting = queue.turn(giving.signal, 400).catch((error: unknown) => error);
    const small = queue.turn(never, 5);
    expect(await settled(small)).toBe(false);
    giving.abort(new Error("gone"));
    expect(await waiting).toEqual(new Error("gone"));
    expect(await settled(small)).toBe(true);
    first();
  });
});
