import { bytesAsText } from "./bytes-as-text.ts";
import type { JsonPart } from "./json-part.ts";
import { fromOniguruma } from "./oniguruma.ts";
import {
  findByPattern,
  findByText,
  finderOf,
  inverted,
  readPattern,
  split,
  type Finder,
  type SplitBehavior,
} from "./splitting.ts";
import { PUNCTUATION_CLASS } from "./unicode.ts";

/** Where a text stands: at the beginning of all, behind a token, or as the rest of other text that was cut for us alone. */
export type Place = "begin" | "middle" | "continued";

export type PreTokenizer = (text: string, place: Place) => readonly string[];

/** A pre-tokenizer, and whether it looks at where its text begins. */
export interface ReadPreTokenizer {
  readonly run: PreTokenizer;
  readonly asksForBegin: boolean;
}

const GPT2 = findByPattern(
  fromOniguruma(
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  ),
);
const WHITE_SPACE = findByPattern(/\p{White_Space}/gu);
const NUMERIC = findByPattern(/\p{N}/gu);
const PUNCTUATION = findByPattern(new RegExp(PUNCTUATION_CLASS, "gu"));
/** Rust's `\w+|[^\w\s]+`. */
const WORDS = findByPattern(
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
);

const BEHAVIORS: readonly SplitBehavior[] = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
];

/** @throws WbError WB3802, WB4801. */
export function readPreTokenizer(part: JsonPart): ReadPreTokenizer {
  const type = part.text("type");
  switch (type) {
    case "Sequence":
      return sequence(part);
    case "Metaspace":
      return metaspace(part);
    default:
      return { run: readPlain(part, type), asksForBegin: false };
  }
}

function readPlain(part: JsonPart, type: string): PreTokenizer {
  switch (type) {
    case "ByteLevel":
      return byteLevel(part.flag("add_prefix_space", true), part.flag("use_regex", true));
    case "Split": {
      const find = finderOf(readPattern(part.part("pattern")));
      return cut(part.flag("invert", false) ? inverted(find) : find, behaviorOf(part));
    }
    case "Digits":
      return cut(NUMERIC, part.flag("individual_digits", false) ? "Isolated" : "Contiguous");
    case "Punctuation":
      return cut(PUNCTUATION, behaviorOf(part, "Isolated"));
    case "Whitespace":
      return cut(inverted(WORDS), "Removed");
    case "WhitespaceSplit":
      return cut(WHITE_SPACE, "Removed");
    case "FixedLength":
      return ofLength(part.count("length", 5), part);
    case "CharDelimiterSplit":
      return cut(findByText(part.text("delimiter")), "Removed");
    case "BertPreTokenizer":
      return (text) =>
        split(text, WHITE_SPACE, "Removed").flatMap((word) => split(word, PUNCTUATION, "Isolated"));
    default:
      throw part.unsupported(`the pre-tokenizer "${type}"`);
  }
}

function ofLength(length: number, part: JsonPart): PreTokenizer {
  if (length === 0) throw part.problem("length", "a whole number from 1 on");
  return (text) => {
    const characters = Array.from(text);
    const found: string[] = [];
    for (let at = 0; at < characters.length; at += length)
      found.push(characters.slice(at, at + length).join(""));
    return found;
  };
}

function cut(find: Finder, behavior: SplitBehavior): PreTokenizer {
  return (text) => split(text, find, behavior);
}

function behaviorOf(part: JsonPart, fallback?: SplitBehavior): SplitBehavior {
  const wanted = part.text("behavior", fallback);
  const behavior = BEHAVIORS.find((name) => name === wanted);
  if (behavior !== undefined) return behavior;
  throw part.problem("behavior", `one of ${BEHAVIORS.join(", ")}`);
}

function byteLevel(addsPrefix: boolean, usesPattern: boolean): PreTokenizer {
  return (text, place) => {
    const prefixes = addsPrefix && place !== "continued" && !text.startsWith(" ");
    const prefixed = prefixes ? ` ${text}` : text;
    const pieces = usesPattern ? split(prefixed, GPT2, "Isolated") : [prefixed];
    return pieces.map(bytesAsText);
  };
}

function sequence(part: JsonPart): ReadPreTokenizer {
  const steps = part.parts("pretokenizers").map(readPreTokenizer);
  if (steps.slice(1).some(({ asksForBegin }) => asksForBegin))
    throw part.unsupported('Metaspace with prepend_scheme "first" behind another pre-tokenizer');
  const run: PreTokenizer = (text, place) => {
    let pieces: readonly string[] = [text];
    for (const step of steps) pieces = pieces.flatMap((piece) => step.run(piece, place));
    return pieces;
  };
  return { run, asksForBegin: steps[0]?.asksForBegin ?? false };
}

function metaspace(part: JsonPart): ReadPreTokenizer {
  const replacement = part.text("replacement");
  if (Array.from(replacement).length !== 1) throw part.problem("replacement", "one character");
  const scheme = schemeOf(part);
  const find = findByText(replacement);
  const splits = part.flag("split", true);
  const run: PreTokenizer = (text, place) => {
    const replaced = text.replaceAll(" ", () => replacement);
    const prefixes =
      scheme === "always" ? place !== "continued" : scheme === "first" && place === "begin";
    const prefixed =
      prefixes && !replaced.startsWith(replacement) ? replacement + replaced : replaced;
    return splits ? split(prefixed, find, "MergedWithNext") : [prefixed];
  };
  return { run, asksForBegin: scheme === "first" };
}

const SCHEMES = ["always", "first", "never"] as const;

/** Where a space is put in front of the text. */
export function schemeOf(part: JsonPart): (typeof SCHEMES)[number] {
  const fallback = part.flag("add_prefix_space", true) ? "always" : "never";
  const wanted = part.text("prepend_scheme", fallback);
  const scheme = SCHEMES.find((name) => name === wanted);
  if (scheme !== undefined) return scheme;
  throw part.problem("prepend_scheme", `one of ${SCHEMES.join(", ")}`);
}
