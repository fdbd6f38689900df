import { isRecord } from "../../../model/config/fields.ts";
import type { JsonPart } from "./json-part.ts";

/** Ids that are put before and behind those of a text. */
export interface Surroundings {
  readonly before: readonly number[];
  readonly behind: readonly number[];
}

/** What a post-processor puts around a single text. @throws WbError WB3802, WB4801. */
export function readPostProcessor(part: JsonPart): Surroundings {
  const type = part.text("type");
  switch (type) {
    case "ByteLevel": // moves offsets only
      return { before: [], behind: [] };
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [pairId(part, "cls")], behind: [pairId(part, "sep")] };
    case "TemplateProcessing":
      return template(part);
    case "Sequence":
      return sequence(part);
    default:
      throw part.unsupported(`the post-processor "${type}"`);
  }
}

function sequence(part: JsonPart): Surroundings {
  let all: Surroundings = { before: [], behind: [] };
  let isParted = false;
  for (const step of part.parts("processors")) {
    const outer = readPostProcessor(step);
    const type = step.text("type");
    // A template leaves its tokens and the text as texts of their own, which what follows takes for several.
    if (isParted && type !== "ByteLevel")
      throw step.unsupported("a post-processor behind a template with tokens");
    const count = outer.before.length + outer.behind.length;
    isParted ||= count > 0 && (type === "TemplateProcessing" || type === "Sequence");
    all = {
      before: [...outer.before, ...all.before],
      behind: [...all.behind, ...outer.behind],
    };
  }
  return all;
}

/** `["[CLS]", 101]`. */
function pairId(part: JsonPart, key: string): number {
  const id = part.list(key)[1];
  if (typeof id === "number" && Number.isSafeInteger(id) && id >= 0) return id;
  throw part.problem(key, "a token and its id");
}

function template(part: JsonPart): Surroundings {
  const before: number[] = [];
  const behind: number[] = [];
  let hasText = false;
  for (const item of part.parts("single")) {
    const special = item.optional("SpecialToken");
    if (special !== undefined) {
      (hasText ? behind : before).push(...idsOf(part, special.text("id")));
      continue;
    }
    if (hasText || item.part("Sequence").text("id") !== "A")
      throw part.unsupported("a template that does not have the text once");
    hasText = true;
  }
  if (!hasText) throw part.unsupported("a template without the text");
  return { before, behind };
}

function idsOf(part: JsonPart, name: string): readonly number[] {
  const entry = part.part("special_tokens").raw[name];
  const ids: unknown = isRecord(entry) ? entry["ids"] : undefined;
  const list: readonly unknown[] = Array.isArray(ids) ? ids : [];
  const numbers = list.filter((id): id is number => Number.isSafeInteger(id));
  if (numbers.length > 0 && numbers.length === list.length) return numbers;
  throw part.problem("special_tokens", `ids of "${name}"`);
}
