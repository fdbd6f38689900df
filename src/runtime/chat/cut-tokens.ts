import { isRecord } from "../../model/config/fields.ts";
import type { ChatMessage, TemplateVariables } from "./message.ts";

/** Where the marker of a cut may stand: Unicode's private use area. */
const PRIVATE_USE_BEGIN = 0xe000;
const PRIVATE_USE_END = 0xf8ff;

/** Puts `marker` behind the first character of every token in the text, also where two overlap. */
export function cutTokens(text: string, tokens: readonly string[], marker: string): string {
  const cuts = new Set<number>();
  for (const token of tokens) {
    for (let begin = text.indexOf(token); begin >= 0; begin = text.indexOf(token, begin + 1))
      cuts.add(begin + 1);
  }
  let result = "";
  let position = 0;
  for (const cut of [...cuts].sort((left, right) => left - right)) {
    result += text.slice(position, cut) + marker;
    position = cut;
  }
  return result + text.slice(position);
}

/** What goes into a template. */
interface Said {
  readonly messages: readonly ChatMessage[];
  readonly variables: TemplateVariables;
}

/** The same with every text changed but roles and keys. */
export function changeTexts(
  { messages, variables }: Said,
  change: (text: string) => string,
): Said & { readonly isChanged: boolean } {
  let isChanged = false;
  const onText = (text: string): string => {
    const changed = change(text);
    isChanged ||= changed !== text;
    return changed;
  };
  const onValue = (value: unknown): unknown => {
    if (typeof value === "string") return onText(value);
    if (Array.isArray(value)) return value.map(onValue);
    return isRecord(value) ? onRecord(value) : value;
  };
  const onRecord = (record: TemplateVariables): TemplateVariables =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, onValue(value)]));
  const changed = {
    messages: messages.map(({ role, content, fields }) => ({
      role,
      content: onText(content),
      ...(fields === undefined ? {} : { fields: onRecord(fields) }),
    })),
    variables: onRecord(variables),
  };
  return { ...changed, isChanged };
}

/** A character that the text does not have; a run of them that is longer than the text where it has all. */
export function privateCharacter(text: string): string {
  for (let code = PRIVATE_USE_BEGIN; code <= PRIVATE_USE_END; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) return character;
  }
  return String.fromCharCode(PRIVATE_USE_BEGIN).repeat(text.length + 1);
}
