import { join } from "node:path";
import { startServer, type RunningServer, type ServeOptions } from "../../src/api/serve.ts";
import { FIXTURES } from "./fixture-manifest.ts";

export const TINY = join(FIXTURES, "internlm-tiny");

/** A server of the small model on a free port, ready. */
export async function served(
  options: ServeOptions = {},
  paths: readonly string[] = [TINY],
): Promise<RunningServer> {
  const server = await startServer(paths, { device: "wasm", port: 0, graceSeconds: 1, ...options });
  await server.ready;
  return server;
}

/** Posts JSON. */
export async function post(
  url: string,
  body: unknown,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly json: unknown }> {
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    ...init,
    headers: {
      "content-type": "application/json",
      ...Object.fromEntries(new Headers(init.headers)),
    },
  });
  const json: unknown = await response.json();
  return { status: response.status, headers: response.headers, json };
}
