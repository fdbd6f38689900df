import { foldedLiteral, refusedPairs } from "./case-folding.ts";
import { changesRange } from "./unicode.ts";

/** Longest pattern that is read, in characters; the longest published ones have about 500. */
const MAX_PATTERN_CHARACTERS = 4096;
/** Deepest nesting of groups and classes. */
const MAX_DEPTH = 16;

/** Why a pattern is refused. */
export class PatternProblem extends Error {}

/**
 * A pattern of Oniguruma (Ruby's syntax, Unicode) as one of JavaScript that matches the same in text from
 * `withKnownProperties`. Only what can be carried over exactly is taken.
 * @throws PatternProblem for everything else.
 */
export function fromOniguruma(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN_CHARACTERS)
    throw new PatternProblem(`a pattern of more than ${MAX_PATTERN_CHARACTERS} characters`);
  const reader = new PatternReader(pattern);
  const source = reader.alternatives(false, 0);
  if (!reader.isAtEnd) throw new PatternProblem('an unmatched ")" in a pattern');
  try {
    return new RegExp(source, "gu");
  } catch (error) {
    throw new PatternProblem(`the pattern ${JSON.stringify(pattern)}`, { cause: error });
  }
}

const WHITE_SPACE = String.raw`\p{White_Space}`;
/** `\w` in a class. Outside of classes it has the superior digits and fractions of Latin-1, too. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}`;
const OUTER_WORD = String.raw`${WORD}\u00B2\u00B3\u00B9\u00BC-\u00BE`;
const WORD_CLASS = `[${OUTER_WORD}]`;

/** Escapes that are one character. */
const CHARACTER_ESCAPES = new Map([
  ["r", "\r"],
  ["n", "\n"],
  ["t", "\t"],
  ["f", "\f"],
  ["v", "\v"],
  ["a", "\u0007"],
  ["e", "\u001B"],
]);

/** Escapes that are a set of characters, inside a class and outside. */
const SET_ESCAPES = new Map([
  ["s", WHITE_SPACE],
  ["S", String.raw`\P{White_Space}`],
  ["d", String.raw`\p{Nd}`],
  ["D", String.raw`\P{Nd}`],
]);

/** Escapes that are an assertion or a set, outside of classes. */
const OUTER_ESCAPES = new Map([
  ["A", String.raw`(?<![\s\S])`],
  ["z", String.raw`(?![\s\S])`],
  ["b", `(?:(?<=${WORD_CLASS})(?!${WORD_CLASS})|(?<!${WORD_CLASS})(?=${WORD_CLASS}))`],
  ["B", `(?:(?<=${WORD_CLASS})(?=${WORD_CLASS})|(?<!${WORD_CLASS})(?!${WORD_CLASS}))`],
  ["w", WORD_CLASS],
  ["W", `[^${OUTER_WORD}]`],
]);

const SCRIPTS = new Set(
  "Arabic Armenian Bengali Cyrillic Devanagari Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan".split(
    " ",
  ),
);

const CATEGORY = /^(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfon]?)$/;

