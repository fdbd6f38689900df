import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { RunningServer } from "../../src/api/serve.ts";
import { isRecord } from "../support/is-record.ts";
import { post, served } from "../support/served.ts";

let server: RunningServer;
/** Its template has a place for instructions, and a long text of its own without them. */
let instructed: RunningServer;
beforeAll(async () => {
  server = await served({ template: "internlm-2023-07" });
  instructed = await served({ template: "vicuna-v1.1" });
});
afterAll(async () => {
  await server.stop();
  await instructed.stop();
});

const QUESTION = { input: "hello there", max_output_tokens: 5, temperature: 0 };

async function ask(body: object, { url } = server): Promise<Readonly<Record<string, unknown>>> {
  const { json } = await post(`${url}/v1/responses`, body);
  return isRecord(json) ? json : {};
}

interface Event {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

async function events(body: object): Promise<readonly Event[]> {
  const response = await fetch(`${server.url}/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true }),
  });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  return (await response.text())
    .trim()
    .split("\n\n")
    .map((block) => {
      const [, name = "", data = "null"] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      const parsed: unknown = JSON.parse(data);
      return { name, data: isRecord(parsed) ? parsed : {} };
    });
}

describe("/v1/responses", () => {
  it("answers as a chat does, in OpenAI's newer shape", async () => {
    const { json } = await post(`${instructed.url}/v1/chat/completions`, {
      messages: [
        { role: "system", content: "Be short." },
        { role: "user", content: "hello there" },
      ],
      max_tokens: 5,
      temperature: 0,
    });
    const body = { ...QUESTION, instructions: "Be short.", metadata: { a: "b" } };
    const found = await ask(body, instructed);
    const choices: readonly unknown[] =
      isRecord(json) && Array.isArray(json["choices"]) ? json["choices"] : [];
    const [choice] = choices;
    const message = isRecord(choice) ? choice["message"] : undefined;
    const text = isRecord(message) ? message["content"] : undefined;
    expect(text).toEqual(expect.any(String));
    expect(found).toMatchObject({
      object: "response",
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      instructions: "Be short.",
      max_output_tokens: 5,
      metadata: { a: "b" },
      output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text }] }],
      usage: { output_tokens: 5 },
    });
  });

  it("takes messages in parts, an earlier answer among them", async () => {
    const first = await ask(QUESTION);
    const output = Array.isArray(first["output"]) ? first["output"] : [];
    const found = await ask({
      ...QUESTION,
      input: [
        { role: "user", content: "hello there" },
        ...(output as unknown[]),
        { type: "message", role: "user", content: [{ type: "input_text", text: "and?" }] },
      ],
    });
    expect(found["status"]).toBe("incomplete");
  });

  it("streams events that are named and counted, whose pieces are the text", async () => {
    const whole = await ask(QUESTION);
    const stream = await events(QUESTION);
    expect(stream.map(({ data }) => data["sequence_number"])).toEqual(stream.map((_, at) => at));
    expect(stream.every(({ name, data }) => name === data["type"])).toBe(true);
    const names = stream.map(({ name }) => name).filter((name) => !name.endsWith(".delta"));
    expect(names).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.incomplete",
    ]);
    const pieces = stream.flatMap(({ data }) =>
      typeof data["delta"] === "string" ? [data["delta"]] : [],
    );
    const last = stream.at(-1)?.data["response"];
    expect(last).toMatchObject({ status: "incomplete", usage: whole["usage"] });
    expect(JSON.stringify(whole["output"])).toContain(JSON.stringify(pieces.join("")));
  });

  test.each([
    [{ input: [] }, "input"],
    [{ input: [{ type: "function_call", name: "f" }] }, "input[0].type"],
    [{ input: [{ role: "user", content: [{ type: "input_image" }] }] }, "input[0].content"],
    [{ tools: [{ type: "web_search" }] }, "tools"],
    [{ previous_response_id: "resp_1" }, "previous_response_id"],
    [{ text: { format: { type: "json_object" } } }, "format"],
    [{ include: ["message.output_text.logprobs"] }, "include"],
    [{ reasoning: { effort: "high", summary: "auto" } }, "summary"],
    [{ messages: [] }, "messages"],
  ])("refuses %o by its name", async (extra, param) => {
    expect(await ask({ ...QUESTION, ...extra })).toMatchObject({ error: { param } });
  });
});
