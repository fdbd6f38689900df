import { request } from "node:http";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate } from "../../src/api/generate.ts";
import { startServer, type RunningServer } from "../../src/api/serve.ts";
import { join } from "node:path";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { caught } from "../support/caught.ts";
import { post, served, TINY } from "../support/served.ts";

let server: RunningServer;
let client: OpenAI;
beforeAll(async () => {
  server = await served({ template: "internlm-2023-07" }, [TINY, TINY]);
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
});
afterAll(() => server.stop());

const model = "internlm-tiny";
const completions = (): string => `${server.url}/v1/completions`;
const greedy = { model, prompt: "hello", max_tokens: 6, temperature: 0 } as const;

const drawn = async (seed: number): Promise<string | undefined> =>
  (await client.completions.create({ ...greedy, temperature: 1.5, max_tokens: 12, seed }))
    .choices[0]?.text;

const penalized = async (frequency_penalty: number): Promise<readonly string[]> =>
  (
    await client.completions.create({
      ...greedy,
      max_tokens: 30,
      frequency_penalty,
      logit_bias: { "9": 1.5 },
      logprobs: 0,
    })
  ).choices[0]?.logprobs?.tokens ?? [];

const promptTokens = async (content: string): Promise<number> =>
  (
    await client.chat.completions.create({
      model,
      messages: [{ role: "user", content }],
      max_tokens: 1,
    })
  ).usage?.prompt_tokens ?? 0;

describe("completions by the openai package", () => {
  test("greedily, are what `generate` gives", async () => {
    const prompts = [{ kind: "text", text: "hello" }] as const;
    const { results } = await generate(TINY, { device: "wasm", prompts, maxNewTokens: 6 });
    const answer = await client.completions.create(greedy);
    expect(answer.choices[0]?.text).toBe(results[0]?.newText);
    expect(answer.choices[0]?.finish_reason).toBe(results[0]?.finish);
    expect(answer.usage).toMatchObject({
      prompt_tokens: results[0]?.promptTokens,
      completion_tokens: results[0]?.newTokens,
    });
  });

  test("streamed, are the same text, and end with the count where it is asked for", async () => {
    const whole = await client.completions.create(greedy);
    const stream = await client.completions.create({
      ...greedy,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let last: OpenAI.Completion | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? "";
      last = chunk;
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect([last?.choices, last?.usage]).toEqual([[], whole.usage]);
  });

  test("take texts, token ids and lists of both, and n answers to each", async () => {
    const prompts: readonly (readonly [number, OpenAI.CompletionCreateParams["prompt"]])[] = [
      [2, ["hello", "hi"]],
      [1, [1, 5, 7]],
      [
        2,
        [
          [1, 5],
          [1, 7],
        ],
      ],
    ];
    for (const [count, prompt] of prompts) {
      const { choices } = await client.completions.create({
        model,
        prompt,
        max_tokens: 2,
        n: 2,
        seed: 3,
      });
      expect(choices.map(({ index }) => index)).toEqual([...Array(count * 2).keys()]);
    }
  });

  test("drawn with a seed, are drawn again with it", async () => {
    expect(await drawn(1)).toBe(await drawn(1));
    expect(await drawn(1)).not.toBe(await drawn(2));
  });

  test("echo the prompt with its logprobs, which are those of generating it", async () => {
    const first = await client.completions.create({
      ...greedy,
      prompt: [1, 5, 7],
      logprobs: 2,
      logit_bias: { "9": 100 },
      max_tokens: 1,
    });
    const echoed = await client.completions.create({
      ...greedy,
      prompt: [1, 5, 7, 9],
      echo: true,
      logprobs: 2,
      max_tokens: 0,
    });
    const [{ logprobs } = { logprobs: null }] = echoed.choices;
    expect(logprobs?.token_logprobs).toHaveLength(4);
    expect(logprobs?.token_logprobs?.[0]).toBeNull();
    expect(logprobs?.token_logprobs?.[3]).toBeCloseTo(
      first.choices[0]?.logprobs?.token_logprobs?.[0] ?? 0,
      4,
    );
    expect(echoed.usage?.completion_tokens).toBe(0);
  });

  test("end before a stop text", async () => {
    const { choices } = await client.completions.create({ ...greedy, max_tokens: 12 });
    const text = choices[0]?.text ?? "";
    const stop = text.slice(2, 4);
    const stopped = await client.completions.create({ ...greedy, max_tokens: 12, stop });
    expect(stopped.choices[0]).toMatchObject({
      text: text.slice(0, text.indexOf(stop)),
      finish_reason: "stop",
    });
  });

  test("keep away from what was said with a frequency penalty", async () => {
    expect(new Set(await penalized(2)).size).toBeGreaterThan(new Set(await penalized(-2)).size);
  });
});

describe("chats by the openai package", () => {
  const messages = [{ role: "user", content: "hello" }] as const;

  test("answer, with logprobs that add up", async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: [...messages],
      temperature: 0,
      max_completion_tokens: 4,
      logprobs: true,
      top_logprobs: 20,
    });
    const tokens = answer.choices[0]?.logprobs?.content ?? [];
    expect(tokens).toHaveLength(4);
    for (const { logprob, top_logprobs: top } of tokens) {
      expect(top).toHaveLength(20);
      expect(top[0]?.logprob).toBeCloseTo(logprob, 6);
      const sum = top.reduce((total, entry) => total + Math.exp(entry.logprob), 0);
      expect(sum).toBeGreaterThan(0.1);
      expect(sum).toBeLessThanOrEqual(1.000_001);
    }
  });

  test("stream the same", async () => {
    const settings = { model, messages: [...messages], temperature: 0, max_tokens: 5 };
    const whole = await client.chat.completions.create(settings);
    let text = "";
    let finish: string | null = null;
    for await (const { choices } of await client.chat.completions.create({
      ...settings,
      stream: true,
    })) {
      text += choices[0]?.delta.content ?? "";
      finish = choices[0]?.finish_reason ?? finish;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(finish).toBe("length");
  });

  test("take control tokens in a message for text", async () => {
    expect(await promptTokens("a</s>b")).toBeGreaterThan((await promptTokens("ab")) + 1);
  });
});

