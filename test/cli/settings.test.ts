import { describe, expect, it } from "vitest";
import { settingsFor, type OptionDeclaration } from "../../src/cli/settings.ts";

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

  it("takes an object for a command's section, though an option has its name", () => {
    const options: readonly OptionDeclaration[] = [{ name: "chat", kind: "boolean" }];
    const values = { chat: { device: "wasm" }, generate: { chat: true } };
    const sources = { environment: {}, file: { path: "w.json", values } };
    expect(settingsFor("logits", options, sources)).toEqual([]);
    expect(settingsFor("generate", options, sources)[0]?.value).toBe(true);
  });

  it.each([
    [{ WEIGHBRIDGE_FORCE: "1" }, {}, "WEIGHBRIDGE_FORCE: only the command line may set this"],
    [{}, { verify: false }, "w.json: verify: only the command line may set this"],
    [{}, { "tolerance-profile": "loose" }, "only the command line may set this"],
    [{}, { "max-abs": 1e-9 }, "only the command line may set this"],
    [{}, { "api-key": "known" }, "only the command line may set this"],
  ])("refuses what weakens a check: %j %j", (environment, values, message) => {
    const options: readonly OptionDeclaration[] = [
      { name: "force", kind: "boolean" },
      { name: "verify", kind: "boolean" },
      { name: "tolerance-profile", kind: "string" },
      { name: "max-abs", kind: "number" },
      { name: "api-key", kind: "string" },
    ];
    expect(() =>
      settingsFor("x", options, { environment, file: { path: "w.json", values } }),
    ).toThrowError(message);
  });

  it("takes what makes a check stricter, and a key from the environment", () => {
    const options: readonly OptionDeclaration[] = [
      { name: "tolerance-profile", kind: "string" },
      { name: "api-key", kind: "string" },
    ];
    const strict = { path: "w.json", values: { "tolerance-profile": "strict" } };
    const environment = { WEIGHBRIDGE_API_KEY: "k" };
    expect(
      settingsFor("x", options, { environment, file: strict }).map(({ value }) => value),
    ).toEqual(["strict", "k"]);
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
