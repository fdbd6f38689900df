import { WbError } from "../../errors/wb-error.ts";
import { bytesPerElement, DTYPES, isDtype, type Dtype } from "../../tensor/dtype.ts";
import { byteCount, renderShape } from "../../tensor/shape.ts";
import { jsonCount, parseStrictJson, type JsonNode } from "./strict-json.ts";

/** The header's length, a little-endian u64, stands in front of it. */
export const LENGTH_BYTES = 8;

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** In bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their bytes. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Checks a whole header to the rules of huggingface/safetensors 24b0b28 (safetensors/src/tensor.rs, `Metadata::validate`),
 * and beyond them refuses repeated names.
 * @param dataBytes Bytes of the file behind the header, which the tensors must fill exactly.
 * @throws WbError WB3502–WB3505, WB4501, WB5501.
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  dataBytes: number,
  label: string,
): SafetensorsHeader {
  const header = parseHeader(bytes, label);
  checkTiling(header.entries, dataBytes, label);
  return header;
}

function parseHeader(bytes: Uint8Array, label: string): SafetensorsHeader {
  const root = parseStrictJson(bytes, {
    label: `${label}: header`,
    code: "WB3502",
    tooManyCode: "WB5501",
    begin: LENGTH_BYTES,
  });
  if (root.kind !== "object") {
    throw new WbError("WB3502", `${label}: header: expected an object, found ${root.kind}`, {
      details: { path: label, found: root.kind },
    });
  }
  const entries: SafetensorsEntry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, node] of root.members) {
    if (name === "__metadata__") metadata = parseMetadata(node, label);
    else entries.push(parseEntry(name, node, label));
  }
  entries.sort((left, right) => left.begin - right.begin || left.end - right.end);
  return { entries, metadata };
}

function parseMetadata(node: JsonNode, label: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  if (node.kind === "null") return texts;
  if (node.kind !== "object") throw entryProblem(label, "__metadata__", "an object", node);
  for (const [key, value] of node.members) {
    if (value.kind !== "string") throw entryProblem(label, `__metadata__ ${key}`, "a text", value);
    texts.set(key, value.value);
  }
  return texts;
}

function parseEntry(name: string, node: JsonNode, label: string): SafetensorsEntry {
  const what = `tensor ${name}`;
  if (node.kind !== "object") throw entryProblem(label, what, "an object", node);
  const { members } = node;
  const shape = counts(members.get("shape"));
  if (shape === undefined) {
    throw entryProblem(
      label,
      `${what}: shape`,
      "a list of whole numbers below 2^53",
      members.get("shape"),
    );
  }
  const offsets = counts(members.get("data_offsets"));
  const [begin, end] = offsets ?? [];
  if (offsets?.length !== 2 || begin === undefined || end === undefined) {
    const found = members.get("data_offsets");
    throw entryProblem(label, `${what}: data_offsets`, "two whole numbers below 2^53", found);
  }
  const entry = { name, dtype: parseDtype(members.get("dtype"), what, label), shape, begin, end };
  checkSize(entry, label);
  return entry;
}

function parseDtype(node: JsonNode | undefined, what: string, label: string): Dtype {
  if (node?.kind !== "string") throw entryProblem(label, `${what}: dtype`, "a text", node);
  const name = node.value;
  if (isDtype(name) && DTYPES[name].safetensors) return name;
  throw new WbError("WB4501", `${label}: ${what}: dtype ${JSON.stringify(name)} is not known`, {
    details: { path: label, byte: LENGTH_BYTES + node.at },
  });
}

function counts(node: JsonNode | undefined): readonly number[] | undefined {
  if (node?.kind !== "array") return undefined;
  const numbers: number[] = [];
  for (const item of node.items) {
    const value = jsonCount(item);
    if (value === undefined) return undefined;
    numbers.push(value);
  }
  return numbers;
}

function checkSize({ name, dtype, shape, begin, end }: SafetensorsEntry, label: string): void {
  const needed = byteCount(shape, dtype);
  if (needed === end - begin) return;
  const perElement = bytesPerElement(dtype);
  const unit = perElement === undefined ? `${DTYPES[dtype].bits} bits` : `${perElement} bytes`;
  throw new WbError(
    "WB3505",
    `${label}: tensor ${name} (${dtype} ${renderShape(shape)}, ${unit} each) needs ` +
      `${needed === undefined ? "no whole number of bytes below 2^53" : `${needed} bytes`}, ` +
      `but data_offsets [${begin}, ${end}] give it ${end - begin}`,
    { details: { path: label, tensor: name } },
  );
}

/** Every byte of the data belongs to exactly one tensor. */
function checkTiling(entries: readonly SafetensorsEntry[], dataBytes: number, label: string): void {
  let cursor = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== cursor) {
      const kind = begin > cursor ? "a hole" : "an overlap";
      throw new WbError(
        "WB3504",
        `${label}: tensor ${name} begins at data byte ${begin}, expected ${cursor}: ${kind}`,
        { details: { path: label, expected: cursor, tensor: name } },
      );
    }
    cursor = end;
  }
  if (cursor === dataBytes) return;
  const what = cursor > dataBytes ? "the file is truncated" : "bytes follow the last tensor";
  throw new WbError(
    "WB3504",
    `${label}: the tensors end at data byte ${cursor}, but the file has ${dataBytes} bytes of data: ${what}`,
    { details: { path: label, expected: cursor, found: dataBytes } },
  );
}

function entryProblem(
  label: string,
  what: string,
  expected: string,
  found: JsonNode | undefined,
): WbError {
  return new WbError(
    "WB3503",
    `${label}: header: ${what}: expected ${expected}, found ${describeNode(found)}`,
    {
      details: {
        path: label,
        expected,
        found: describeNode(found),
        ...(found === undefined ? {} : { byte: LENGTH_BYTES + found.at }),
      },
    },
  );
}

function describeNode(node: JsonNode | undefined): string {
  if (node === undefined) return "nothing";
  switch (node.kind) {
    case "number":
      return node.text;
    case "string":
      return JSON.stringify(node.value.slice(0, 40));
    case "array":
      return `a list of ${node.items.length}`;
    case "boolean":
      return String(node.value);
    default:
      return node.kind;
  }
}
