import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that the server was sent. */
export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
}

/** What it answers: JSON with 200, or a status, headers and text of one's own, or nothing at all. */
export type FakeReply =
  | { readonly json: unknown; readonly status?: number }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly text: string | AsyncIterable<Uint8Array>;
    }
  | "silence"
  | "hang-up";

export interface FakeServer {
  readonly url: string;
  readonly sent: readonly SentRequest[];
  stop(): Promise<void>;
}

/** A server on a free port of this machine that answers as a test says. */
export async function fakeServer(
  answer: (request: SentRequest) => FakeReply | Promise<FakeReply>,
): Promise<FakeServer> {
  const sent: SentRequest[] = [];
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      void (async () => {
        const text = Buffer.concat(parts).toString("utf8");
        const body: unknown = text === "" ? {} : JSON.parse(text);
        const one: SentRequest = {
          method: request.method ?? "",
          path: request.url ?? "",
          headers: request.headers,
          body: typeof body === "object" && body !== null ? { ...body } : {},
        };
        sent.push(one);
        const reply = await answer(one);
        if (reply === "silence") return;
        if (reply === "hang-up") {
          request.socket.destroy();
          return;
        }
        if ("json" in reply) {
          response.writeHead(reply.status ?? 200, { "content-type": "application/json" });
          response.end(JSON.stringify(reply.json));
          return;
        }
        response.writeHead(reply.status, reply.headers);
        if (typeof reply.text === "string") response.end(reply.text);
        else {
          for await (const part of reply.text) {
            if (response.destroyed) return;
            response.write(part);
          }
          response.end();
        }
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const { port } = isAddress(address) ? address : { port: 0 };
  return {
    url: `http://127.0.0.1:${port}`,
    sent,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === "object" && address !== null;
}
