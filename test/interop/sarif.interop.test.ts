import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRecord } from "../support/is-record.ts";
import { madeBy } from "../support/own-environment.ts";
import { zipBytes } from "../support/zip-bytes.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAYLOAD = Buffer.from("cposix\nsystem\n(S'true'\ntR.");

/** Files of every kind of finding, under names that an address must escape. */
const FILES: Readonly<Record<string, Uint8Array>> = {
  "model.bin": PAYLOAD,
  "a b/ü #1?&%20.bin": PAYLOAD,
  "zipped.npz": zipBytes([{ name: "a.pkl", data: PAYLOAD }]),
  "unknown.dat": Buffer.from([1, 2, 255]),
  "run.py": Buffer.from("print(1)\n"),
  "chat.jinja": Buffer.from("{{ ''.__class__ }}"),
  "README.md": Buffer.from("text\n"),
};

/** RFC 3986: characters of an address or of a relative one, each % with two digits. */
const REFERENCE = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

/** Sarif 2.1.0, as Microsoft publishes it: of draft 4, of which ajv reads all but the name of `$id`. */
function compileSarif(): ValidateFunction {
  const path = madeBy("sarif-schema.mjs");
  const schema: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isRecord(schema)) throw new Error("the schema is no object");
  const { $schema: _draft, id: _id, ...rest } = schema;
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  ajv.addFormat("uri", (text) => REFERENCE.test(text) && /^[A-Za-z][\w+.-]*:/.test(text));
  ajv.addFormat("uri-reference", REFERENCE);
  ajv.addFormat("date-time", (text) => !Number.isNaN(Date.parse(text)));
  return ajv.compile(rest);
}

const folder = mkdtempSync(join(tmpdir(), "weighbridge-sarif-"));
let validate: ValidateFunction;
beforeAll(() => {
  for (const [name, bytes] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  validate = compileSarif();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the command prints for a place, at whatever exit status. */
function sarifOf(place: string): unknown {
  const bin = join(ROOT, "bin/weighbridge.js");
  try {
    return JSON.parse(
      execFileSync(process.execPath, [bin, "scan", place, "--format", "sarif"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );
  } catch (error) {
    if (!isRecord(error) || typeof error["stdout"] !== "string") throw error;
    return JSON.parse(error["stdout"]);
  }
}

describe("what scan writes for code scanning", () => {
  it("is valid by the schema of SARIF 2.1.0, with a line in every result", () => {
    const log = sarifOf(folder);
    expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
    const text = JSON.stringify(log);
    const results = text.match(/"ruleId"/g) ?? [];
    expect(results.length).toBe(6);
    expect(text.match(/"startLine":1/g)).toHaveLength(results.length);
  });

  it("is valid where nothing was found, and for one file by an absolute path", () => {
    for (const place of [join(ROOT, "fixtures/pytorch-f32"), join(folder, "a b/ü #1?&%20.bin")]) {
      expect(validate(sarifOf(place)), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  it("is not valid with a field of a wrong kind: the schema is looked at", () => {
    expect(validate({ version: "2.1.0", runs: [{ tool: { driver: { name: 1 } } }] })).toBe(false);
  });
});
