import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { convert } from "../../../src/api/convert.ts";
import type { Laboratory, Override } from "../../../src/verify/compare/model-runner.ts";
import { quantisedAs } from "../../../src/verify/endpoint/quantised-weights.ts";
import { openChatPrompts } from "../../../src/session/chat-prompt.ts";
import { verify } from "../../../src/verify/run.ts";
import type { VerifyResult } from "../../../src/verify/result.ts";
import { caught } from "../../support/caught.ts";
import { fakeServer, type FakeServer } from "../../support/endpoint-server.ts";
import { modelServer, type ServerTraits } from "../../support/model-server.ts";
import { served, TINY } from "../../support/served.ts";
import { stoppedAfterEach, verifyServer } from "../../support/verified-servers.ts";

const folder = mkdtempSync(join(tmpdir(), "endpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));

const open = stoppedAfterEach();

async function simulated(traits: ServerTraits, model = TINY): Promise<VerifyResult> {
  const server: FakeServer = await modelServer(model, traits);
  open.push(server);
  return verifyServer(server.url, model);
}

/** Verdict, first cause and its evidence. */
function told({ verdict, diagnosis }: VerifyResult): readonly unknown[] {
  return [verdict, diagnosis[0]?.cause, diagnosis[0]?.evidence ?? ""];
}

/** The small model with a chat template of its own. */
const CHATTY = join(folder, "chatty");
cpSync(TINY, CHATTY, { recursive: true });
writeFileSync(
  join(CHATTY, "chat_template.jinja"),
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant]",
);
const chat = await openChatPrompts(CHATTY);

const right: ServerTraits["writes"] = (messages) => chat.template.render(messages);
const chatMl: ServerTraits["writes"] = (messages) =>
  `${messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join("")}<|im_start|>assistant\n`;

const doubled: ServerTraits["writes"] = (messages) => `<s>${chat.template.render(messages)}`;

describe("a server that writes conversations", () => {
  test.each([
    ["tokens", { ids: 3, texts: 0, counts: 0 }],
    ["text", { ids: 0, texts: 3, counts: 0 }],
    ["count", { ids: 0, texts: 0, counts: 3 }],
  ] as const)("by the model's template and tells %s passes", async (tellsChat, compared) => {
    const result = await simulated({ writes: right, tellsChat, hasTokenize: true }, CHATTY);
    expect(result.verdict).toBe("pass");
    expect(result.comparisons[0]?.endpoint?.template).toMatchObject({
      ...compared,
      differences: [],
    });
  });

  test.each(["tokens", "text", "count"] as const)(
    "by another template and tells %s is named so",
    async (tellsChat) => {
      const result = await simulated({ writes: chatMl, tellsChat, hasTokenize: true }, CHATTY);
      expect(told(result)).toEqual([
        "fail",
        "template",
        expect.stringMatching(/^a conversation of 1 turn .*: another chat template; 2 more/u),
      ]);
    },
  );

  test("behind a second token at the beginning is told of that", async () => {
    const result = await simulated(
      { writes: doubled, tellsChat: "tokens", hasTokenize: true },
      CHATTY,
    );
    expect(told(result)).toEqual(["fail", "tokenizer", expect.stringContaining("beginning-of-")]);
  });

  test("and tells nothing of them leaves the template unseen", async () => {
    const result = await simulated({}, CHATTY);
    expect(result.verdict).toBe("pass");
    expect(result.coverage.unreached.join()).toContain("the server's chat template");
  });

  test("of a model whose files have no template is not asked for them", async () => {
    const result = await simulated({ writes: chatMl, tellsChat: "tokens", hasTokenize: true });
    expect(result.verdict).toBe("pass");
    expect(result.comparisons[0]?.endpoint?.template).toBeUndefined();
  });

  test("is our own, of that model", async () => {
    const server = await served({}, [CHATTY]);
    open.push(server);
    const result = await verifyServer(server.url, CHATTY);
    expect(result.verdict).toBe("pass");
    expect(result.comparisons[0]?.endpoint?.template).toMatchObject({ ids: 3, differences: [] });
  });
});

describe("our own server", () => {
  test("serves the weights that it was given, with token ids the same as ours", async () => {
    const server = await served();
    open.push(server);
    const result = await verifyServer(server.url);
    expect(result.verdict).toBe("pass");
    const [comparison] = result.comparisons;
    expect(comparison?.endpoint).toMatchObject({
      statement: "this server serves these weights, within float32",
      way: { prompt: "ids", echo: true, tellIds: true },
      otherTop: 0,
      unreadable: 0,
      tokenizer: { ids: 5, counts: 0, differences: [] },
    });
    expect(comparison?.endpoint?.values).toBeGreaterThan(1000);
    expect(result.coverage.positions).toBeGreaterThan(150);
  });

  test.each(["Q8_0", "Q4_0"] as const)("of weights converted to %s is named so", async (type) => {
    const out = join(folder, type);
    await convert(TINY, out, { to: "gguf", quantize: type });
    const server = await served({}, [out]);
    open.push(server);
    expect(told(await verifyServer(server.url))).toEqual([
      "fail",
      "quantised",
      expect.stringContaining(`weights of ${type}`),
    ]);
  });
});

const scaled =
  (factor: number) =>
  (laboratory: Laboratory): Override =>
  (name) =>
    name.endsWith("o_proj.weight")
      ? async (rows) => {
          const { shape, data } = await laboratory.read(name, rows);
          return { shape, data: data.map((value) => value * factor) };
        }
      : undefined;

describe("a server that is honest", () => {
  test.each<readonly [string, ServerTraits]>([
    ["in texts and not in ids", { style: "openai", tellsIds: false }],
    ["in llama.cpp's objects, without an echo", { style: "llama.cpp", echoes: false }],
    [
      "in an echo without the beginning of the text",
      { style: "openai", takesIds: false, tellsIds: false, hidesFirst: true },
    ],
    ["only when sent texts", { style: "openai", takesIds: false, tellsIds: false }],
  ])("passes where it answers %s", async (_what, traits) => {
    const result = await simulated(traits);
    expect(told(result)).toEqual(["pass", undefined, ""]);
    expect(result.comparisons[0]?.endpoint?.values).toBeGreaterThan(100);
  });
});

describe("a server that is not", () => {
  test.each<readonly [string, string, ServerTraits]>([
    ["draws at temperature 0.8", "temperature", { temperature: 0.8 }],
    ["has other weights", "other-weights", { override: scaled(2) }],
    [
      "has Q4_0 in the place of the weights",
      "quantised",
      { override: (lab) => quantisedAs("Q4_0", lab) },
    ],
    [
      "has Q8_0, and tells only of answers",
      "quantised",
      { echoes: false, override: (lab) => quantisedAs("Q8_0", lab) },
    ],
    [
      "leaves out the first token, and says so",
      "tokenizer",
      { reads: (ids) => ids.slice(1), hasTokenize: true },
    ],
    [
      "leaves out the first token, and hides it",
      "tokenizer",
      {
        reads: (ids) => ids.slice(1),
        hidesUsage: true,
        echoes: false,
        tellsIds: false,
        style: "llama.cpp",
      },
    ],
    [
      "reads the last 8 tokens alone",
      "truncated-context",
      {
        reads: (ids) => ids.slice(-8),
        hidesUsage: true,
        echoes: false,
        tellsIds: false,
        style: "llama.cpp",
      },
    ],
  ])("fails where it %s", async (_what, cause, traits) => {
    const result = await simulated(traits);
    expect(told(result)).toEqual(["fail", cause, expect.any(String)]);
  });

  test("tells nothing, and is no pass", async () => {
    const server = await modelServer(TINY, { style: "none", tellsIds: false, hidesText: true });
    open.push(server);
    expect((await caught(() => verifyServer(server.url))).code).toBe("WB1961");
  });

  test("is not asked for more than the model's context has room for", async () => {
    const server = await modelServer(TINY);
    open.push(server);
    const prompts = [{ kind: "ids", ids: Array.from({ length: 4000 }, () => 5) }] as const;
    const work = (): unknown =>
      verify(TINY, { device: "wasm", endpoint: { url: server.url }, prompts });
    expect((await caught(work)).code).toBe("WB2964");
  });

  test.each<readonly [string, unknown]>([
    ["no choices", {}],
    ["a list that is no list", { choices: [{ logprobs: { tokens: "a" } }] }],
    ["lists of other lengths", { choices: [{ logprobs: { tokens: ["a"], token_logprobs: [] } }] }],
    ["a probability above 1", { choices: [{ logprobs: { tokens: ["a"], token_logprobs: [3] } }] }],
    ["an id that the model has not", { choices: [{ token_ids: [999_999] }] }],
  ])("answers with %s, and is not believed", async (_what, json) => {
    const server = await fakeServer(({ path }) =>
      path === "/v1/models" ? { json: { data: [{ id: "m" }] } } : { json },
    );
    open.push(server);
    expect((await caught(() => verifyServer(server.url))).code).toBe("WB3961");
  });
});
