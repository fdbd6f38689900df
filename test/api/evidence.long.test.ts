import { createHash } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/api/check.ts";
import { convert } from "../../src/api/convert.ts";
import { evidenceOf } from "../../src/verify/report/evidence.ts";
import { packageVersion } from "../../src/session/package-version.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const GOLDEN = join(FIXTURES, "goldens/f16.safetensors");
const sha256 = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");

let folder = "";
let model = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-evidence-"));
  model = join(folder, "model");
  cpSync(join(FIXTURES, "internlm-tiny"), model, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A run of the command line with the document that it printed. */
async function run(
  ...args: string[]
): Promise<{ readonly code: number; readonly document: unknown }> {
  const { status, stdout } = await runInProcess([...args, "--json"]);
  return { code: status, document: JSON.parse(stdout) };
}

const verified = async (...more: string[]) =>
  run("verify", model, "--golden", GOLDEN, "--device", "wasm", ...more);

describe("what a verdict is filed with", () => {
  test("are version, time and the digest of every file that took part", async () => {
    const { document } = await verified();
    expect(document).toMatchObject({
      ok: true,
      evidence: { tool: { name: "weighbridge", version: packageVersion() } },
    });
    const text = JSON.stringify(document);
    expect(text).toMatch(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/);
    for (const [role, path] of [
      ["weights", join(model, "pytorch_model.bin")],
      ["config", join(model, "config.json")],
      ["golden", GOLDEN],
    ] as const) {
      const file = { role, path, bytes: statSync(path).size, sha256: sha256(path) };
      expect(text).toContain(JSON.stringify(file));
    }
  });

  test("stand in all reports", async () => {
    const reports = ["report", "junit", "markdown"].map((kind) => [
      kind,
      join(folder, `r.${kind}`),
    ]);
    await verified(...reports.flatMap(([kind, path]) => [`--${kind}`, String(path)]));
    for (const [, path] of reports) {
      const text = readFileSync(String(path), "utf8");
      expect(text).toContain(`weighbridge ${packageVersion()}`);
      expect(text).toContain(sha256(GOLDEN));
      expect(text).toContain(sha256(join(model, "config.json")));
      expect(text).toMatch(/\d+ positions, \d+ different tokens, \d+ tensors/);
    }
  });

  test("names a GGUF file once, which is weights, configuration and tokenizer", async () => {
    const gguf = join(FIXTURES, "gguf", "llama-tied.gguf");
    const { inputs } = await verify(gguf, { other: gguf, device: "wasm", calibrate: false });
    expect(inputs).toEqual([
      { role: "weights", path: gguf },
      { role: "other-weights", path: gguf },
    ]);
  });

  test("is refused for a file that was written to meanwhile", async () => {
    const result = await verify(model, { golden: GOLDEN, device: "wasm", calibrate: false });
    const later = new Date(Date.now() + 60_000);
    const config = join(model, "config.json");
    utimesSync(config, later, later);
    const error = await caught(() => evidenceOf(result));
    utimesSync(config, new Date(0), new Date(0));
    expect(error.code).toBe("WB3010");
    expect(error.message).toContain("config.json");
  });
});

const names = (text: string): string[] =>
  [...text.matchAll(/<testcase [^>]*name="([^"]*)"/g)].map(([, name]) => String(name));

describe("JUnit reports", () => {
  test("have the same cases whether a run passes or fails", async () => {
    const paths = ["pass.xml", "fail.xml"].map((name) => join(folder, name));
    const passed = await verified("--junit", String(paths[0]));
    const failed = await verified("--junit", String(paths[1]), "--max-abs", "1e-30");
    expect([passed.code, failed.code]).toEqual([0, 1]);
    const [left, right] = paths.map((path) => names(readFileSync(path, "utf8")));
    expect(right).toEqual(left);
    expect(left).toContain("verdict");
  });

  test("are written when a run ends in an error, with the code", async () => {
    const path = join(folder, "error.xml");
    writeFileSync(path, "stale");
    const missing = join(folder, "nowhere");
    const { code } = await run("verify", missing, "--golden", GOLDEN, "--junit", path);
    expect(code).toBe(3);
    const text = readFileSync(path, "utf8");
    expect(text).toContain('errors="1"');
    expect(text).toContain('<error type="WB3001"');
    expect(names(text)).toEqual(["verdict"]);
  });
});

const attested = async (report: unknown) => {
  const path = join(folder, "verify.json");
  writeFileSync(path, typeof report === "string" ? report : JSON.stringify(report));
  return run("attest", path);
};

describe("attest", () => {
  test("writes the verdict as an in-toto statement over the files' digests", async () => {
    const { document } = await verified();
    const out = join(folder, "verdict.intoto.json");
    const path = join(folder, "verify.json");
    writeFileSync(path, JSON.stringify(document));
    const { code } = await run("attest", path, "--out", out);
    expect(code).toBe(0);
    const statement: unknown = JSON.parse(readFileSync(out, "utf8"));
    expect(statement).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      predicateType: "https://in-toto.io/attestation/test-result/v0.1",
      predicate: { result: "PASSED", failedTests: [] },
    });
    expect(JSON.stringify(statement)).toContain(sha256(GOLDEN));
  });

  test("says FAILED of a failure", async () => {
    const { document } = await verified("--max-abs", "1e-30");
    const { document: made } = await attested(document);
    expect(made).toMatchObject({ statement: { predicate: { result: "FAILED", passedTests: [] } } });
  });

  test("refuses a file that was changed after the verification", async () => {
    const { document } = await verified();
    const config = join(model, "config.json");
    const text = readFileSync(config, "utf8");
    writeFileSync(config, `${text}\n`);
    const { document: refused, code } = await attested(document);
    writeFileSync(config, text);
    expect(code).toBe(3);
    expect(refused).toMatchObject({ error: { code: "WB3916", details: { path: config } } });
  });

  test.each([
    ["no JSON", "verify"],
    ["another command's document", { schemaVersion: 1, command: "diff", ok: true }],
    ["an error", { schemaVersion: 1, command: "verify", ok: false, error: { code: "WB3001" } }],
    ["no evidence", { schemaVersion: 1, command: "verify", ok: true, verdict: "pass" }],
    [
      "a file read from afar",
      {
        schemaVersion: 1,
        command: "verify",
        verdict: "pass",
        comparisons: [],
        evidence: {
          tool: { name: "weighbridge", version: "1" },
          files: [{ role: "weights", path: "hf:org/name", sha256: null }],
        },
      },
    ],
  ])("refuses %s", async (_name, report) => {
    const { document, code } = await attested(report);
    expect(code).toBe(3);
    expect(document).toMatchObject({ error: { code: "WB3915" } });
  });
});

describe("check --digests", () => {
  test("finds a changed byte, and nothing in a folder as it was written", async () => {
    const target = join(folder, "converted");
    await convert(model, target);
    expect((await check(target, { digests: true })).problems).toEqual([]);
    const weights = join(target, "model.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(weights, bytes);
    expect((await check(target)).problems).toEqual([]);
    const { problems } = await check(target, { digests: true });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code: "WB3914" });
  });

  test("names tensors that one of weights and manifest lacks", async () => {
    const target = join(folder, "renamed");
    await convert(model, target);
    const path = join(target, "weighbridge.manifest.json");
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace("model.norm.weight", "model.other.weight"),
    );
    const { problems } = await check(target, { digests: true });
    expect(problems.map(({ tensor }) => tensor)).toEqual([
      "model.norm.weight",
      "model.other.weight",
    ]);
  });

  test("is refused where nobody wrote a digest down", async () => {
    const target = join(folder, "without-manifest");
    await convert(model, target);
    rmSync(join(target, "weighbridge.manifest.json"));
    const error = await caught(() => check(target, { digests: true }));
    expect(error.code).toBe("WB3913");
  });
});