const GROUP_BEGINS = ["(?:", "(?=", "(?!", "(?<=", "(?<!"];

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;
  #atomic = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#characters.length;
  }

  /** Up to a ")" or the end. */
  alternatives(folds: boolean, depth: number): string {
    if (depth > MAX_DEPTH) throw new PatternProblem("a pattern of so many groups in each other");
    let source = "";
    let literals = "";
    while (!this.isAtEnd && this.#peek() !== ")") {
      if (this.#take("|")) {
        source += "|";
        literals = "";
        continue;
      }
      const atom = this.#atom(folds, depth);
      literals = folds && atom.kind === "character" ? literals + atom.character : "";
      if (refusedPairs(literals))
        throw new PatternProblem(`"${literals}" without regard to case in a pattern`);
      source += atom.kind === "assertion" ? atom.source : this.#quantified(atom.source);
    }
    return source;
  }

  #atom(folds: boolean, depth: number): Atom {
    if (this.#peek() === "(") return this.#group(folds, depth);
    const character = this.#next();
    switch (character) {
      case "[":
        return { kind: "set", source: this.#class(folds, depth) };
      case ".":
        return { kind: "set", source: String.raw`[^\n]` };
      case "^":
        return { kind: "assertion", source: String.raw`(?<![^\n])` };
      case "$":
        return { kind: "assertion", source: String.raw`(?![^\n])` };
      case "\\":
        return this.#escape(folds);
      case "*":
      case "+":
      case "?":
        throw new PatternProblem(`"${character}" behind nothing in a pattern`);
      default:
        return this.#literal(character, folds);
    }
  }

  #literal(character: string, folds: boolean): Atom {
    const point = character.codePointAt(0) ?? 0;
    if (changesRange(point, point)) throw new PatternProblem(`${character} in a pattern`);
    const source = folds ? this.#folded(character) : quoted(character);
    return { kind: "character", source, character };
  }

  #folded(character: string): string {
    const variants = foldedLiteral(character);
    if (variants === undefined)
      throw new PatternProblem(`${quoted(character)} without regard to case in a pattern`);
    return variants.length === 1 ? quoted(character) : `[${variants.map(quoted).join("")}]`;
  }

  #escape(folds: boolean): Atom {
    const name = this.#next();
    const outer = OUTER_ESCAPES.get(name);
    if (outer !== undefined)
      return { kind: "AzbB".includes(name) ? "assertion" : "set", source: outer };
    const source = this.#setEscape(name);
    if (source !== undefined) return set(source);
    return this.#literal(this.#characterEscape(name), folds);
  }

  #setEscape(name: string): string | undefined {
    if (name !== "p" && name !== "P") return SET_ESCAPES.get(name);
    const property = this.#braced();
    if (CATEGORY.test(property)) return `\\${name}{${property}}`;
    if (SCRIPTS.has(property)) return `\\${name}{Script=${property}}`;
    throw new PatternProblem(`\\${name}{${property}} in a pattern`);
  }

  #characterEscape(name: string): string {
    const character = CHARACTER_ESCAPES.get(name);
    if (character !== undefined) return character;
    if (name === "x" && this.#peek() === "{") return fromHex(this.#braced());
    if (name === "x") return fromHex(this.#next() + this.#next());
    if (name === "u") return fromHex(this.#next() + this.#next() + this.#next() + this.#next());
    if (/^[A-Za-z0-9]$/.test(name)) throw new PatternProblem(`\\${name} in a pattern`);
    return name;
  }

  #group(folds: boolean, depth: number): Atom {
    if (this.#take("(?i:")) return set(`(?:${this.#body(true, depth)})`);
    if (this.#take("(?>")) return set(this.#withoutReturn(this.#body(folds, depth)));
    const begin = GROUP_BEGINS.find((text) => this.#take(text));
    if (begin === "(?:") return set(`(?:${this.#body(folds, depth)})`);
    if (begin !== undefined)
      return { kind: "assertion", source: `${begin}${this.#body(folds, depth)})` };
    this.#take("(");
    if (this.#peek() === "?")
      throw new PatternProblem("an option or a name of a group in a pattern");
    return set(`(?:${this.#body(folds, depth)})`);
  }

  #body(folds: boolean, depth: number): string {
    const body = this.alternatives(folds, depth + 1);
    if (!this.#take(")")) throw new PatternProblem('an unmatched "(" in a pattern');
    return body;
  }

  /** What matches once and is not tried otherwise; JavaScript has it as a look-ahead that is named and matched again. */
  #withoutReturn(source: string): string {
    const name = `once${this.#atomic++}`;
    return String.raw`(?:(?=(?<${name}>${source}))\k<${name}>)`;
  }

  #quantified(atom: string): string {
    let source = atom;
    for (;;) {
      const sign = ["*", "+", "?"].find((text) => this.#take(text));
      const count = sign === undefined ? this.#count() : undefined;
      const quantifier = sign ?? count;
      if (quantifier === undefined) return source;
      if (this.#take("?")) {
        if (count !== undefined && !count.includes(","))
          throw new PatternProblem(`${count}? in a pattern`);
        source = `${source}${quantifier}?`;
      } else if (sign !== undefined && this.#take("+")) {
        source = this.#withoutReturn(`${source}${quantifier}`);
      } else source = `(?:${source}${quantifier})`;
    }
  }

  /** `{n}`, `{n,}` or `{n,m}`; any other "{" is a character. */
  #count(): string | undefined {
    if (this.#peek() !== "{") return undefined;
    const end = this.#characters.indexOf("}", this.#at);
    const text = this.#characters.slice(this.#at, end + 1).join("");
    if (/^\{,\d+\}$/.test(text)) throw new PatternProblem(`${text} in a pattern`);
    if (!/^\{\d{1,4}(?:,\d{0,4})?\}$/.test(text)) return undefined;
    this.#at = end + 1;
    return text;
  }

  #class(folds: boolean, depth: number): string {
    const isNegated = this.#take("^");
    return `[${isNegated ? "^" : ""}${this.#classItems(folds, depth)}]`;
  }

  /** What stands in a class, up to its "]"; classes in it that are not negated are joined to it. */
  #classItems(folds: boolean, depth: number): string {
    if (depth > MAX_DEPTH) throw new PatternProblem("a pattern of so many classes in each other");
    let items = "";
    let isFirst = true;
    while (isFirst || this.#peek() !== "]") {
      isFirst = false;
      if (this.#take("[:") || this.#take("&&"))
        throw new PatternProblem('"[:" or "&&" in a class of a pattern');
      if (this.#take("[")) {
        if (this.#peek() === "^")
          throw new PatternProblem("a negated class in a class of a pattern");
        items += this.#classItems(folds, depth + 1);
        continue;
      }
      items += this.#classItem(folds);
    }
    this.#take("]");
    return items;
  }

  #classItem(folds: boolean): string {
    const begin = this.#classCharacter();
    if (typeof begin !== "string") return begin.source;
    if (this.#peek() !== "-" || this.#peek(1) === "]") return this.#inClass(begin, begin, folds);
    this.#take("-");
    const end = this.#classCharacter();
    if (typeof end !== "string") throw new PatternProblem("a range up to a set in a pattern");
    return this.#inClass(begin, end, folds);
  }

  #inClass(begin: string, end: string, folds: boolean): string {
    const first = begin.codePointAt(0) ?? 0;
    const last = end.codePointAt(0) ?? 0;
    if (first > last || changesRange(first, last))
      throw new PatternProblem(`the range ${begin}-${end} in a pattern`);
    if (!folds) return first === last ? quoted(begin) : `${quoted(begin)}-${quoted(end)}`;
    let items = "";
    for (let point = first; point <= last; point++) {
      const variants = foldedLiteral(String.fromCodePoint(point));
      if (variants === undefined)
        throw new PatternProblem(`${begin}-${end} without regard to case in a pattern`);
      items += variants.map(quoted).join("");
    }
    return items;
  }

  #classCharacter(): string | { readonly source: string } {
    const character = this.#next();
    if (character !== "\\") return character;
    const name = this.#next();
    const source = name === "w" ? WORD : this.#setEscape(name);
    if (source === undefined) return this.#characterEscape(name);
    if (this.#peek() === "-" && this.#peek(1) !== "]")
      throw new PatternProblem("a range from a set in a pattern");
    return { source };
  }

  #braced(): string {
    const end = this.#characters.indexOf("}", this.#at);
    if (this.#peek() !== "{" || end < 0)
      throw new PatternProblem(String.raw`\p or \x without {…} in a pattern`);
    const text = this.#characters.slice(this.#at + 1, end).join("");
    this.#at = end + 1;
    return text;
  }

  #peek(ahead = 0): string | undefined {
    return this.#characters[this.#at + ahead];
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw new PatternProblem("a pattern that ends too early");
    return character;
  }

  #take(text: string): boolean {
    for (let index = 0; index < text.length; index++)
      if (this.#characters[this.#at + index] !== text[index]) return false;
    this.#at += text.length;
    return true;
  }
}

type Atom =
  | { readonly kind: "character"; readonly source: string; readonly character: string }
  | { readonly kind: "set" | "assertion"; readonly source: string };

function set(source: string): Atom {
  return { kind: "set", source };
}

function quoted(character: string): string {
  return String.raw`\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function fromHex(digits: string): string {
  const point = /^[0-9A-Fa-f]{1,6}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  if (point <= 0x10ffff && !(point >= 0xd800 && point < 0xe000)) return String.fromCodePoint(point);
  throw new PatternProblem(`a character of number "${digits}" in a pattern`);
}
