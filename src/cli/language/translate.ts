/**
 * English texts and what they are in another language. `{}` stands for what a message fills in; in the translation `{}` takes them in
 * the same order, `{2}` the second, and both copy it as it is: it is a name or a number. `{2*}` is a text of ours, translated too.
 */
export type Catalogue = readonly (readonly [english: string, translation: string])[];

/** Characters of its own that a template has at least: one that is nearly all filled in would fit anything. */
const LEAST_WORDS = 4;

/** Ends a place, or a sentence, which no name has. */
const ANOTHER_SENTENCE = /[:;] /;

/** Places that may stand before a message, one inside of another. */
const MOST_PLACES = 8;

/**
 * A function that translates a text that the catalogue has, with or without a place ("file: …") before it, line by line where it has
 * several. What the catalogue does not have stays in English: a sentence that is not understood is better than none.
 */
export function translator(catalogue: Catalogue): (text: string) => string {
  const fixed = new Map(catalogue.filter(([english]) => !english.includes("{}")));
  const templates = catalogue
    .filter(([english]) => english.includes("{}"))
    .map(([english, translation]) => ({
      literals: english.split("{}"),
      translation,
      own: ownWords(english),
      // What is said behind another sentence ends that one, which may end with a name.
      isBehind: english.startsWith("{}; "),
    }))
    .toSorted(
      (left, right) => Number(right.isBehind) - Number(left.isBehind) || right.own - left.own,
    );
  const whole = (text: string): string | undefined => {
    const known = fixed.get(text);
    if (known !== undefined) return known;
    for (const { literals, translation } of templates) {
      const values = valuesIn(text, literals);
      if (values !== undefined) return filled(translation, values, inner);
    }
    return undefined;
  };
  const inner = (text: string): string =>
    listed(text.split(", ").map(whole)) ?? translatedLine(text, whole);
  return (text) =>
    text
      .split("\n")
      .map((line) => translatedLine(line, whole))
      .join("\n");
}

function translatedLine(line: string, whole: (text: string) => string | undefined): string {
  const indent = /^\s*/.exec(line)?.[0] ?? "";
  const text = line.slice(indent.length);
  const found = whole(text);
  if (found !== undefined) return indent + found;
  // What stands before a colon is most often the place: a file, a tensor, an option. Further colons are in what is quoted.
  let at = text.indexOf(": ");
  for (let place = 0; place < MOST_PLACES && at > 0; place++, at = text.indexOf(": ", at + 1)) {
    const rest = whole(text.slice(at + 2));
    if (rest !== undefined) return `${indent}${text.slice(0, at)}：${rest}`;
  }
  return line;
}

/**
 * What is filled in, where the text is of this template. Each literal is looked for once, from the one before on: names and numbers of
 * strangers are in these texts, and a pattern that tries again could take forever.
 */
function valuesIn(text: string, literals: readonly string[]): readonly string[] | undefined {
  // Literals are what stands before, between and behind what is filled in.
  const [first = "", ...others] = literals;
  if (!text.startsWith(first)) return undefined;
  const values: string[] = [];
  let from = first.length;
  for (const [index, literal] of others.entries()) {
    const isLast = index === others.length - 1;
    const at = isLast ? text.length - literal.length : text.indexOf(literal, from);
    if (at < from || (isLast && !text.endsWith(literal))) return undefined;
    values.push(text.slice(from, at));
    from = at + literal.length;
  }
  // A template that begins with a name would else take the end of another sentence, and all before it for the name.
  return first === "" && ANOTHER_SENTENCE.test(values[0] ?? "") ? undefined : values;
}

/** Several texts of ours with commas between them, where each is known. */
function listed(parts: readonly (string | undefined)[]): string | undefined {
  const known = parts.filter((part) => part !== undefined);
  return known.length === parts.length ? known.join("，") : undefined;
}

function filled(
  translation: string,
  values: readonly string[],
  inner: (text: string) => string,
): string {
  let next = 0;
  return translation.replaceAll(/\{(\d*)(\*?)\}/g, (_, place: string, isOurs: string) => {
    const value = values[place === "" ? next++ : Number(place) - 1] ?? "";
    return isOurs === "" ? value : inner(value);
  });
}

/** How many characters of a template are its own. @throws RangeError Where there are so few that it would fit other texts. */
function ownWords(english: string): number {
  const own = english.replaceAll("{}", "").replaceAll(/[\s:,()]/g, "").length;
  if (own < LEAST_WORDS) throw new RangeError(`a template that fits anything: ${english}`);
  return own;
}
