import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { convert } from "../../../src/api/convert.ts";
import { quantisedAs } from "../../../src/verify/endpoint/quantised-weights.ts";
import type { VerifyResult } from "../../../src/verify/result.ts";
import { fakeServer, type SentRequest } from "../../support/endpoint-server.ts";
import { modelServer, type ServerTraits } from "../../support/model-server.ts";
import { served, TINY } from "../../support/served.ts";
import { stoppedAfterEach, verifyServer } from "../../support/verified-servers.ts";

const folder = mkdtempSync(join(tmpdir(), "audit-"));
afterAll(() => rmSync(folder, { recursive: true }));

const open = stoppedAfterEach();

/** A server that tells no log-probabilities; `ids` whether it tells the ids of its tokens. */
async function silent(traits: ServerTraits, ids: boolean): Promise<VerifyResult> {
  const server = await modelServer(TINY, { ...traits, style: "none", tellsIds: ids });
  open.push(server);
  return verifyServer(server.url);
}

/** What the audit says, and the first cause. */
function told({ verdict, diagnosis, comparisons }: VerifyResult): readonly unknown[] {
  const audit = comparisons[0]?.endpoint?.audit;
  process.stdout.write(
    `${verdict} e^${audit?.evidence.toFixed(1)} by ${audit?.by}, ${audit?.drawn} + ${audit?.greedy}: ${diagnosis[0]?.cause} ${diagnosis[0]?.evidence ?? ""}; unseen ${audit?.unseen.join(", ")}\n`,
  );
  return [verdict, diagnosis[0]?.cause];
}

/** Our own server with its log-probabilities taken out, as one that has none, or refuses who asks for them. */
async function withoutLogprobs(weights?: string, refuses = false): Promise<VerifyResult> {
  const server = await served({}, weights === undefined ? undefined : [weights]);
  open.push(server);
  const front = await fakeServer(async ({ path, body }: SentRequest) => {
    if (path !== "/v1/completions") {
      const reply = await fetch(`${server.url.replace(/\/v1$/u, "")}${path}`);
      return { status: reply.status, text: await reply.text() };
    }
    const { logprobs, echo: _echo, return_tokens_as_token_ids: _as, ...rest } = body;
    if (refuses && logprobs !== undefined)
      return { status: 400, text: '{"error": {"message": "logprobs are not supported"}}' };
    const reply = await fetch(`${server.url.replace(/\/v1$/u, "")}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(rest),
    });
    return { status: reply.status, text: await reply.text() };
  });
  open.unshift(front);
  return verifyServer(front.url);
}

describe("a server that tells tokens alone", () => {
  test("and is our own passes by its ids", async () => {
    const result = await withoutLogprobs();
    expect(told(result)).toEqual(["pass", undefined]);
    const { endpoint } = result.comparisons[0] ?? {};
    expect(endpoint).toMatchObject({ values: 0, audit: { by: "ids", alpha: 0.001 } });
    expect(endpoint?.statement).toContain("tells no log-probabilities");
  });

  test("and refuses log-probabilities passes all the same", async () => {
    const result = await withoutLogprobs(undefined, true);
    expect(told(result)).toEqual(["pass", undefined]);
    expect(result.comparisons[0]?.endpoint).toMatchObject({ values: 0, audit: { by: "ids" } });
  });

  test("of weights converted to Q4_0 is named so", async () => {
    const out = join(folder, "q4");
    await convert(TINY, out, { to: "gguf", quantize: "Q4_0" });
    expect(told(await withoutLogprobs(out))).toEqual(["fail", "quantised"]);
  });

  test("does not show Q8_0 by so few of this model's, and says so", async () => {
    const result = await silent({ override: (lab) => quantisedAs("Q8_0", lab) }, true);
    expect(told(result)).toEqual(["pass", undefined]);
    expect(result.coverage.unreached.join()).toContain("has weights of Q8_0");
  });

  test.each<readonly [string, string | undefined, ServerTraits, boolean]>([
    ["is honest, in ids", undefined, {}, true],
    ["is honest, in texts", undefined, {}, false],
    ["draws at temperature 0.6", "temperature", { temperature: 0.6 }, true],
    ["draws at temperature 0.6, in texts", "temperature", { temperature: 0.6 }, false],
    ["has Q4_0", "quantised", { override: (lab) => quantisedAs("Q4_0", lab) }, true],
    [
      "leaves out the first token",
      "tokenizer",
      { reads: (ids) => ids.slice(1), hidesUsage: true },
      false,
    ],
  ])("%s", async (_what, cause, traits, ids) => {
    const result = await silent(traits, ids);
    expect(told(result)).toEqual([cause === undefined ? "pass" : "fail", cause]);
  });
});
