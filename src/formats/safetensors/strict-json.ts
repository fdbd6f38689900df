import { WbError } from "../../errors/wb-error.ts";

/**
 * A JSON value with what `JSON.parse` loses: numbers as they are written (2^53 + 1, `4.0`), and the byte at which each value
 * begins.
 */
export type JsonNode =
  | {
      readonly kind: "object";
      readonly at: number;
      readonly members: ReadonlyMap<string, JsonNode>;
    }
  | { readonly kind: "array"; readonly at: number; readonly items: JsonNode[] }
  | { readonly kind: "string"; readonly at: number; readonly value: string }
  | { readonly kind: "number"; readonly at: number; readonly text: string }
  | { readonly kind: "boolean"; readonly at: number; readonly value: boolean }
  | { readonly kind: "null"; readonly at: number };

export interface StrictJsonOptions {
  /** What messages call the source. */
  readonly label: string;
  /** The code of every error but that of `tooManyCode`; its details have the path and the byte. */
  readonly code: "WB2002" | "WB3502" | "WB3601" | "WB3901";
  /** The code of the error for more than `MAX_JSON_VALUES` values. */
  readonly tooManyCode: "WB2002" | "WB5501" | "WB5602" | "WB5901";
  /** Byte of the file at which the JSON begins; added to the bytes in messages. */
  readonly begin?: number;
}

/** Nesting that is followed, as in serde_json; a safetensors header needs 3. */
export const MAX_JSON_DEPTH = 128;

/** Values in one document. A tensor takes about 8, so this is room for 125,000 tensors, which take 200 MiB of memory. */
export const MAX_JSON_VALUES = 1_000_000;

type Frame =
  | { readonly kind: "array"; readonly node: Extract<JsonNode, { kind: "array" }> }
  | {
      readonly kind: "object";
      readonly node: Extract<JsonNode, { kind: "object" }>;
      /** Those of the node. */
      readonly members: Map<string, JsonNode>;
      key: string;
    };

