import { WbError } from "../../../errors/wb-error.ts";
import type { JsonPart } from "./json-part.ts";
import { fromOniguruma, PatternProblem } from "./oniguruma.ts";
import { withKnownProperties } from "./unicode.ts";

/** A stretch of text, and whether it is one that was looked for. */
export interface Stretch {
  readonly text: string;
  readonly isMatch: boolean;
}

/** Cuts text into stretches, all of them, in order; some may be empty. */
export type Finder = (text: string) => readonly Stretch[];

/** What becomes of the stretches that were looked for. */
export type SplitBehavior =
  "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

/** Finds what a pattern matches. */
export function findByPattern(pattern: RegExp): Finder {
  return (text) => {
    const stretches: Stretch[] = [];
    let position = 0;
    for (const { index, 0: found } of withKnownProperties(text).matchAll(pattern)) {
      if (index > position) stretches.push({ text: text.slice(position, index), isMatch: false });
      position = index + found.length;
      stretches.push({ text: text.slice(index, position), isMatch: true });
    }
    if (position < text.length) stretches.push({ text: text.slice(position), isMatch: false });
    return stretches;
  };
}

/** Finds a text. */
export function findByText(wanted: string): Finder {
  return (text) => {
    const stretches: Stretch[] = [];
    for (const [index, part] of text.split(wanted).entries()) {
      if (index > 0) stretches.push({ text: wanted, isMatch: true });
      if (part !== "") stretches.push({ text: part, isMatch: false });
    }
    return stretches;
  };
}

/** `{ "String": … }` or `{ "Regex": … }`. @throws WbError WB3802; WB4801 for a pattern that cannot be followed exactly. */
export function readPattern(part: JsonPart): RegExp | string {
  const text = part.optionalText("String");
  if (text !== undefined) return text;
  const pattern = part.text("Regex");
  try {
    return fromOniguruma(pattern);
  } catch (error) {
    if (!(error instanceof PatternProblem)) throw error;
    throw new WbError("WB4801", `${part.file}: ${part.at}: ${error.message} is not supported`, {
      details: { path: part.file },
      cause: error,
    });
  }
}

export function finderOf(pattern: RegExp | string): Finder {
  return typeof pattern === "string" ? findByText(pattern) : findByPattern(pattern);
}

export function inverted(find: Finder): Finder {
  return (text) => find(text).map((stretch) => ({ ...stretch, isMatch: !stretch.isMatch }));
}

/** As `NormalizedString::split` of Python's `tokenizers`; pieces that are empty are left out. */
export function split(text: string, find: Finder, behavior: SplitBehavior): readonly string[] {
  const pieces = joined(find(text), behavior);
  return pieces.filter((piece) => piece !== "");
}

function joined(stretches: readonly Stretch[], behavior: SplitBehavior): readonly string[] {
  if (behavior === "Isolated") return stretches.map(({ text }) => text);
  if (behavior === "Removed")
    return stretches.flatMap(({ text, isMatch }) => (isMatch ? [] : [text]));
  if (behavior === "Contiguous")
    return merged(stretches, ({ isMatch }, previous) => isMatch === previous);
  const joins = ({ isMatch }: Stretch, previous: boolean): boolean => isMatch && !previous;
  return behavior === "MergedWithPrevious"
    ? merged(stretches, joins)
    : merged(stretches.toReversed(), joins, true);
}

function merged(
  stretches: readonly Stretch[],
  joins: (stretch: Stretch, previousIsMatch: boolean) => boolean,
  isReversed = false,
): readonly string[] {
  const pieces: string[] = [];
  let previousIsMatch = false;
  for (const stretch of stretches) {
    const last = pieces.at(-1);
    if (last !== undefined && joins(stretch, previousIsMatch))
      pieces[pieces.length - 1] = isReversed ? stretch.text + last : last + stretch.text;
    else pieces.push(stretch.text);
    previousIsMatch = stretch.isMatch;
  }
  return isReversed ? pieces.toReversed() : pieces;
}
