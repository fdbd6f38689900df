import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { RunningServer } from "../../src/api/serve.ts";
import { isRecord } from "../support/is-record.ts";
import { post, served } from "../support/served.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await served({ template: "internlm-2023-07" });
});
afterAll(() => server.stop());

const greedy = { prompt: "hello there", max_tokens: 4, temperature: 0 } as const;
const question = { messages: [{ role: "user", content: "hi" }], max_tokens: 3, temperature: 0 };

async function ask(path: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  const { json } = await post(`${server.url}${path}`, body);
  return isRecord(json) ? json : {};
}

async function choice(path: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  const { choices } = await ask(path, body);
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  return isRecord(first) ? first : {};
}

function list(value: unknown, field: string): readonly unknown[] {
  const found = isRecord(value) ? value[field] : undefined;
  return Array.isArray(found) ? found : [];
}

describe("what evaluators send", () => {
  test.each([
    { user: "u", prompt_cache_key: "k" },
    { top_k: -1 },
    { min_p: 0 },
    { model: "some-other-name" },
    { model: undefined },
    { ignore_eos: true },
  ])("%o is taken, and changes no greedy answer", async (extra) => {
    const { text } = await choice("/v1/completions", greedy);
    expect(text).toEqual(expect.any(String));
    expect((await choice("/v1/completions", { ...greedy, ...extra }))["text"]).toBe(text);
  });

  test.each([
    { tool_choice: "auto" },
    { reasoning_effort: "low" },
    { chat_template_kwargs: {} },
    { messages: [{ role: "user", content: "hi", name: "ann" }] },
  ])("%o is taken in a chat", async (extra) => {
    const { message } = await choice("/v1/chat/completions", question);
    expect((await choice("/v1/chat/completions", { ...question, ...extra }))["message"]).toEqual(
      message,
    );
  });

  it("min_p and min_tokens are taken, and refused where they are out of range", async () => {
    const { text } = await choice("/v1/completions", { ...greedy, min_p: 0.1, min_tokens: 2 });
    expect(text).toEqual(expect.any(String));
    expect(await ask("/v1/completions", { ...greedy, min_p: 1.5 })).toMatchObject({
      error: { message: "min_p: expected a number from 0 to 1, found 1.5", code: "invalid_value" },
    });
  });

  test("text_offset points into the text that is sent, the prompt echoed or not", async () => {
    const request = { ...greedy, logprobs: 1 };
    const alone = await choice("/v1/completions", request);
    const echoed = await choice("/v1/completions", { ...request, echo: true });
    const answer = String(alone["text"]);
    const begin = String(echoed["text"]).length - answer.length;
    const own = list(alone["logprobs"], "text_offset");
    const behind = list(echoed["logprobs"], "text_offset").slice(-own.length);
    expect(own[0]).toBe(0);
    expect(behind).toEqual(own.map((offset) => Number(offset) + begin));
    expect(list(echoed["logprobs"], "text_offset").every((offset) => Number(offset) >= 0)).toBe(
      true,
    );
  });

  test("return_token_ids tells the ids of prompt and answer", async () => {
    const { token_ids: ids, prompt_token_ids: prompt } = await choice("/v1/completions", {
      ...greedy,
      return_token_ids: true,
    });
    const { tokens } = await ask("/tokenize", { prompt: greedy.prompt });
    expect(prompt).toEqual(tokens);
    expect(ids).toHaveLength(4);
  });

  test("/tokenize and /detokenize are each other's inverse", async () => {
    const told = await ask("/tokenize", {
      model: "any",
      prompt: "hello there",
      return_token_strs: true,
    });
    expect(told).toMatchObject({ count: list(told, "tokens").length });
    expect(list(told, "token_strs")).toHaveLength(list(told, "tokens").length);
    const { prompt } = await ask("/detokenize", { tokens: list(told, "tokens") });
    expect(String(prompt)).toContain("hello there");
    expect(await ask("/detokenize", { tokens: [1e9] })).toHaveProperty("error");
  });

  test("every answer has an x-request-id, the client's own where it sent one", async () => {
    const own = await post(`${server.url}/v1/completions`, greedy, {
      headers: { "x-request-id": "mine-1" },
    });
    const none = await fetch(`${server.url}/health`);
    expect(own.headers.get("x-request-id")).toBe("mine-1");
    expect(none.headers.get("x-request-id")).toMatch(/^req_/);
  });
});

describe("what strangers send", () => {
  test("is refused before it is tokenized where it cannot fit into the context", async () => {
    const begin = performance.now();
    const { json, status } = await post(`${server.url}/v1/completions`, {
      ...greedy,
      prompt: "word ".repeat(700_000),
    });
    expect(status).toBe(400);
    expect(json).toMatchObject({ error: { code: "context_length_exceeded" } });
    expect(JSON.stringify(json)).toContain("characters beside white space");
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  test.each(["[", '{"a":', '{"prompt":['])("nested without end is 400", async (open) => {
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: open.repeat(100_000),
    });
    expect(response.status).toBe(400);
  });

  test.each([
    ["lists", `{"prompt":[${"[],".repeat(60_000)}[]]}`],
    ["texts", `{"prompt":[${'"a",'.repeat(60_000)}"a"]}`],
    ["keys", `{${Array.from({ length: 60_000 }, (_, at) => `"k${at}":1`).join(",")}}`],
  ])("more %s than any request has are 400 before they are parsed", async (_what, body) => {
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("more than 50000 lists, objects, texts and numbers");
  });

  test("a quote behind a backslash ends no text, and what is in a text is no part", async () => {
    const { status } = await post(`${server.url}/v1/completions`, {
      ...greedy,
      max_tokens: 1,
      user: '\\",[{\\\\'.repeat(20_000),
    });
    expect(status).toBe(200);
  });

  test("brackets within a text are no nesting", async () => {
    const { status } = await post(`${server.url}/v1/completions`, {
      ...greedy,
      prompt: '[["\\"'.repeat(4),
    });
    expect(status).toBe(200);
  });
});
