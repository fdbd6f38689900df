import { isRecord } from "../../model/config/fields.ts";
import { isBoxedNumber } from "./python-json.ts";
import type { ChatMessage, TemplateVariables } from "./message.ts";

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
    // A float that is whole (`parsePythonJson`).
    if (isBoxedNumber(value)) return value;
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