const BYTE = {
  tab: 0x09,
  lineFeed: 0x0a,
  return: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openArray: 0x5b,
  backslash: 0x5c,
  closeArray: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

const NO_MEMBERS: Map<string, JsonNode> = new Map();

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const WORDS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
/** Longest number or word that is looked at; a 64-bit integer has 20 digits. */
const MAX_SCALAR_BYTES = 400;

/**
 * Parses JSON as RFC 8259 has it and no looser: UTF-8 without a byte order mark, no key twice in an object (compared after
 * unescaping), no lone surrogates, nothing after the value but white space.
 * @throws WbError with the caller's code, and the byte.
 */
export function parseStrictJson(bytes: Uint8Array, options: StrictJsonOptions): JsonNode {
  return new StrictJson(bytes, options).parse();
}

class StrictJson {
  private readonly bytes: Uint8Array;
  private readonly options: StrictJsonOptions;
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  private readonly stack: Frame[] = [];
  private at = 0;
  private count = 0;

  constructor(bytes: Uint8Array, options: StrictJsonOptions) {
    this.bytes = bytes;
    this.options = options;
  }

  /** Containers are on a stack of our own, so that no nesting can exhaust the engine's. */
  parse(): JsonNode {
    for (;;) {
      const value = this.value();
      const root = value === undefined ? undefined : this.complete(value);
      if (root !== undefined) {
        this.skipSpace();
        if (this.at < this.bytes.byteLength) throw this.expected("the end");
        return root;
      }
    }
  }

  /** One value; undefined when it is a container that has been opened and is not empty. */
  private value(): JsonNode | undefined {
    this.skipSpace();
    this.count++;
    if (this.count > MAX_JSON_VALUES) {
      throw new WbError(
        this.options.tooManyCode,
        `${this.options.label}: more than ${MAX_JSON_VALUES} values in one JSON document`,
        { details: { path: this.options.label } },
      );
    }
    const { at } = this;
    const byte = this.bytes[at];
    if (byte === BYTE.quote) return { kind: "string", at, value: this.string() };
    if (byte === BYTE.openArray) {
      this.at++;
      this.skipSpace();
      const node: JsonNode = { kind: "array", at, items: [] };
      return this.open({ kind: "array", node }, BYTE.closeArray);
    }
    if (byte === BYTE.openObject) {
      this.at++;
      this.skipSpace();
      // A table of its own for each "{}" would take a hundred times the memory of its two bytes.
      const isEmpty = this.bytes[this.at] === BYTE.closeObject;
      const members = isEmpty ? NO_MEMBERS : new Map<string, JsonNode>();
      const node: JsonNode = { kind: "object", at, members };
      return this.open({ kind: "object", node, members, key: "" }, BYTE.closeObject);
    }
    return this.scalar();
  }

  /** A container whose bracket, and the white space behind it, have been read. */
  private open(frame: Frame, close: number): JsonNode | undefined {
    if (this.bytes[this.at] === close) {
      this.at++;
      return frame.node;
    }
    if (this.stack.length >= MAX_JSON_DEPTH) {
      throw this.problem(`nested deeper than ${MAX_JSON_DEPTH} levels`, frame.node.at);
    }
    this.stack.push(frame);
    if (frame.kind === "object") frame.key = this.key(frame);
    return undefined;
  }

  /** Puts a value into its container, and closes the containers that end behind it; the root when all are closed. */
  private complete(value: JsonNode): JsonNode | undefined {
    let done = value;
    for (;;) {
      const frame = this.stack.at(-1);
      if (frame === undefined) return done;
      if (frame.kind === "array") frame.node.items.push(done);
      else frame.members.set(frame.key, done);
      this.skipSpace();
      const byte = this.bytes[this.at];
      const close = frame.kind === "array" ? BYTE.closeArray : BYTE.closeObject;
      if (byte === BYTE.comma) {
        this.at++;
        if (frame.kind === "object") frame.key = this.key(frame);
        return undefined;
      }
      if (byte !== close) throw this.expected(frame.kind === "array" ? ", or ]" : ", or }");
      this.at++;
      this.stack.pop();
      done = frame.node;
    }
  }

  private key(frame: Extract<Frame, { kind: "object" }>): string {
    this.skipSpace();
    const { at } = this;
    if (this.bytes[at] !== BYTE.quote) throw this.expected("a key in quotes");
    const key = this.string();
    if (frame.members.has(key)) {
      throw this.problem(`the key ${JSON.stringify(key)} is there twice`, at);
    }
    this.skipSpace();
    if (this.bytes[this.at] !== BYTE.colon) throw this.expected(":");
    this.at++;
    return key;
  }

  private scalar(): JsonNode {
    const { at } = this;
    let end = at;
    while (end - at < MAX_SCALAR_BYTES && isScalarByte(this.bytes[end])) end++;
    const text = this.decoder.decode(this.bytes.subarray(at, end));
    const word = WORDS.get(text);
    if (word === undefined && !NUMBER.test(text)) throw this.expected("a value");
    this.at = end;
    if (word === null) return { kind: "null", at };
    return word === undefined ? { kind: "number", at, text } : { kind: "boolean", at, value: word };
  }

  private string(): string {
    const begin = this.at;
    this.at++;
    const parts: string[] = [];
    for (;;) {
      const from = this.at;
      let byte = this.bytes[this.at];
      while (byte !== BYTE.quote && byte !== BYTE.backslash) {
        if (byte === undefined) throw this.problem("a text without its closing quote", begin);
        if (byte < 0x20) throw this.problem("a control character in a text", this.at);
        this.at++;
        byte = this.bytes[this.at];
      }
      parts.push(this.utf8(from, this.at));
      this.at++;
      if (byte === BYTE.quote) break;
      parts.push(this.escape());
    }
    const text = parts.join("");
    if (!text.isWellFormed()) throw this.problem("half of a surrogate pair in a text", begin);
    return text;
  }

  private utf8(from: number, to: number): string {
    try {
      return this.decoder.decode(this.bytes.subarray(from, to));
    } catch (error) {
      throw this.problem("a text that is not UTF-8", from, error);
    }
  }

  /** The character of an escape whose backslash has been read. */
  private escape(): string {
    const letter = String.fromCharCode(this.bytes[this.at] ?? 0);
    this.at++;
    const short = SHORT_ESCAPES.get(letter);
    if (short !== undefined) return short;
    const digits = String.fromCharCode(...this.bytes.subarray(this.at, this.at + 4));
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw this.problem("an unknown escape in a text", this.at - 2);
    }
    this.at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  private skipSpace(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      const isSpace =
        byte === BYTE.space || byte === BYTE.lineFeed || byte === BYTE.return || byte === BYTE.tab;
      if (!isSpace) return;
      this.at++;
    }
  }

  private expected(what: string): WbError {
    const byte = this.bytes[this.at];
    const found =
      byte === undefined
        ? "the end"
        : byte > 0x20 && byte < 0x7f
          ? String.fromCharCode(byte)
          : `byte 0x${byte.toString(16).padStart(2, "0")}`;
    return this.problem(`expected ${what}, found ${found}`, this.at);
  }

  private problem(what: string, at: number, cause?: unknown): WbError {
    const { label, code, begin = 0 } = this.options;
    return new WbError(code, `${label}: ${what} (byte ${begin + at})`, {
      details: { path: label, byte: begin + at },
      cause,
    });
  }
}

/** Bytes of numbers and words: + - . digits and letters. */
function isScalarByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const isDigit = byte >= 0x30 && byte <= 0x39;
  const isLetter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
  return isDigit || isLetter || byte === 0x2b || byte === 0x2d || byte === 0x2e;
}

/**
 * A whole number ≥ 0 that is written as one (not `4.0`, `4e0` or `"4"`) and is at most 2^53 − 1; undefined for
 * everything else.
 */
export function jsonCount(node: JsonNode | undefined): number | undefined {
  if (node?.kind !== "number" || !/^[0-9]+$/.test(node.text)) return undefined;
  const value = Number(node.text);
  return Number.isSafeInteger(value) ? value : undefined;
}
