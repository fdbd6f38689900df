import { WbError } from "../errors/wb-error.ts";
import { nearestName } from "../model/nearest.ts";
import { checkChoice, sizeOf, wrongValue } from "./values.ts";

/** What an option of a function may be. */
export type Rule =
  | { readonly kind: "choice"; readonly values: readonly string[] }
  | { readonly kind: "object"; readonly rules: Rules }
  | { readonly kind: keyof typeof SIMPLE };

/** Rules by the option's name. */
export type Rules = Readonly<Record<string, Rule>>;

/** A rule for each option that a function has: one that is added without is a type error. */
export type RulesFor<Options> = { readonly [Name in keyof Required<Options>]: Rule };

const isFiniteNumber = (value: unknown): boolean =>
  typeof value === "number" && Number.isFinite(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isListOf =
  (is: (item: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(is);
const isText = (value: unknown): boolean => typeof value === "string";

/** The rules that need no more than a name: what is expected, and whether a value is. */
const SIMPLE = {
  flag: ["true or false", (value: unknown) => typeof value === "boolean"],
  text: ["a text", (value: unknown) => isText(value) && value !== ""],
  anyText: ["a text", isText],
  texts: ["a list of texts", isListOf(isText)],
  number: ["a number", isFiniteNumber],
  count: ["a whole number of at least 0", isCount],
  ids: ["a list of token ids", isListOf(isCount)],
  size: ["a size such as 4GiB", () => true],
  prompts: ["a list of prompts", Array.isArray],
  positions: [
    '"all", "last" or a list of positions',
    (value: unknown) =>
      value === "all" || value === "last" || isListOf(Number.isSafeInteger)(value),
  ],
  function: ["a function", (value: unknown) => typeof value === "function"],
  signal: ["an AbortSignal", (value: unknown) => value instanceof AbortSignal],
  part: [
    "a part {index, of}, counted from 1",
    (value: unknown) => {
      if (!isRecord(value) || !isCount(value["index"]) || !isCount(value["of"])) return false;
      return Number(value["index"]) >= 1 && Number(value["index"]) <= Number(value["of"]);
    },
  ],
  conversations: [
    "a list of conversations, each a list of { role, content }",
    isListOf(isListOf((turn) => isRecord(turn) && isText(turn["role"]))),
  ],
} as const satisfies Readonly<Record<string, readonly [string, (value: unknown) => boolean]>>;

/**
 * Checks what a caller gives a function, with the messages of the command line: an option that there is not is named, with the
 * nearest that there is; a value that cannot be says what was expected.
 * @param callee "convert".
 * @throws WbError WB2001.
 */
export function checkOptions(callee: string, options: unknown, rules: Rules, prefix = ""): void {
  if (options === undefined) return;
  if (!isRecord(options)) throw wrongValue(`${callee}: options`, "an object", options);
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw unknownOption(callee, `${prefix}${name}`, Object.keys(rules));
    if (value !== undefined) checkValue(callee, `${prefix}${name}`, value, rule);
  }
}

/** @throws WbError WB2001 for a place that is no text. */
export function checkPath(callee: string, name: string, path: unknown): void {
  if (typeof path !== "string" || path === "")
    throw wrongValue(`${callee}: ${name}`, "the path of a file or folder", path);
}

function unknownOption(callee: string, name: string, names: readonly string[]): WbError {
  const near = nearestName(name, names);
  return new WbError(
    "WB2001",
    `${callee} has no option ${name}${near === undefined ? "" : `; did you mean ${near}?`}`,
    { hint: `It has ${names.join(", ")}.`, details: { option: name, near: near ?? null } },
  );
}

function checkValue(callee: string, name: string, value: unknown, rule: Rule): void {
  switch (rule.kind) {
    case "choice":
      checkChoice(name, value, rule.values);
      return;
    case "object":
      checkOptions(callee, value, rule.rules, `${name}.`);
      return;
    case "size":
      sizeOf(name, value);
      return;
    default: {
      const [expected, is] = SIMPLE[rule.kind];
      if (!is(value)) throw wrongValue(name, expected, value);
      if (rule.kind === "prompts" && Array.isArray(value)) checkPrompts(name, value);
    }
  }
}

function checkPrompts(name: string, prompts: readonly unknown[]): void {
  for (const [index, prompt] of prompts.entries()) {
    const fields = isRecord(prompt) ? prompt : {};
    const isRight =
      (fields["kind"] === "text" && isText(fields["text"])) ||
      (fields["kind"] === "ids" && isListOf(isCount)(fields["ids"]));
    if (!isRight)
      throw wrongValue(
        `${name}[${index}]`,
        '{ kind: "text", text } or { kind: "ids", ids }',
        prompt,
      );
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
