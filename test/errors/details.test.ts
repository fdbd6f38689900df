import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/errors/codes.ts";
import { plainError, receivedError } from "../../src/errors/wb-error.ts";
import { WbError, type ErrorCode, type ErrorDetails } from "../../src/index.ts";
import { caught } from "../support/caught.ts";

/** Codes whose errors have nothing to tell a program but that they happened, and findings that are never thrown. */
const WITHOUT_FACTS = [
  "WB2925",
  "WB3606",
  "WB3708",
  "WB3914",
  "WB4002",
  "WB5001",
  "WB5002",
  "WB5003",
  "WB5103",
  "WB7001",
  "WB9001",
];

/** As a program does it: no cast, no `in`. */
function filesOf(error: WbError): readonly string[] {
  switch (error.code) {
    case "WB3603":
      return error.details.files;
    case "WB3602":
      return error.details.files ?? [error.details.path];
    case "WB6001":
      return error.details.free === 0 ? [error.details.path] : [];
    default:
      return [];
  }
}

function typed<Code extends ErrorCode>(code: Code, details: ErrorDetails<Code>): object {
  return { code, details };
}

describe("the details of an error", () => {
  it("have fields for every code but those that tell no fact", () => {
    const bare = Object.entries(ERROR_CODES).filter(
      ([, row]) => Object.keys(row.details).length === 0,
    );
    expect(bare.map(([code]) => code).toSorted()).toEqual(WITHOUT_FACTS);
  });

  it("are typed by the code", () => {
    const details = { path: "model", files: ["a.bin"], tensors: [] };
    const error = new WbError("WB3603", "model: differs", { details });
    const files: readonly string[] = error.details.files;
    expect([files, filesOf(error)]).toEqual([["a.bin"], ["a.bin"]]);
    const optional: ErrorDetails<"WB3602"> = { path: "model" };
    expect(filesOf(new WbError("WB3602", "model: lacks", { details: optional }))).toEqual([
      "model",
    ]);
    // Each line below is one that the compiler must refuse.
    // @ts-expect-error A field of another code.
    typed("WB3602", { path: "model", dtype: "F16" });
    // @ts-expect-error A value of another type.
    typed("WB3602", { path: 7 });
    // @ts-expect-error A field that every error of the code has is left out.
    typed("WB3603", { path: "model" });
    // @ts-expect-error A fact where the code has none.
    typed("WB7001", { path: "model" });
    // @ts-expect-error The constructor asks for what every error of the code has.
    expect(new WbError("WB3602", "details are left out").details).toEqual({});
    const isShared: "files" extends keyof WbError["details"] ? true : false = false;
    expect(isShared).toBe(false);
  });

  it("come from a caught error with its code", async () => {
    const details = { path: "/full", needed: 2, free: 0 };
    const error = await caught(() => {
      throw new WbError("WB6001", "/full: needs 2 bytes", { details });
    });
    expect(filesOf(error)).toEqual(["/full"]);
  });

  it("go from thread to thread with code, message and hint", () => {
    const cause = new Error("below");
    const details = { path: "model", files: ["a.bin"] };
    const error = new WbError("WB3602", "model: lacks a.bin", { details, hint: "Copy it.", cause });
    const received = receivedError(structuredClone(plainError(error)));
    expect(received).toBeInstanceOf(WbError);
    const { name, code, message, hint } = received;
    expect({ name, code, message, hint, details: received.details }).toEqual({
      name: "WbError",
      code: "WB3602",
      message: "model: lacks a.bin",
      hint: "Copy it.",
      details,
    });
    expect(receivedError(plainError(new TypeError("x is undefined")))).toMatchObject({
      code: "WB7001",
      message: "x is undefined",
      details: {},
    });
  });
});
