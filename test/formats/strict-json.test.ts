import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  jsonCount,
  MAX_JSON_DEPTH,
  parseStrictJson,
  type JsonNode,
} from "../../src/formats/safetensors/strict-json.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { caught } from "../support/caught.ts";

const OPTIONS = { label: "x.json", code: "WB3601", tooManyCode: "WB5602" } as const;

function parse(text: string): JsonNode {
  return parseStrictJson(new TextEncoder().encode(text), OPTIONS);
}

/** What `JSON.parse` would give; test trees are shallow. */
function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case "object":
      return Object.fromEntries([...node.members].map(([key, value]) => [key, plain(value)]));
    case "array":
      return node.items.map(plain);
    case "number":
      return Number(node.text);
    case "null":
      return null;
    default:
      return node.value;
  }
}

/** Lists in lists. */
function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

/** Pieces that JSON is made of, and some that it is not. */
const PIECES = [...Array.from('{}[]",:0123.eE+-tfn \n\\u'), "true", "null", '"a":', "😀"];

describe("parseStrictJson", () => {
  it("reads what JSON.stringify writes as JSON.parse does", () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }),
        fc.constantFrom(undefined, 1, 4),
        (value, indent) => {
          const text = JSON.stringify(value, undefined, indent);
          fc.pre(text.isWellFormed() && !/\\ud[89a-f]/.test(text) && !text.includes("__proto__"));
          expect(plain(parse(text))).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("accepts and refuses exactly what JSON.parse does, but for repeated keys and lone surrogates", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        let accepted: unknown = "refused";
        try {
          accepted = plain(parse(text));
        } catch (error) {
          expect(error).toBeInstanceOf(WbError);
        }
        let expected: unknown = "refused";
        try {
          expected = JSON.parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
        if (accepted === "refused" && expected !== "refused") {
          expect(text).toMatch(/"a":.*"a":|\\ud/s);
        } else expect(accepted).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['{"w": 1, "w": 2}', 'x.json: the key "w" is there twice (byte 9)'],
    ['{"w": 1, "\\u0077": 2}', 'x.json: the key "w" is there twice (byte 9)'],
    ['["\\ud800"]', "x.json: half of a surrogate pair in a text (byte 1)"],
    ["[1] 2", "x.json: expected the end, found 2 (byte 4)"],
    ["\uFEFF[]", "x.json: expected a value, found byte 0xef (byte 0)"],
    ["[1,]", "x.json: expected a value, found ] (byte 3)"],
    ["[01]", "x.json: expected a value, found 0 (byte 1)"],
    ["[NaN]", "x.json: expected a value, found N (byte 1)"],
    ['{"a" 1}', "x.json: expected :, found 1 (byte 5)"],
    ['["a\u0001"]', "x.json: a control character in a text (byte 3)"],
    ['["a', "x.json: a text without its closing quote (byte 1)"],
    ['["\\x"]', "x.json: an unknown escape in a text (byte 2)"],
    ["", "x.json: expected a value, found the end (byte 0)"],
  ])("refuses %j, and tells the byte", async (text, message) => {
    const error = await caught(() => parse(text));
    expect(error.code).toBe("WB3601");
    expect(error.message).toBe(message);
  });

  it("refuses texts that are not UTF-8", async () => {
    const bytes = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);
    const error = await caught(() => parseStrictJson(bytes, { ...OPTIONS, begin: 8 }));
    expect(error.message).toBe("x.json: a text that is not UTF-8 (byte 9)");
  });

  it("follows nesting to the limit, and no further, whatever the length", async () => {
    expect(parse(nested(MAX_JSON_DEPTH)).kind).toBe("array");
    const error = await caught(() => parse(`[${"[".repeat(1_000_000)}`));
    expect(error.message).toBe("x.json: nested deeper than 128 levels (byte 128)");
  });

  it("stops at the limit of values with the code for oversized documents", async () => {
    const error = await caught(() => parse(`[${"0,".repeat(4_000_001)}0]`));
    expect(error.code).toBe("WB5602");
  });
});

describe("jsonCount", () => {
  it.each([
    ["0", 0],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9007199254740992", undefined],
    ["4.0", undefined],
    ["4e0", undefined],
    ["-1", undefined],
    ["-0", undefined],
    ['"4"', undefined],
    ["true", undefined],
  ])("of %s is %s", (text, value) => {
    expect(jsonCount(parse(text))).toBe(value);
  });
});
