import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { RunningServer } from "../../src/api/serve.ts";
import { isRecord } from "../support/is-record.ts";
import { post, served, TINY } from "../support/served.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-fields-"));
const model = join(folder, "model");
let server: RunningServer;
beforeAll(async () => {
  cpSync(TINY, model, { recursive: true });
  writeFileSync(
    join(model, "chat_template.jinja"),
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{{ reasoning_effort or 'none' }}{% if add_generation_prompt %}assistant:{% endif %}",
  );
  server = await served({}, [model]);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function sendTo(
  { url }: RunningServer,
  path: string,
  text: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { json } = await post(`${url}${path}`, undefined, { body: text });
  return isRecord(json) ? json : {};
}

const send = (path: string, text: string): Promise<Readonly<Record<string, unknown>>> =>
  sendTo(server, path, text);

const ask = (path: string, body: object): Promise<Readonly<Record<string, unknown>>> =>
  send(path, JSON.stringify(body));

const DRAWN = '"prompt":"hello there","max_tokens":3';
const MESSAGES = [{ role: "user", content: "hello there" }];

async function texts(answer: Promise<Readonly<Record<string, unknown>>>): Promise<unknown> {
  const { choices } = await answer;
  const list: readonly unknown[] = Array.isArray(choices) ? choices : [];
  return list.map((one): unknown => (isRecord(one) ? one["text"] : one));
}

const drawn = (seed: string): Promise<unknown> =>
  texts(send("/v1/completions", `{${DRAWN},"seed":${seed}}`));

test.each([
  [383, undefined],
  [384, "logit_bias"],
])("a bias of id %i, where the vocabulary ends at 383, is no silent nothing", async (id, param) => {
  const body = { prompt: "hello", max_tokens: 1, logit_bias: { [id]: 1 } };
  const { error } = await ask("/v1/completions", body);
  expect(isRecord(error) ? error["param"] : undefined).toBe(param);
});

describe("a number", () => {
  it("of a seed may have 64 bits, and each of them counts", async () => {
    const one = await drawn("9223372036854775807");
    expect(one).toEqual([expect.any(String)]);
    expect(await drawn("9223372036854775807")).toEqual(one);
    // JSON.parse reads the same double from both.
    const near = await Promise.all(["9007199254740993", "9007199254740992"].map(drawn));
    expect(near[0]).not.toEqual(near[1]);
  });

  test.each([
    ["seed", "9223372036854775808", "a whole number from -2^63 to 2^63 - 1"],
    ["seed", "1.5", "a whole number from -2^63 to 2^63 - 1"],
    ["max_tokens", "9007199254740993", "a whole number from 1"],
    ["temperature", "1e999", "a number from 0 to 2"],
  ])("of %s is told as it was sent: %s", async (name, spelled, expected) => {
    const body = `{"prompt":"hello","${name}":${spelled}}`;
    const { error } = await send("/v1/completions", body);
    expect(error).toMatchObject({ type: "invalid_request_error", param: name });
    const message = isRecord(error) ? String(error["message"]) : "";
    expect(message).toContain(`found ${spelled}`);
    expect(message).toContain(expected);
  });

  it("within a list is never told rounded", async () => {
    const { error } = await send("/v1/completions", '{"prompt":[9007199254740993]}');
    expect(JSON.stringify(error)).toContain("beyond 2^53");
    expect(JSON.stringify(error)).not.toContain("9007199254740992");
  });
});

describe("/tokenize", () => {
  it("gives the tokens of a conversation as a chat is answered to", async () => {
    const { count, tokens } = await ask("/tokenize", { messages: MESSAGES });
    const chat = await ask("/v1/chat/completions", {
      messages: MESSAGES,
      max_tokens: 1,
      return_token_ids: true,
    });
    expect(chat["usage"]).toMatchObject({ prompt_tokens: count });
    expect(chat["prompt_token_ids"]).toEqual(tokens);
  });

  it("leaves the assistant's beginning out where it is told to, and the special tokens of a text", async () => {
    const written = async (body: object): Promise<unknown> => {
      const { tokens } = await ask("/tokenize", body);
      return (await ask("/detokenize", { tokens }))["prompt"];
    };
    const open = await written({ messages: MESSAGES });
    const closed = await written({ messages: MESSAGES, add_generation_prompt: false });
    expect(open).toBe(`${String(closed)}assistant:`);
    const bare = await ask("/tokenize", { prompt: "hello", add_special_tokens: false });
    const whole = await ask("/tokenize", { prompt: "hello" });
    expect(Number(whole["count"])).toBeGreaterThan(Number(bare["count"]));
  });

  test.each([
    { messages: MESSAGES, continue_final_message: true },
    { messages: MESSAGES, add_special_tokens: true },
    { messages: MESSAGES, prompt: "hello" },
    { messages: MESSAGES, tools: [{ type: "function", function: { name: "f" } }] },
    { messages: [] },
    {},
  ])("%o is refused with the field at fault", async (body) => {
    const { error } = await ask("/tokenize", body);
    expect(error).toMatchObject({ type: "invalid_request_error" });
    expect(isRecord(error) ? error["param"] : undefined).toEqual(expect.any(String));
  });
});

describe("/v1/responses", () => {
  it("tells the template of reasoning.effort, as a chat of reasoning_effort", async () => {
    const usage = async (body: object): Promise<unknown> =>
      (await ask("/v1/responses", { input: "hello there", max_output_tokens: 1, ...body }))[
        "usage"
      ];
    const { count } = await ask("/tokenize", {
      messages: MESSAGES,
      chat_template_kwargs: { reasoning_effort: "minimal effort of all" },
    });
    expect(await usage({ reasoning: { effort: "minimal effort of all" } })).toMatchObject({
      input_tokens: count,
    });
    expect(await usage({})).not.toMatchObject({ input_tokens: count });
    const { error } = await ask("/v1/responses", {
      input: "hello",
      reasoning: { effort: "low", summary: "auto" },
    });
    expect(error).toMatchObject({ param: "summary" });
  });
});

describe("a field of vLLM's", () => {
  const NEUTRAL = {
    use_beam_search: false,
    length_penalty: 1,
    watermarking: false,
    session_id: "a",
    stream_interval: 4,
    truncation_side: "left",
    return_token_offsets: true,
    routed_experts_prompt_start: 0,
    stop_token_ids: [],
    include_stop_str_in_output: false,
    skip_special_tokens: true,
    spaces_between_special_tokens: true,
    priority: 0,
    request_id: "a",
    bad_words: [],
  };
  const CHAT = {
    add_generation_prompt: true,
    continue_final_message: false,
    echo: false,
    add_special_tokens: false,
    documents: [],
    verbosity: "medium",
    return_prompt_text: false,
  };

  it("is taken with the value that changes nothing", async () => {
    const body = { prompt: "hello there", max_tokens: 3, temperature: 0 };
    const plain = await texts(ask("/v1/completions", body));
    expect(plain).toEqual([expect.any(String)]);
    expect(
      await texts(ask("/v1/completions", { ...body, ...NEUTRAL, add_special_tokens: true })),
    ).toEqual(plain);
    const chat = { messages: MESSAGES, max_tokens: 2 };
    expect(await ask("/v1/chat/completions", { ...chat, ...NEUTRAL, ...CHAT })).toHaveProperty(
      "choices",
    );
  });

  test.each([
    ["/v1/completions", { use_beam_search: true }],
    ["/v1/completions", { logprob_token_ids: [2] }],
    ["/v1/completions", { repetition_detection: { max_pattern_size: 4 } }],
    ["/v1/completions", { vllm_xargs: { a: 1 } }],
    ["/v1/chat/completions", { return_prompt_text: true }],
    ["/v1/chat/completions", { media_io_kwargs: {} }],
    ["/v1/completions", { skip_special_tokens: false }],
    ["/v1/completions", { guided_json: {} }],
    ["/v1/completions", { add_special_tokens: false }],
    ["/v1/completions", { prompt_logprobs: 1 }],
    ["/v1/completions", { truncate_prompt_tokens: 4 }],
    ["/v1/chat/completions", { continue_final_message: true }],
    ["/v1/chat/completions", { chat_template: "{{ messages }}" }],
    ["/v1/chat/completions", { verbosity: "low" }],
    ["/v1/chat/completions", { audio: { voice: "a" } }],
    ["/v1/chat/completions", { web_search_options: {} }],
  ])("is refused with the reason where it would change the answer: %s %o", async (path, extra) => {
    const told = path === "/v1/completions" ? { prompt: "hello" } : { messages: MESSAGES };
    const { error } = await ask(path, { ...told, max_tokens: 1, ...extra });
    const [name] = Object.keys(extra);
    expect(error).toMatchObject({ param: name, code: "unsupported_parameter" });
  });
});

describe("stop_token_ids", () => {
  const body = { prompt: "hello there", max_tokens: 6, temperature: 0, return_token_ids: true };
  const idsOf = async (extra: object): Promise<readonly unknown[]> => {
    const { choices } = await ask("/v1/completions", { ...body, ...extra });
    const list: readonly unknown[] = Array.isArray(choices) ? choices : [];
    const first = list[0];
    const { token_ids: ids, finish_reason: reason } = isRecord(first) ? first : {};
    return [ids, reason];
  };

  it("end an answer, as the model's own do, and not before min_tokens", async () => {
    const [ids, reason] = await idsOf({ ignore_eos: true });
    expect(reason).toBe("length");
    const list: readonly unknown[] = Array.isArray(ids) ? ids : [];
    const stop = list[2];
    const at = list.indexOf(stop);
    const [cut, why] = await idsOf({ ignore_eos: true, stop_token_ids: [stop] });
    expect(why).toBe("stop");
    expect(Array.isArray(cut) ? cut.slice(0, at) : cut).toEqual(list.slice(0, at));
    const [longer] = await idsOf({ ignore_eos: true, stop_token_ids: [stop], min_tokens: 5 });
    expect(Array.isArray(longer) ? longer.length : 0).toBeGreaterThanOrEqual(5);
  });

  test.each([[[-1]], [["2"]], ["2"], [[1.5]]])("%j are refused", async (stop) => {
    const { error } = await ask("/v1/completions", { ...body, stop_token_ids: stop });
    expect(error).toMatchObject({ param: "stop_token_ids", code: "invalid_value" });
  });
});

it("return_tokens_as_token_ids writes a chat's tokens as their ids", async () => {
  const { choices } = await ask("/v1/chat/completions", {
    messages: MESSAGES,
    max_tokens: 2,
    logprobs: true,
    top_logprobs: 1,
    return_tokens_as_token_ids: true,
  });
  expect(JSON.stringify(choices).match(/"token":"token_id:\d+"/g)).toHaveLength(4);
});

const call = (given: string): string =>
  `{"messages":[{"role":"assistant","content":null,"tool_calls":[{"type":"function","id":"x","function":{"name":"f"${given}}}]}]}`;
const turn = (field: string): string =>
  `{"messages":[{"role":"assistant","content":"x","${field}":"well, so"}]}`;

describe("what a template is given", () => {
  let numbers: RunningServer;
  beforeAll(async () => {
    const folder2 = join(folder, "numbers");
    cpSync(TINY, folder2, { recursive: true });
    writeFileSync(
      join(folder2, "chat_template.jinja"),
      "{% for m in messages %}{{ m.content }}{{ m.reasoning_content }}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}{{ shown | tojson if shown is defined }}",
    );
    numbers = await served({}, [folder2]);
  });
  afterAll(() => numbers.stop());

  async function written(text: string): Promise<unknown> {
    const { tokens, error } = await sendTo(numbers, "/tokenize", text);
    if (tokens === undefined) return error;
    const told = await sendTo(numbers, "/detokenize", JSON.stringify({ tokens }));
    return told["prompt"] ?? told["error"];
  }

  const NUMBERS = "[1.0, 1234567890123456789, 1e3, 2, -0.0]";
  const PRINTED = "[1.0, 1234567890123456789, 1000.0, 2, -0.0]";

  test.each([
    ["arguments sent as an object", call(`,"arguments":${NUMBERS}`), PRINTED],
    ["arguments sent as a text", call(`,"arguments":${JSON.stringify(NUMBERS)}`), PRINTED],
    ["no arguments", call(""), "{}"],
    ["arguments that are null", call(',"arguments":null'), "{}"],
    ["arguments that are an empty text", call(',"arguments":""'), "{}"],
    [
      "chat_template_kwargs",
      `{"messages":[{"role":"user","content":""}],"chat_template_kwargs":{"shown":${NUMBERS}}}`,
      PRINTED,
    ],
  ])("has the numbers that Python's json reads: %s", async (_what, body, expected) => {
    expect(await written(body)).toContain(expected);
  });

  it("has vLLM's reasoning under the older name", async () => {
    expect(await written(turn("reasoning"))).toEqual(await written(turn("reasoning_content")));
    expect(await written(turn("reasoning"))).toContain("well, so");
  });

  test.each([
    ["arguments that are no JSON", call(',"arguments":"{a}"'), "messages[0].tool_calls"],
    ["arguments that are a number", call(',"arguments":1.0'), "messages[0].tool_calls"],
    ["more digits than Python reads", call(`,"arguments":${"9".repeat(4301)}`), "messages"],
    [
      "kwargs that are a number",
      '{"messages":[{"role":"user","content":""}],"chat_template_kwargs":1.0}',
      "chat_template_kwargs",
    ],
  ])("is refused: %s", async (_what, body, param) => {
    expect(await written(body)).toMatchObject({ param, code: "invalid_value" });
  });
});
