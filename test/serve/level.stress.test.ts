import { Agent, request } from "node:http";
import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { served } from "../support/served.ts";

/** Requests in a row; WEIGHBRIDGE_REQUESTS sets another number. */
const REQUESTS = Number(process.env["WEIGHBRIDGE_REQUESTS"] ?? 10_000);
const CLIENTS = 8;

/** What the heap and its garbage may differ by between two moments of the same work, in bytes. */
const LEVEL_BYTES = 64 * 2 ** 20;

it("a server answers for long with level memory, over the connections that it has", async () => {
  const server = await served();
  const { hostname, port } = new URL(server.url);
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const sockets = new Set<Socket>();
  const ask = (index: number): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({
        prompt: [3 + (index % 300), 5, 7],
        max_tokens: 2,
        temperature: index % 2,
        stream: index % 3 === 0,
      });
      const headers = { "content-type": "application/json", "content-length": body.length };
      const options = { agent, hostname, port, path: "/v1/completions", method: "POST", headers };
      const asked = request(options, (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode));
      });
      asked.on("socket", (socket) => sockets.add(socket));
      asked.on("error", reject);
      asked.end(body);
    });
  const statuses = new Set<number | undefined>();
  let next = 0;
  const work = async (end: number): Promise<void> => {
    while (next < end) statuses.add(await ask(next++));
  };
  const until = async (end: number): Promise<void> => {
    await Promise.all(Array.from({ length: CLIENTS }, () => work(end)));
  };
  try {
    await until(REQUESTS / 2);
    const { rss } = process.memoryUsage();
    await until(REQUESTS);
    expect([...statuses]).toEqual([200]);
    expect(sockets.size).toBe(CLIENTS);
    expect(process.memoryUsage().rss - rss).toBeLessThan(LEVEL_BYTES);
  } finally {
    agent.destroy();
    await server.stop();
  }
}, 600_000);
