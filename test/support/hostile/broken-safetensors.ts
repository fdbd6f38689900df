import { safetensorsBytes } from "../safetensors-file.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";

const VECTOR = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';

function of(header: string, dataBytes = 8): () => Uint8Array {
  return () => safetensorsBytes(header, dataBytes);
}

/** A header of raw bytes. */
function raw(header: Uint8Array, dataBytes: number): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.byteLength));
  return Buffer.concat([length, header, new Uint8Array(dataBytes)]);
}

const CASES: readonly Case[] = [
  ["short", "has seven bytes", "WB3501", () => new Uint8Array(7).fill(1)],
  [
    "header-past-end",
    "has a header beyond its end",
    "WB3501",
    () => safetensorsBytes(VECTOR, 8, 10_000n),
  ],
  ["json-cut", "has a header without its last brace", "WB3502", of(VECTOR.slice(0, -1))],
  ["json-behind", "has text behind its header's object", "WB3502", of(`${VECTOR}x`)],
  ["json-comma", "has a comma too many", "WB3502", of(VECTOR.replace("]}}", "],}}"))],
  [
    "json-utf8",
    "has a name that is not UTF-8",
    "WB3502",
    () => raw(Buffer.from(VECTOR.replace("w", "\u00e4"), "latin1"), 8),
  ],
  [
    "json-surrogate",
    "has a name with half a surrogate pair",
    "WB3502",
    of(VECTOR.replace("w", "\\ud800")),
  ],
  ["json-control", "has a line feed in a name", "WB3502", of(VECTOR.replace("w", "\n"))],
  ["json-nan", "has NaN for a size", "WB3502", of(VECTOR.replace("[2]", "[NaN]"))],
  [
    "same-name-twice",
    "has one name twice",
    "WB3502",
    of(VECTOR.replace("}}", '},"w":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}')),
  ],
  [
    "same-name-escaped",
    "has one name twice, once with an escape",
    "WB3502",
    of(VECTOR.replace("}}", '},"\\u0077":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}')),
  ],
  [
    "same-field-twice",
    "has a field twice in one entry",
    "WB3502",
    of(VECTOR.replace('"shape":[2]', '"shape":[1],"shape":[2]')),
  ],
  [
    "no-dtype",
    "has an entry without a dtype",
    "WB3503",
    of('{"w":{"shape":[2],"data_offsets":[0,8]}}'),
  ],
  ["size-float", "has a size written 2.0", "WB3503", of(VECTOR.replace("[2]", "[2.0]"))],
  ["size-negative", "has a size of −2", "WB3503", of(VECTOR.replace("[2]", "[-2]"))],
  ["size-text", "has a size in quotes", "WB3503", of(VECTOR.replace("[2]", '["2"]'))],
  ["size-true", "has true for a size", "WB3503", of(VECTOR.replace("[2]", "[true]"))],
  ["offsets-three", "has three offsets", "WB3503", of(VECTOR.replace("[0,8]", "[0,8,9]"))],
  [
    "offsets-2-64",
    "has an offset of 2^64 − 1",
    "WB3503",
    of(VECTOR.replace("[0,8]", "[0,18446744073709551615]")),
  ],
  [
    "metadata-number",
    "has a number in its metadata",
    "WB3503",
    of(VECTOR.replace("{", '{"__metadata__":{"a":1},')),
  ],
  ["dtype-case", "has a dtype in small letters", "WB4501", of(VECTOR.replace("F32", "f32"))],
  [
    "dtype-prototype",
    "has __proto__ for a dtype",
    "WB4501",
    of(VECTOR.replace("F32", "__proto__")),
  ],
  [
    "size-wrong",
    "has a shape of another size than its bytes",
    "WB3505",
    of(VECTOR.replace("[2]", "[3]")),
  ],
  ["offsets-reversed", "ends before it begins", "WB3505", of(VECTOR.replace("[0,8]", "[8,0]"))],
  [
    "part-of-byte",
    "has three 4-bit elements",
    "WB3505",
    of('{"w":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', 2),
  ],
  ["hole", "has a hole before its tensor", "WB3504", of(VECTOR.replace("[0,8]", "[4,12]"), 12)],
  [
    "overlap",
    "has two tensors that overlap",
    "WB3504",
    of(VECTOR.replace("}}", '},"x":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}')),
  ],
  ["bytes-behind", "has a byte behind its last tensor", "WB3504", of(VECTOR, 9)],
  ["data-cut", "lost the last byte of its data", "WB3504", of(VECTOR, 7)],
  [
    "polyglot",
    "has a web page behind its last tensor",
    "WB3504",
    () => Buffer.concat([safetensorsBytes(VECTOR, 8), Buffer.from("<html>")]),
  ],
];

export const BROKEN_SAFETENSORS: readonly HostileFile[] = hostileFiles(
  "broken",
  "safetensors",
  CASES,
);
