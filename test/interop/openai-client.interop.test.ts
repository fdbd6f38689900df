import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { generate } from "../../src/api/generate.ts";
import { isRecord } from "../support/is-record.ts";
import { ownEnvironment, run } from "../support/own-environment.ts";
import { TINY } from "../support/served.ts";

const ROOT = join(import.meta.dirname, "../..");
const KEY = "a-key-for-this-test";

let server: ChildProcess;
let url = "";
let client = "";
beforeAll(async () => {
  client = ownEnvironment("openai");
  const args = ["bin/weighbridge.js", "serve", TINY, "--port", "0", "--device", "wasm"];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, WEIGHBRIDGE_API_KEY: KEY },
    stdio: ["ignore", "ignore", "pipe"],
  });
  server = child;
  let stderr = "";
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  while (!/^ready$/m.test(stderr)) await once(child.stderr, "data");
  url = /listening at (\S+);/.exec(stderr)?.[1] ?? "";
});
afterAll(() => {
  server.kill();
});

it("OpenAI's own Python client lists, completes, chats and streams, and knows our errors for its own", async () => {
  const script = join(import.meta.dirname, "python/openai_client.py");
  const seen: unknown = JSON.parse(run(client, [script], JSON.stringify({ url, key: KEY })));
  const { results } = await generate(TINY, {
    device: "wasm",
    prompts: [{ kind: "text", text: "hello" }],
    maxNewTokens: 6,
  });
  const text = results[0]?.newText ?? "";
  const prompt = results[0]?.promptTokens ?? 0;
  expect(seen).toMatchObject({
    text,
    streamed: text,
    finish: results[0]?.finish,
    usage: { prompt_tokens: prompt, completion_tokens: 6, total_tokens: prompt + 6 },
    logprobs: 6,
    streamedUsage: 6,
    role: "assistant",
    top: [3, 3, 3, 3, 3],
    // Where one model is served, any name means it.
    failures: ["none", "BadRequestError", "AuthenticationError"],
  });
  if (!isRecord(seen)) throw new Error("no object");
  expect(seen["spoken"]).toBe(seen["chat"]);
  expect(seen).toMatchObject({
    response: seen["chat"],
    responseStatus: "incomplete",
    responseUsage: true,
    told: seen["chat"],
    toldEnd: seen["chat"],
  });
});
