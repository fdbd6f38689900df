import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { openHttpSource } from "../../src/sources/remote/http-source.ts";
import type { PaceLimits } from "../../src/sources/remote/pace.ts";
import { caught } from "../support/caught.ts";

const FILE_BYTES = 1000;
const FAST: PaceLimits = { silenceMs: 60, windowMs: 80, windowBytes: 200, progressBytes: 100 };

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Sends the parts of a body in the way of a test. */
type Body = (response: ServerResponse, bytes: Buffer) => void;

/** Serves a file's first byte as asked, and whatever longer range is asked for in its own way. */
async function address(body: Body): Promise<URL> {
  server = createServer((request, response) => {
    const [, first = "0", last = "0"] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    const length = Number(last) - Number(first) + 1;
    response.writeHead(206, {
      "content-range": `bytes ${first}-${last}/${FILE_BYTES}`,
      "content-length": length,
    });
    const bytes = Buffer.alloc(length, 7);
    if (length === 1) response.end(bytes);
    else body(response, bytes);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const place: AddressInfo | string | null = server.address();
  if (place === null || typeof place === "string") throw new Error("not listening");
  return new URL(`http://127.0.0.1:${place.port}/a`);
}

async function readFrom(body: Body): Promise<Uint8Array> {
  const source = await openHttpSource(await address(body), { label: "a", pace: FAST });
  return source.read(0, FILE_BYTES);
}

/** A byte each so many milliseconds, for as long as the connection lasts. */
function trickle(response: ServerResponse, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.byteLength && !response.destroyed) response.write(bytes.subarray(at, ++at));
    else clearInterval(timer);
  }, 10);
}

describe("a server that keeps a reader waiting", () => {
  it("is given up when it sends a byte now and then", async () => {
    const error = await caught(() => readFrom(trickle));
    expect(error.code).toBe("WB6051");
    expect(error.message).toMatch(/^a: \d+ bytes in 80 ms, 5 times in a row$/);
  });

  it("is given up when it sends nothing, and when it breaks off after each byte", async () => {
    const silent = await caught(() =>
      readFrom((response, bytes) => response.write(bytes.subarray(0, 1))),
    );
    expect(silent.message).toMatch(/^a: no byte for 60 ms, 5 times in a row$/);
    const broken = await caught(() =>
      readFrom((response, bytes) => response.write(bytes.subarray(0, 1), () => response.destroy())),
    );
    expect([broken.code, broken.message]).toEqual([
      "WB6051",
      "a: the connection was lost, 5 times in a row",
    ]);
  });

  it("is read on from, however often it breaks off, where each attempt brings enough", async () => {
    const bytes = await readFrom((response, all) => {
      const part = all.subarray(0, 150);
      response.write(part, () =>
        part.byteLength < all.byteLength ? response.destroy() : response.end(),
      );
    });
    expect(Buffer.from(bytes).equals(Buffer.alloc(FILE_BYTES, 7))).toBe(true);
  });
});
