import { describe, expect, it } from "vitest";
import { printable } from "../../src/cli/printable.ts";

describe("printable", () => {
  it("shows escape sequences of terminals instead of sending them", () => {
    expect(printable("a\u001B[2Jb\u0007\u009B31m\r")).toBe("a\\u001b[2Jb\\u0007\\u009b31m\\u000d");
  });

  it("shows marks that reverse the direction of text", () => {
    expect(printable("\u202Egpj.exe")).toBe("\\u202egpj.exe");
  });

  it("leaves lines, tabs and every script as they are", () => {
    const text = "model.权重\tä😀\n";
    expect(printable(text)).toBe(text);
  });

  it("leaves a JSON document with the same value", () => {
    const value = { name: "\u009B\u202E\u007F" };
    expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
  });
});
