import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findSettings, settingsFor, type OptionDeclaration } from "../../src/cli/settings.ts";
import { caught } from "../support/caught.ts";

const OPTIONS: readonly OptionDeclaration[] = [
  { name: "device", kind: "string" },
  { name: "max-memory", kind: "string" },
  { name: "top-p", kind: "number" },
  { name: "quiet", kind: "boolean" },
];

describe("settingsFor", () => {
  const file = {
    path: "w.json",
    values: { device: "cpu", "top-p": 0.5, unknown: 1, generate: { device: "wasm" } },
  };

  it("takes the environment before the file, and a command's section before the rest", () => {
    const sources = { environment: { WEIGHBRIDGE_TOP_P: "0.9" }, file };
    expect(settingsFor("generate", OPTIONS, sources)).toEqual([
      { name: "device", value: "wasm", origin: "w.json" },
      { name: "top-p", value: 0.9, origin: "WEIGHBRIDGE_TOP_P" },
    ]);
    expect(settingsFor("logits", OPTIONS, sources)[0]?.value).toBe("cpu");
  });

  it("takes a size written as a number, and true and false in the environment", () => {
    const sources = {
      environment: { WEIGHBRIDGE_QUIET: "1" },
      file: { path: "w.json", values: { "max-memory": 1000 } },
    };
    expect(settingsFor("verify", OPTIONS, sources).map(({ value }) => value)).toEqual([
      "1000",
      true,
    ]);
  });

  it.each([
    [{ WEIGHBRIDGE_TOP_P: "much" }, {}, "WEIGHBRIDGE_TOP_P: expected a number, found null"],
    [{ WEIGHBRIDGE_QUIET: "maybe" }, {}, "WEIGHBRIDGE_QUIET: expected true or false, found maybe"],
    [{}, { device: 3.5, quiet: "yes" }, 'w.json: quiet: expected a boolean, found "yes"'],
  ])("refuses a value of the wrong kind: %j %j", (environment, values, message) => {
    expect(() =>
      settingsFor("x", OPTIONS, { environment, file: { path: "w.json", values } }),
    ).toThrowError(message);
  });
});

describe("findSettings", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weighbridge-settings-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it("does without a file, unless one is named", async () => {
    expect(findSettings({}, folder).file).toBeUndefined();
    const missing = await caught(() => findSettings({ WEIGHBRIDGE_CONFIG: "other.json" }, folder));
    expect(missing.code).toBe("WB2002");
  });

  it("reads the file of the working directory and refuses what is no object", async () => {
    const path = join(folder, "weighbridge.config.json");
    await writeFile(path, '{"device":"wasm"}');
    expect(findSettings({}, folder).file).toEqual({ path, values: { device: "wasm" } });
    for (const text of ["[]", "{"]) {
      await writeFile(path, text);
      expect((await caught(() => findSettings({}, folder))).code).toBe("WB2002");
    }
  });
});
