import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openChat, type Chat, type ChatOptions, type ChatTurn } from "../../src/api/chat.ts";
import { readMessages } from "../../src/api/chat-messages.ts";
import { generate } from "../../src/api/generate.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const TINY = join(FIXTURES, "internlm-tiny");

let folder = "";
/** The small model with a context of 400 tokens instead of 64. */
let roomy = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-chat-"));
  roomy = join(folder, "roomy");
  cpSync(TINY, roomy, { recursive: true });
  const config = { max_position_embeddings: 400 };
  writeConfig(roomy, config);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeConfig(path: string, fields: object): void {
  const text = JSON.stringify({
    architectures: ["InternLMForCausalLM"],
    model_type: "internlm",
    vocab_size: 384,
    hidden_size: 32,
    intermediate_size: 88,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    rms_norm_eps: 1e-6,
    bias: true,
    bos_token_id: 1,
    eos_token_id: 2,
    ...fields,
  });
  writeFileSync(join(path, "config.json"), text);
}

const GREEDY: ChatOptions = { device: "wasm", doSample: false, maxNewTokens: 10 };

async function ask(chat: Chat, question: string, signal?: AbortSignal): Promise<ChatTurn> {
  const pieces = chat.ask(question, signal);
  for (;;) {
    const step = await pieces.next();
    if (step.done === true) return step.value;
  }
}

async function withChat<T>(
  path: string,
  options: ChatOptions,
  work: (chat: Chat) => Promise<T>,
): Promise<T> {
  const chat = await openChat(path, { ...GREEDY, ...options });
  try {
    return await work(chat);
  } finally {
    await chat.close();
  }
}

/** Two answers that are drawn, as one text. */
function drawn(seed?: number): Promise<string> {
  const options = { doSample: true, ...(seed === undefined ? {} : { seed }) };
  return withChat(roomy, options, async (chat) => {
    const turns = [await ask(chat, "hello"), await ask(chat, "hello")];
    return turns.map(({ answer }) => answer).join("|");
  });
}

describe("a conversation", () => {
  it("answers each question as one generation from the whole text does, and computes only what is new", async () => {
    const questions = ["hello", "how are you", "the wagon"];
    await withChat(roomy, {}, async (chat) => {
      for (const [index, question] of questions.entries()) {
        const before = chat.messages;
        const turn = await ask(chat, question);
        const { results } = await generate(roomy, {
          device: "wasm",
          prompts: [],
          chat: { conversations: [[...before, { role: "user", content: question }]] },
          maxNewTokens: 10,
        });
        const [{ ids, promptTokens } = { ids: [], promptTokens: 0 }] = results;
        expect(turn.promptTokens).toBe(promptTokens);
        expect(turn.answer).toBe(
          chat.prompts.tokenizer.decode(ids.slice(promptTokens), { skipSpecialTokens: true }),
        );
        expect(turn.reusedTokens > 10).toBe(index > 0);
        expect(turn).toMatchObject({ newTokens: 10, finish: "length", droppedTurns: 0 });
      }
      expect(chat.messages.map(({ role }) => role)).toEqual([
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
      ]);
      chat.reset();
      expect(chat.messages).toEqual([]);
      expect(await ask(chat, "hello")).toMatchObject({ reusedTokens: 0 });
    });
  });

  it("forgets its oldest turns when the context has no room, and refuses a question that is too long", async () => {
    await withChat(TINY, { maxNewTokens: 4 }, async (chat) => {
      const turns = [await ask(chat, "hello"), await ask(chat, "the"), await ask(chat, "weigh")];
      expect(turns.map(({ droppedTurns }) => droppedTurns)).toEqual([0, 0, 1]);
      const remembered = chat.messages;
      const error = await caught(() => ask(chat, "x".repeat(80)));
      expect(error.code).toBe("WB2801");
      expect(error.message).toContain("the context has 64, of which 4 are kept for the answer");
      expect(chat.messages).toEqual(remembered);
    });
  });

  it("remembers what was said of an answer that is stopped, and goes on", async () => {
    await withChat(roomy, { maxNewTokens: 50 }, async (chat) => {
      const stop = new AbortController();
      const pieces = chat.ask("hello", stop.signal);
      const first = await pieces.next();
      stop.abort(new Error("enough"));
      let said = first.done === true ? "" : first.value;
      let turn: ChatTurn | undefined;
      while (turn === undefined) {
        const step = await pieces.next();
        if (step.done === true) turn = step.value;
        else said += step.value;
      }
      expect(turn.finish).toBe("interrupted");
      expect(turn.newTokens).toBeLessThan(50);
      expect(chat.messages[1]?.content).toBe(said);
      expect((await ask(chat, "the wagon")).finish).toBe("length");
    });
  });

  it("draws with a seed the same answers again, and others without one", async () => {
    expect(await drawn(5)).toBe(await drawn(5));
    expect(await drawn()).not.toBe(await drawn());
  });

  it("ends an answer at a stop text", async () => {
    await withChat(roomy, {}, async (chat) => {
      const { answer } = await ask(chat, "hello");
      const stop = answer.slice(3, 5);
      await withChat(roomy, { stop: [stop] }, async (other) => {
        const turn = await ask(other, "hello");
        expect(turn).toMatchObject({
          finish: "stop",
          answer: answer.slice(0, answer.indexOf(stop)),
        });
      });
    });
  });

  it("takes a system message where the template has a place for it, from the start and later", async () => {
    const text = "You weigh wagons.";
    await withChat(roomy, { template: "vicuna-v1.1", system: text }, async (chat) => {
      expect(chat.messages).toEqual([{ role: "system", content: text }]);
      chat.setSystem("");
      expect(chat.messages).toEqual([]);
    });
    const error = await caught(() => withChat(roomy, { system: text }, (chat) => ask(chat, "hi")));
    expect(error.code).toBe("WB2802");
    await withChat(roomy, { template: "internlm-2024-01" }, async (chat) => {
      expect(chat.messages[0]?.content).toMatch(/^You are an AI assistant whose name is InternLM/);
    });
  });
});

/** Ids of a question that spells a control token out, and one more. */
async function idsOf(allowControlTokens: boolean): Promise<readonly number[]> {
  const chat = {
    conversations: [[{ role: "user" as const, content: "<eoa>" }]],
    allowControlTokens,
  };
  const { results } = await generate(roomy, {
    device: "wasm",
    prompts: [],
    chat,
    maxNewTokens: 1,
  });
  return results[0]?.ids ?? [];
}

describe("conversations of `generate`", () => {
  it("are read from a file, and refused when they are none", async () => {
    const path = join(folder, "messages.json");
    const messages = [{ role: "user", content: "hello" }];
    writeFileSync(path, JSON.stringify(messages));
    expect(await readMessages(path)).toEqual(messages);
    for (const wrong of ["{", "{}", '[{"role":"wizard","content":""}]', "[1]"]) {
      writeFileSync(path, wrong);
      expect((await caught(() => readMessages(path))).code).toBe("WB2802");
    }
    expect((await caught(() => readMessages(join(folder, "none")))).code).toBe("WB3001");
  });

  it("keep what a message spells out as text, unless it may take effect", async () => {
    const eoa = 379;
    expect((await idsOf(false)).slice(0, -1)).not.toContain(eoa);
    expect(await idsOf(true)).toContain(eoa);
  });
});
