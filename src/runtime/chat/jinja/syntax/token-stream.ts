import { JinjaError } from "../problem.ts";
import type { Token } from "./tokens.ts";

/** Levels of expressions and blocks inside one another. */
const MAX_NESTING = 100;

/** The tokens of a source, read once from the left. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#at(this.#position);
  }

  get next(): Token {
    return this.#at(this.#position + 1);
  }

  #at(index: number): Token {
    return this.#tokens[index] ?? { kind: "end", text: "", line: 0 };
  }

  take(): Token {
    const token = this.current;
    this.#position++;
    return token;
  }

  isOperator(...texts: readonly string[]): boolean {
    const { kind, text } = this.current;
    return kind === "operator" && texts.includes(text);
  }

  isName(...texts: readonly string[]): boolean {
    const { kind, text } = this.current;
    return kind === "name" && texts.includes(text);
  }

  /** Takes an operator if it comes next. */
  skipOperator(text: string): boolean {
    const isNext = this.isOperator(text);
    if (isNext) this.#position++;
    return isNext;
  }

  /** Takes a word if it comes next. */
  skipName(text: string): boolean {
    const isNext = this.isName(text);
    if (isNext) this.#position++;
    return isNext;
  }

  expectOperator(text: string): void {
    if (!this.skipOperator(text)) throw this.wrong(`expected '${text}'`);
  }

  expectName(text?: string): string {
    const token = this.current;
    if (token.kind !== "name" || (text !== undefined && token.text !== text))
      throw this.wrong(`expected ${text ?? "a name"}`);
    this.#position++;
    return token.text;
  }

  expectKind(kind: Token["kind"]): void {
    if (this.current.kind !== kind) throw this.wrong(`expected ${kind}`);
    this.#position++;
  }

  /** Parses something one level deeper. @throws JinjaError "syntax" beyond the limit. */
  nested<Result>(parse: () => Result): Result {
    if (this.#depth >= MAX_NESTING) throw this.wrong(`more than ${MAX_NESTING} levels of nesting`);
    this.#depth++;
    const result = parse();
    this.#depth--;
    return result;
  }

  wrong(message: string): JinjaError {
    const { kind, text, line } = this.current;
    const found = kind === "end" ? "the end" : JSON.stringify(text.slice(0, 40));
    return new JinjaError("syntax", `line ${line}: ${message}, found ${found}`);
  }
}
