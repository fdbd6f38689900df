import { isRecord } from "../model/config/fields.ts";
import type { ChatMessage, TemplateVariables } from "../runtime/chat/message.ts";
import { readSettings, stopIdsOf } from "./answer-settings.ts";
import {
  chatOf,
  endsOf,
  isEmptyList,
  isMedium,
  isPlainText,
  ownLimit,
  ROLES,
  type ChatRequest,
} from "./chat-request.ts";
import { Fields } from "./fields.ts";
import { solidUnits } from "./prompt-length.ts";
import { roomFor, type ServedModel } from "./served-model.ts";

export interface ResponseRequest extends ChatRequest {
  readonly instructions: string | null;
  /** As the request says it. */
  readonly maxOutputTokens: number | null;
  readonly metadata: unknown;
}

/** Reads the body of POST /v1/responses, but for `model`: text in, text out. @throws Problem 400. */
export async function readResponseRequest(
  fields: Fields,
  model: ServedModel,
  limit: number,
): Promise<ResponseRequest> {
  const chat = chatOf(model);
  const metadata = fields.any("metadata") ?? {};
  const settings = readSettings(fields, model.facts);
  const instructions = fields.text("instructions");
  const asked = fields.whole("max_output_tokens", 1, limit);
  refuseUnsupported(fields);
  const told =
    instructions === undefined ? [] : [{ role: "system" as const, content: instructions }];
  const messages = [...told, ...readInput(fields)];
  const variables = readReasoning(fields);
  fields.ignore("parallel_tool_calls", "max_tool_calls");
  fields.refuseOthers();
  model.checkLength(
    messages.reduce((sum, { content }) => sum + solidUnits(content), 0),
    "input",
  );
  const prompt = await model.encoder.chat(messages, variables);
  return {
    ...settings,
    prompt,
    maxNewTokens: roomFor(model, prompt.length, asked, ownLimit(model, prompt.length, limit)),
    topLogprobs: undefined,
    tokensAsIds: false,
    stop: [...chat.template.stopStrings, ...settings.stop],
    stopIds: stopIdsOf(settings, endsOf(model, chat)),
    instructions: instructions ?? null,
    maxOutputTokens: asked ?? null,
    metadata,
  };
}

function refuseUnsupported(fields: Fields): void {
  fields.refuse("n", (value) => value === 1, "a response has one answer");
  fields.refuse("tools", isEmptyList, "tools are not supported");
  fields.refuse(
    "tool_choice",
    (value) => value === "none" || value === "auto",
    "tools are not supported",
  );
  fields.refuse("include", isEmptyList, "nothing more can be told");
  fields.refuse("background", (value) => value === false, "a response is answered at once");
  fields.refuse("truncation", (value) => value === "disabled", "input is never cut");
  fields.refuse("top_logprobs", (value) => value === 0, "ask /v1/chat/completions for logprobs");
  for (const name of ["previous_response_id", "conversation"])
    fields.refuse(
      name,
      () => false,
      "responses are not kept: send all of the conversation as input",
    );
  fields.refuse("prompt", () => false, "there are no stored prompts");
  const text = fields.object("text");
  text?.refuse("format", isPlainText, "only answers of plain text are supported");
  text?.refuse("verbosity", isMedium, "models are not told how much to say");
  text?.refuseOthers();
}

/** What a Jinja template is told of how to reason, as by `reasoning_effort` of a chat. */
function readReasoning(fields: Fields): TemplateVariables {
  const reasoning = fields.object("reasoning");
  const effort = reasoning?.text("effort");
  for (const name of ["summary", "generate_summary"])
    reasoning?.refuse(name, () => false, "reasoning is not summed up");
  reasoning?.refuseOthers();
  return effort === undefined ? {} : { reasoning_effort: effort };
}

/** A text of the user's, or messages. */
function readInput(fields: Fields): readonly ChatMessage[] {
  const value = fields.any("input");
  if (typeof value === "string") return [{ role: "user", content: value }];
  if (!Array.isArray(value) || value.length === 0)
    throw fields.wrong("input", "a text, or a list of at least one message", value);
  return value.map((entry: unknown, index) => readItem(new Fields(entry), `input[${index}]`));
}

function readItem(item: Fields, where: string): ChatMessage {
  const type = item.any("type") ?? "message";
  if (type !== "message")
    throw item.wrong(`${where}.type`, "message: only text is supported", type);
  const given = item.any("role");
  const role = ROLES.get(given);
  if (role === undefined || role === "tool")
    throw item.wrong(`${where}.role`, "system, developer, user or assistant", given);
  const content = readParts(item.any("content"), item, `${where}.content`);
  // Of an earlier answer that is sent again.
  item.ignore("id", "status");
  item.refuseOthers();
  return { role, content };
}

function readParts(value: unknown, item: Fields, where: string): string {
  if (typeof value === "string") return value;
  const parts: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  return parts
    .map((part) => {
      const isText =
        isRecord(part) && (part["type"] === "input_text" || part["type"] === "output_text");
      const text = isText ? part["text"] : undefined;
      if (typeof text === "string") return text;
      throw item.wrong(where, "a text, or parts of type input_text or output_text", value);
    })
    .join("");
}
