import type { LANGUAGES } from "../../options/choices.ts";

/** What messages, help and `explain` are written in; JSON is the same in every language. */
export type Language = (typeof LANGUAGES)[number];

/** Variables that name a language, the first that is set decides: ours, then those of POSIX in its order. */
const VARIABLES = ["WEIGHBRIDGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];

/** The language of --lang, else of the environment; English where neither says Chinese. */
export function languageOf(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Language {
  const given = optionOf(words);
  const name = given ?? VARIABLES.map((variable) => env[variable]).find(isSet) ?? "";
  return /^zh(?:[_.@-]|$)/i.test(name) ? "zh" : "en";
}

/** The value of --lang as it stands in the line: what the parser says of a wrong line is told in that language, too. */
function optionOf(words: readonly string[]): string | undefined {
  const at = words.findLastIndex((word) => word === "--lang" || word.startsWith("--lang="));
  const word = words[at];
  return word === "--lang" ? words[at + 1] : word?.slice("--lang=".length);
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
