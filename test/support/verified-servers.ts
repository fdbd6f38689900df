import { afterEach } from "vitest";
import { verify } from "../../src/verify/run.ts";
import type { VerifyResult } from "../../src/verify/result.ts";
import { TINY } from "./served.ts";

/** Servers of a test file; those that are in the list are stopped after each test. */
export function stoppedAfterEach(): { stop(): Promise<unknown> }[] {
  const open: { stop(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const server of open.splice(0)) await server.stop();
  });
  return open;
}

/** Holds a server against the small model. */
export function verifyServer(url: string, model = TINY): Promise<VerifyResult> {
  return verify(model, { device: "wasm", endpoint: { url } });
}
