import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { convert } from "../../../src/api/convert.ts";
import type { VerifyResult } from "../../../src/verify/result.ts";
import { verify } from "../../../src/verify/run.ts";
import { fakeServer, type FakeServer, type SentRequest } from "../../support/endpoint-server.ts";
import { madeBy } from "../../support/own-environment.ts";
import { packagesBeside } from "../../support/peer-packages.ts";
import { PYTHON } from "../../support/python.ts";
import { TINY } from "../../support/served.ts";

const folder = mkdtempSync(join(tmpdir(), "servers-"));
let packages = "";

beforeAll(() => {
  packages = [packagesBeside("servers"), madeBy("llama-cpp.mjs")].join(delimiter);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const open: (ChildProcess | FakeServer)[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) {
    if ("stop" in one) await one.stop();
    else {
      one.kill("SIGTERM");
      await once(one, "close");
    }
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** llama.cpp's server, of its Python package, with the model as that type. */
async function llamaServer(quantize: "F32" | "Q4_0"): Promise<string> {
  const out = join(folder, quantize);
  await convert(TINY, out, { to: "gguf", quantize });
  const port = String(await freePort());
  const model = join(out, "model.gguf");
  const args = ["--model", model, "--port", port, "--n_ctx", "512", "--n_threads", "1"];
  const child = spawn(PYTHON, ["-m", "llama_cpp.server", "--host", "127.0.0.1", ...args], {
    env: { ...process.env, PYTHONPATH: packages, PYTHONNOUSERSITE: "1" },
    stdio: "ignore",
  });
  open.push(child);
  const root = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    const isReady = await fetch(`${root}/v1/models`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return root;
    await wait(200);
  }
  throw new Error("llama.cpp's server did not start");
}

/** The same server with its log-probabilities left out. */
async function withoutLogprobs(root: string): Promise<string> {
  const front = await fakeServer(async ({ path, body }: SentRequest) => {
    const { logprobs: _logprobs, ...rest } = body;
    const isQuestion = path === "/v1/completions";
    const reply = await fetch(`${root}${path}`, {
      ...(isQuestion ? { method: "POST", body: JSON.stringify(rest) } : {}),
      headers: { "content-type": "application/json" },
    });
    return { status: reply.status, text: await reply.text() };
  });
  open.unshift(front);
  return front.url;
}

const against = (url: string): Promise<VerifyResult> =>
  verify(TINY, { device: "wasm", endpoint: { url } });

test("llama.cpp's server is held to the weights by its log-probabilities, and by texts alone", async () => {
  const root = await llamaServer("F32");
  const told = await against(`${root}/v1`);
  expect([told.verdict, told.diagnosis.map(({ evidence }) => evidence)]).toEqual(["pass", []]);
  expect(told.comparisons[0]?.endpoint?.values).toBeGreaterThan(50);
  const silent = await against(await withoutLogprobs(root));
  expect([silent.verdict, silent.diagnosis.map(({ evidence }) => evidence)]).toEqual(["pass", []]);
  expect(silent.comparisons[0]?.endpoint?.audit).toMatchObject({ by: "texts", alpha: 0.001 });
});

test("llama.cpp's server of Q4_0 weights is named so by its log-probabilities", async () => {
  const root = await llamaServer("Q4_0");
  const { verdict, diagnosis } = await against(`${root}/v1`);
  expect([verdict, diagnosis[0]?.cause]).toEqual(["fail", "quantised"]);
});
