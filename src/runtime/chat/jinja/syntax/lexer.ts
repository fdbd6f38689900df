import { JinjaError } from "../problem.ts";
import { PYTHON_SPACE, trimEnd } from "../values/text.ts";
import { unescapeString } from "./string-literal.ts";
import type { Token } from "./tokens.ts";

/** Longest source, in UTF-16 units; published ones have up to 20,000. */
const MAX_SOURCE = 2 ** 20;

const OPERATORS = /(?:\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;])/uy;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/uy;
const INTEGER =
  /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/uy;
const STRING = /'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/uy;
const SPACE = new RegExp(`[${PYTHON_SPACE}]*`, "uy");
const OPENING = /\{(?:\{|%|#)/gu;
const RAW_BEGIN = new RegExp(
  `\\{%[-+]?[${PYTHON_SPACE}]*raw[${PYTHON_SPACE}]*(?:(-)%\\}[${PYTHON_SPACE}]*|%\\})`,
  "uy",
);
const RAW_END = new RegExp(
  `\\{%([-+]?)[${PYTHON_SPACE}]*endraw[${PYTHON_SPACE}]*(?:\\+%\\}|-%\\}[${PYTHON_SPACE}]*|%\\}\\n?)`,
  "gu",
);
const COMMENT_END = new RegExp(`(?:\\+#\\}|-#\\}[${PYTHON_SPACE}]*|#\\}\\n?)`, "gu");

/**
 * Tokens of a source as jinja2 3.1 reads it with `trim_blocks` and `lstrip_blocks`, which transformers sets: the newline
 * after a block is dropped, and so is the white space between a line's beginning and a block.
 * @throws JinjaError "syntax".
 */
export function tokenize(source: string): readonly Token[] {
  if (source.length > MAX_SOURCE)
    throw new JinjaError(
      "syntax",
      `expected at most ${MAX_SOURCE} characters, found ${source.length}`,
    );
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #line = 1;

  constructor(source: string) {
    const lines = source.replaceAll(/\r\n|\r|\n/g, "\n");
    this.#source = lines.endsWith("\n") ? lines.slice(0, -1) : lines;
  }

  run(): readonly Token[] {
    while (this.#position < this.#source.length) this.#text();
    this.#push({ kind: "end", text: "", line: this.#line });
    return this.#tokens;
  }

  /** Text up to the next tag, and that tag. */
  #text(): void {
    OPENING.lastIndex = this.#position;
    const opening = OPENING.exec(this.#source);
    if (opening === null) {
      this.#emitText(this.#source.slice(this.#position));
      this.#position = this.#source.length;
      return;
    }
    const text = this.#source.slice(this.#position, opening.index);
    const tag = opening[0];
    const sign = this.#source[opening.index + 2];
    this.#emitText(this.#stripped(text, tag, sign));
    this.#line += newlines(text);
    this.#position = opening.index;
    if (tag === "{#") return this.#comment();
    if (tag === "{{") {
      this.#position += sign === "-" ? 3 : 2;
      return this.#inside("print-begin", "print-end");
    }
    RAW_BEGIN.lastIndex = this.#position;
    const raw = RAW_BEGIN.exec(this.#source);
    if (raw !== null) return this.#raw(raw[0]);
    this.#position += sign === "-" || sign === "+" ? 3 : 2;
    return this.#inside("block-begin", "block-end");
  }

  /** "-" strips all white space before a tag; a block or comment strips what stands before it on its own line, unless "+". */
  #stripped(text: string, tag: string, sign: string | undefined): string {
    if (sign === "-") return trimEnd(text);
    if (sign === "+" || tag === "{{") return text;
    const lineBegin = text.lastIndexOf("\n") + 1;
    const startsLine = lineBegin > 0 || this.#startsLine();
    if (!startsLine || trimEnd(text.slice(lineBegin)) !== "") return text;
    return text.slice(0, lineBegin);
  }

  /** Whether the text begins a line: at the source's beginning, and behind a tag that took a newline with it. */
  #startsLine(): boolean {
    return this.#position === 0 || this.#source[this.#position - 1] === "\n";
  }

  #comment(): void {
    COMMENT_END.lastIndex = this.#position + 2;
    const end = COMMENT_END.exec(this.#source);
    if (end === null) throw this.#wrong("a comment without its end");
    this.#advance(end.index + end[0].length);
  }

  #raw(begin: string): void {
    const start = this.#position + begin.length;
    RAW_END.lastIndex = start;
    const end = RAW_END.exec(this.#source);
    if (end === null) throw this.#wrong("{% raw %} without {% endraw %}");
    const text = this.#source.slice(start, end.index);
    this.#position = start;
    this.#emitText(this.#stripped(text, "{%", end[1]));
    this.#advance(end.index + end[0].length);
  }

  #inside(begin: "print-begin" | "block-begin", end: "print-end" | "block-end"): void {
    this.#push({ kind: begin, text: begin === "print-begin" ? "{{" : "{%", line: this.#line });
    const brackets: string[] = [];
    const closing = end === "print-end" ? "}}" : "%}";
    for (;;) {
      this.#space();
      if (this.#position >= this.#source.length) throw this.#wrong(`${closing} is missing`);
      if (brackets.length === 0 && this.#closes(closing, end)) return;
      this.#token(brackets);
    }
  }

  /** Takes the end of a tag, and the white space or the newline behind it. */
  #closes(closing: string, end: "print-end" | "block-end"): boolean {
    const sign = this.#source[this.#position];
    const hasSign = sign === "-" || (sign === "+" && end === "block-end");
    const begin = this.#position + (hasSign ? 1 : 0);
    if (!this.#source.startsWith(closing, begin)) return false;
    this.#push({ kind: end, text: closing, line: this.#line });
    this.#position = begin + 2;
    if (sign === "-") this.#space();
    else if (end === "block-end" && sign !== "+" && this.#source[this.#position] === "\n")
      this.#advance(this.#position + 1);
    return true;
  }

  #token(brackets: string[]): void {
    const line = this.#line;
    const float = this.#match(FLOAT);
    if (float !== undefined) {
      const value = Number(float.replaceAll("_", ""));
      return this.#push({ kind: "float", value, text: float, line });
    }
    const integer = this.#match(INTEGER);
    if (integer !== undefined) {
      const value = BigInt(integer.replaceAll("_", ""));
      return this.#push({ kind: "integer", value, text: integer, line });
    }
    const name = this.#match(NAME);
    if (name !== undefined) return this.#push({ kind: "name", text: name, line });
    const string = this.#match(STRING);
    if (string !== undefined)
      return this.#push({ kind: "string", text: unescapeString(string.slice(1, -1), line), line });
    const operator = this.#match(OPERATORS);
    if (operator === undefined)
      throw this.#wrong(`unexpected character ${JSON.stringify(this.#source[this.#position])}`);
    balance(operator, brackets, line);
    return this.#push({ kind: "operator", text: operator, line });
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#source)?.[0];
    if (found === undefined || found === "") return undefined;
    this.#advance(this.#position + found.length);
    return found;
  }

  #space(): void {
    this.#match(SPACE);
  }

  #advance(end: number): void {
    this.#line += newlines(this.#source.slice(this.#position, end));
    this.#position = end;
  }

  #emitText(text: string): void {
    if (text !== "") this.#push({ kind: "text", text, line: this.#line });
  }

  #push(token: Token): void {
    this.#tokens.push(token);
  }

  #wrong(message: string): JinjaError {
    return new JinjaError("syntax", `line ${this.#line}: ${message}`);
  }
}

function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

const CLOSED_BY: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** `}}` inside a dict literal ends two dicts, no tag. */
function balance(operator: string, brackets: string[], line: number): void {
  const closing = CLOSED_BY[operator];
  if (closing !== undefined) brackets.push(closing);
  if (operator !== ")" && operator !== "]" && operator !== "}") return;
  const expected = brackets.pop();
  if (expected === operator) return;
  throw new JinjaError(
    "syntax",
    `line ${line}: unexpected '${operator}'${expected === undefined ? "" : `, expected '${expected}'`}`,
  );
}
