import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a server answers to a path. */
export interface Served {
  readonly byteLength: number;
  readonly bytes: (begin: number, end: number) => Uint8Array;
}

export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface RangeAnswer {
  status: number;
  readonly headers: Map<string, string>;
  body: Uint8Array;
  /** Bytes after which the connection is cut; all are sent when left out. */
  cutAfter?: number;
}

/** Changes an answer before it is sent; `count` is that of requests so far, from 1. */
export type Fault = (answer: RangeAnswer, count: number, path: string) => void;

/** A local server of ranges that can be told to misbehave. */
export class RangeServer {
  readonly #server: Server;
  readonly #files = new Map<string, Served>();
  readonly asked: Asked[] = [];
  bytesSent = 0;
  fault: Fault = () => undefined;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  static async start(): Promise<RangeServer> {
    const server = new RangeServer();
    await new Promise<void>((resolve) => {
      server.#server.listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  get origin(): string {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  serve(path: string, bytes: Uint8Array): void {
    this.serveLarge(path, {
      byteLength: bytes.byteLength,
      bytes: (begin, end) => bytes.subarray(begin, end),
    });
  }

  serveLarge(path: string, served: Served): void {
    this.#files.set(path, served);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent((request.url ?? "/").replace(/\?.*$/, ""));
    this.asked.push({ path, authorization: request.headers.authorization });
    const answer = this.#plain(path, request.headers.range);
    this.fault(answer, this.asked.length, path);
    const { status, headers, body, cutAfter } = answer;
    response.writeHead(status, Object.fromEntries(headers));
    this.bytesSent += Math.min(body.byteLength, cutAfter ?? body.byteLength);
    if (cutAfter === undefined) {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, cutAfter), () => {
      response.destroy();
    });
  }

  #plain(path: string, range: string | undefined): RangeAnswer {
    const file = this.#files.get(path);
    if (file === undefined) return { status: 404, headers: new Map(), body: new Uint8Array() };
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    if (first === undefined) {
      return { status: 200, headers: new Map(), body: file.bytes(0, file.byteLength) };
    }
    const begin = Number(first);
    const end = Math.min(Number(last) + 1, file.byteLength);
    if (begin >= file.byteLength) {
      const headers = new Map([["content-range", `bytes */${file.byteLength}`]]);
      return { status: 416, headers, body: new Uint8Array() };
    }
    const headers = new Map([
      ["content-range", `bytes ${begin}-${end - 1}/${file.byteLength}`],
      ["content-length", `${end - begin}`],
      ["etag", '"one"'],
    ]);
    return { status: 206, headers, body: file.bytes(begin, end) };
  }
}
