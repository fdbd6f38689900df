import { expect, test } from "vitest";
import { decodeUtf8, unquote } from "../../src/formats/pickle/text.ts";

// Expected values are what CPython 3.11 gives: bytes.decode("utf8", "surrogatepass"), and ast.literal_eval of a bytes literal in latin1.
test.each([
  [[0xed, 0xa0, 0x80, 0x78, 0xed, 0xb3, 0xbf], "\ud800x\udcff"],
  [[0x61, 0xed, 0xa0, 0x80, 0xc3, 0xa9, 0x62], "a\ud800\u00e9b"],
  [[0xed, 0xa0, 0x80, 0xff], undefined],
  [[0xff, 0xed, 0xa0, 0x80], undefined],
  [[0xed, 0xa0], undefined],
])("%j as UTF-8 is %j", (bytes, text) => {
  expect(decodeUtf8(Uint8Array.from(bytes))).toBe(text);
});

test.each([
  [String.raw`'\\\'\"\a\b\f\n\r\t\v'`, "\\'\"\u0007\b\f\n\r\t\u000b"],
  [String.raw`"\x41\101\0\777"`, "AA\0\u00ff"],
  [String.raw`'\q\ '`, String.raw`\q\ `],
  [String.raw`'\x4'`, undefined],
  [String.raw`'a`, undefined],
  ["'", undefined],
])("%s is %j", (literal, text) => {
  expect(unquote(literal)).toBe(text);
});
