import type { Checked } from "./checked.ts";
import type { PromptTemplate, Turn } from "./task.ts";

/** A list of turns that a field holds. @throws WbError WB2921. */
export function turnsOf(fields: Checked, name: string): readonly Turn[] {
  return fields.list(name).map((item) => turnOf(fields, name, item));
}

function turnOf(fields: Checked, name: string, item: unknown): Turn {
  if (typeof item === "object" && item !== null && Object.keys(item).length === 1) {
    if ("human" in item && typeof item.human === "string") return { human: item.human };
    if ("bot" in item && typeof item.bot === "string") return { bot: item.bot };
  }
  throw fields.error(name, `turns such as {"human": "…"} and {"bot": "…"}`, item);
}

/** A text, or turns among which "{examples}" may stand. @throws WbError WB2921. */
export function promptOf(way: Checked): PromptTemplate {
  const value = way.raw("prompt");
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) throw way.error("prompt", "a text, or a list of turns", value);
  return way
    .list("prompt")
    .map((item) => (item === "{examples}" ? item : turnOf(way, "prompt", item)));
}
