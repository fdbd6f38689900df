import { afterEach, describe, expect, test } from "vitest";
import { endpointOf } from "../../../src/verify/endpoint/address.ts";
import { EndpointClient } from "../../../src/verify/endpoint/client.ts";
import { modelName, Protocol } from "../../../src/verify/endpoint/protocol.ts";
import { caught } from "../../support/caught.ts";
import {
  fakeServer,
  type FakeReply,
  type FakeServer,
  type SentRequest,
} from "../../support/endpoint-server.ts";

const KEY = 'sesame-"of\\the-test';
const ENVIRONMENT = { THE_KEY: KEY, EMPTY: "", SPLIT: "two\nlines" };
const LIMITS = { timeoutMs: 300, maxBytes: 10_000 };

const servers: FakeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function clientOf(reply: FakeReply): Promise<EndpointClient> {
  const server = await fakeServer(() => reply);
  servers.push(server);
  return new EndpointClient(endpointOf(server.url, "THE_KEY", ENVIRONMENT), undefined, LIMITS);
}

const question = {
  ids: [1, 2],
  text: undefined,
  maxTokens: 1,
  temperature: 1,
  seed: 0,
  logprobs: true,
};

describe("an endpoint's address", () => {
  test.each([
    ["http://localhost:8000", "http://localhost:8000/v1"],
    ["http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"],
    ["https://host/some/where/v1/completions", "https://host/some/where/v1"],
    ["https://host/v1/chat/completions", "https://host/v1"],
  ])("%s is %s", (given, expected) => {
    expect(endpointOf(given, undefined, {}).url).toBe(expected);
  });

  test.each([
    "localhost:8000",
    "ftp://host/v1",
    "file:///etc/passwd",
    "sk-a-key-in-the-wrong-place",
    "http://user:hunter2@host/v1",
    "https://host/v1?key=hunter2",
  ])("%s is refused, and what may be a secret is not repeated", async (given) => {
    const error = await caught(() => endpointOf(given, undefined, {}));
    expect(error.code).toBe("WB2961");
    expect(JSON.stringify([error.message, error.details])).not.toMatch(/hunter2|sk-a-key/);
  });

  test("takes no key over an unencrypted connection to another machine", async () => {
    const error = await caught(() => endpointOf("http://host/v1", "THE_KEY", ENVIRONMENT));
    expect(error.code).toBe("WB2961");
    expect(endpointOf("https://host/v1", "THE_KEY", ENVIRONMENT).apiKey).toBe(KEY);
  });

  test.each(["MISSING", "EMPTY", "SPLIT"])("the variable %s holds no key", async (name) => {
    const error = await caught(() => endpointOf("http://localhost/v1", name, ENVIRONMENT));
    expect(error.code).toBe("WB2962");
    expect(error.message).not.toContain("lines");
  });
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (let part = 0; part < 1000; part++) yield await Promise.resolve(new Uint8Array(1000));
}

describe("a hostile server", () => {
  test.each<readonly [string, string, FakeReply]>([
    ["is silent", "WB6961", "silence"],
    ["hangs up", "WB6961", "hang-up"],
    ["is overloaded", "WB6961", { status: 503, text: "busy" }],
    ["asks for a key", "WB6962", { status: 401, text: "no" }],
    ["is no JSON", "WB3961", { status: 200, text: "<html>" }],
    ["is a list", "WB3961", { json: [1] }],
    ["has no end", "WB3963", { status: 200, text: endless() }],
  ])("that %s is %s", async (_what, code, reply) => {
    const client = await clientOf(reply);
    expect((await caught(() => client.post("completions", {}))).code).toBe(code);
  });

  test("is not followed elsewhere, so that the key goes to no other host", async () => {
    const other = await fakeServer(() => ({ json: {} }));
    servers.push(other);
    const client = await clientOf({
      status: 307,
      headers: { location: `${other.url}/v1/completions` },
      text: "",
    });
    expect((await caught(() => client.post("completions", {}))).code).toBe("WB3962");
    expect(other.sent).toEqual([]);
  });

  test("gets no key into a message, however it writes it", async () => {
    const escaped = Array.from(KEY)
      .map((character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join("");
    const refusals: readonly FakeReply[] = [
      { status: 400, text: `you sent ${KEY}` },
      { status: 503, text: `you sent ${KEY}` },
      { status: 200, text: `{"data": [{"id": "${escaped}"}, {"id": "b"}]}` },
      { status: 200, text: `{"data": [{"id": ["${escaped}"]}]}` },
    ];
    for (const reply of refusals) {
      const client = await clientOf(reply);
      const error = await caught(() => modelName(client, undefined));
      const told = `${error.message} ${JSON.stringify(error.details)}`;
      expect(told).not.toContain("sesame");
    }
  });

  test("that refuses every form of a request is quoted", async () => {
    const client = await clientOf({ status: 400, text: "no completions here" });
    const error = await caught(() => new Protocol(client, "m").complete(question));
    expect([error.code, error.message]).toEqual([
      "WB4961",
      expect.stringContaining("no completions here"),
    ]);
  });

  test("with several models is asked for one by its name", async () => {
    const client = await clientOf({ json: { data: [{ id: "a" }, { id: "b" }] } });
    expect((await caught(() => modelName(client, undefined))).code).toBe("WB2963");
    expect((await caught(() => modelName(client, "c"))).message).toContain("a, b");
    expect(await modelName(client, "b")).toBe("b");
  });
});

test("the forms of a request are tried from the most telling to the plainest", async () => {
  const server = await fakeServer(({ body }) =>
    Array.isArray(body["prompt"]) || body["echo"] === true || body["return_token_ids"] === true
      ? { status: 400, text: "unknown" }
      : { json: { choices: [] } },
  );
  servers.push(server);
  const client = new EndpointClient(endpointOf(server.url, undefined, {}), undefined, LIMITS);
  const protocol = new Protocol(client, "m");
  const { way } = await protocol.complete({ ...question, text: "hello" });
  expect(way).toEqual({ prompt: "text", echo: false, tellIds: false });
  expect(server.sent).toHaveLength(8);
  await protocol.complete({ ...question, text: "again" });
  expect(server.sent).toHaveLength(9);
  expect(server.sent[8]?.headers.authorization).toBeUndefined();
});

async function protocolOf(refuses: (body: SentRequest["body"]) => boolean): Promise<{
  readonly protocol: Protocol;
  readonly server: FakeServer;
}> {
  const server = await fakeServer(({ body }) =>
    refuses(body) ? { status: 400, text: "no logprobs" } : { json: { choices: [] } },
  );
  servers.push(server);
  const client = new EndpointClient(endpointOf(server.url, undefined, {}), undefined, LIMITS);
  return { protocol: new Protocol(client, "m"), server };
}

describe("a server that refuses log-probabilities", () => {
  test("is asked without them, from then on", async () => {
    const { protocol, server } = await protocolOf((body) => Object.hasOwn(body, "logprobs"));
    await protocol.complete({ ...question, text: "hello" });
    const first = server.sent.length;
    await protocol.complete({ ...question, text: "again" });
    expect(server.sent).toHaveLength(first + 1);
    expect(Object.keys(server.sent.at(-1)?.body ?? {})).not.toContain("logprobs");
  });

  test("of one prompt, and gave them of another, is not taken for one that has none", async () => {
    const { protocol } = await protocolOf(
      (body) => Object.hasOwn(body, "logprobs") && body["prompt"] === "long",
    );
    await protocol.complete(
      { ...question, text: "short" },
      (_body, { prompt }) => prompt === "text",
    );
    const error = await caught(() => protocol.complete({ ...question, text: "long" }));
    expect([error.code, error.message]).toEqual(["WB4961", expect.stringContaining("no logprobs")]);
  });
});