const raw = async (init: RequestInit, path = "/v1/completions"): Promise<number> =>
  (await fetch(server.url + path, init)).status;

describe("a request that cannot be answered", () => {
  test.each([
    [{ ...greedy, model: "other" }, 404, "model"],
    [{ ...greedy, temperature: 3 }, 400, "temperature"],
    [{ ...greedy, temperature: "1" }, 400, "temperature"],
    [{ ...greedy, max_tokens: 100_000 }, 400, "max_tokens"],
    [{ ...greedy, best_of: 3 }, 400, "best_of"],
    [{ ...greedy, suffix: "x" }, 400, "suffix"],
    [{ ...greedy, prompt: [1, 100_000] }, 400, "prompt"],
    [{ ...greedy, prompt: {} }, 400, "prompt"],
    [{ ...greedy, stop: ["a", "b", "c", "d", "e"] }, 400, "stop"],
    [{ ...greedy, stream_options: {} }, 400, "stream_options"],
    [{ ...greedy, surprise: 1 }, 400, "surprise"],
    [JSON.parse(`{"__proto__":{"prompt":"a"},"model":"internlm-tiny"}`) as unknown, 400, "prompt"],
    [[], 400, null],
  ])("%# is refused in OpenAI's shape, naming the field", async (body, status, param) => {
    expect(await post(completions(), body)).toMatchObject({
      status,
      json: {
        error: { type: "invalid_request_error", param },
      },
    });
  });

  test("has the wrong form, method or place", async () => {
    expect(await raw({ method: "POST", body: "{}" })).toBe(415);
    expect(
      await raw({ method: "POST", body: "{", headers: { "content-type": "application/json" } }),
    ).toBe(400);
    expect(await raw({ method: "GET" })).toBe(405);
    expect(await raw({}, "/v1/nothing")).toBe(404);
    const large = JSON.stringify({ ...greedy, prompt: "a".repeat(5 * 2 ** 20) });
    expect(
      await raw({ method: "POST", body: large, headers: { "content-type": "application/json" } }),
    ).toBe(413);
  });

  test("comes from another site, or by another name of this machine", async () => {
    const statusOf = async (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const sent = request(`${server.url}/v1/models`, { headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.on("error", reject);
        sent.end();
      });
    expect(await statusOf({ host: "evil.example" })).toBe(403);
    expect(await statusOf({ host: "127.0.0.1@evil.example" })).toBe(400);
    expect(await statusOf({ origin: "http://evil.example" })).toBe(403);
    expect(await statusOf({ origin: "null" })).toBe(403);
    expect(await statusOf({ origin: server.url })).toBe(200);
  });
});

test("models are listed, told apart, and found by their ids", async () => {
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id)).toEqual([model, `${model}-2`]);
  expect((await client.models.retrieve(`${model}-2`)).object).toBe("model");
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test("a client that leaves makes room for the next, many times over", async () => {
  for (let time = 0; time < 10; time++) {
    const abort = new AbortController();
    const stream = await client.completions.create(
      { ...greedy, prompt: [1, 5], max_tokens: 50, temperature: 1.5, stream: true },
      { signal: abort.signal },
    );
    for await (const _ of stream) break;
    abort.abort();
  }
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => client.completions.create(greedy)),
  );
  expect(new Set(answers.map(({ choices }) => choices[0]?.text)).size).toBe(1);
});

test("too many requests at once are sent away with a time to come again", async () => {
  const small = await served({ queue: 1 });
  try {
    const body = { ...greedy, max_tokens: 40, n: 4 };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post(`${small.url}/v1/completions`, body)),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get("retry-after")).toBe("1");
  } finally {
    await small.stop();
  }
});

test("with a key, only who has it is answered", async () => {
  const guarded = await served({ apiKey: "sesame" });
  try {
    const status = async (authorization?: string): Promise<number> =>
      (
        await fetch(`${guarded.url}/v1/models`, {
          headers: authorization === undefined ? {} : { authorization },
        })
      ).status;
    expect([await status(), await status("Bearer sesam"), await status("Bearer sesame")]).toEqual([
      401, 401, 200,
    ]);
    expect((await fetch(`${guarded.url}/health`)).status).toBe(200);
  } finally {
    await guarded.stop();
  }
});

test("answers at work end before the server does, or are cut off after the grace time", async () => {
  for (const [graceSeconds, cut] of [
    [30, 0],
    [0, 1],
  ] as const) {
    const stopping = await served({ graceSeconds });
    const answer = post(`${stopping.url}/v1/completions`, { ...greedy, max_tokens: 40, n: 8 });
    while ((await fetch(`${stopping.url}/health`)).status !== 200);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await stopping.stop()).toMatchObject({ cut });
    expect((await answer).status).toBe(cut === 0 ? 200 : 503);
  }
});

test("an address that others can reach needs a key, and limits must make sense", async () => {
  expect((await caught(() => startServer([TINY], { host: "0.0.0.0" }))).code).toBe("WB2950");
  expect((await caught(() => startServer([TINY], { port: -1 }))).code).toBe("WB2951");
});

test("a model that cannot be loaded is why the server never gets ready", async () => {
  const broken = await startServer([join(FIXTURES, "dtypes", "everything.bin")], { port: 0 });
  expect((await caught(() => broken.ready)).code).toBe("WB3705");
  expect((await fetch(`${broken.url}/health`)).status).toBe(503);
  expect((await fetch(`${broken.url}/v1/models`)).status).toBe(503);
  await broken.stop();
});
