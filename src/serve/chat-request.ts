import { isRecord } from "../model/config/fields.ts";
import type { ChatMessage } from "../runtime/chat/message.ts";
import type { ChatPrompts } from "../session/chat-prompt.ts";
import { readSettings, MAX_TOP_LOGPROBS, type AnswerSettings } from "./answer-settings.ts";
import { Fields } from "./fields.ts";
import { Problem } from "./problem.ts";
import { roomFor, type ServedModel } from "./served-model.ts";

export interface ChatRequest extends AnswerSettings {
  readonly prompt: readonly number[];
  readonly maxNewTokens: number;
  /** Likeliest tokens to tell of each; undefined for no logprobs. */
  readonly topLogprobs: number | undefined;
  readonly stopIds: readonly number[];
}

/** Reads the body of POST /v1/chat/completions, but for `model`. @throws Problem 400. */
export function readChatRequest(fields: Fields, model: ServedModel, limit: number): ChatRequest {
  const chat = chatOf(model);
  const settings = readSettings(fields);
  const wantsLogprobs = fields.flag("logprobs");
  const top = fields.whole("top_logprobs", 0, MAX_TOP_LOGPROBS);
  if (top !== undefined && !wantsLogprobs)
    throw new Problem(400, "top_logprobs: only together with logprobs", {
      param: "top_logprobs",
      code: "invalid_value",
    });
  const newest = fields.whole("max_completion_tokens", 1, limit);
  const asked = newest ?? fields.whole("max_tokens", 1, limit);
  fields.ignore("max_tokens", "parallel_tool_calls");
  for (const name of ["tools", "functions"])
    fields.refuse(name, isEmptyList, "tools are not supported");
  for (const name of ["tool_choice", "function_call"])
    fields.refuse(name, (value) => value === "none", "tools are not supported");
  fields.refuse("response_format", isPlainText, "only answers of plain text are supported");
  fields.refuse("modalities", isTextOnly, "only text is supported");
  const messages = readMessages(fields);
  fields.refuseOthers();
  const prompt = chat.encode(messages);
  return {
    ...settings,
    prompt,
    maxNewTokens: roomFor(model, prompt.length, asked, limit),
    topLogprobs: wantsLogprobs ? (top ?? 0) : undefined,
    stop: [...chat.template.stopStrings, ...settings.stop],
    stopIds: [...model.generator.stopIds, ...chat.stopIds],
  };
}

function chatOf(model: ServedModel): ChatPrompts {
  if (model.chat !== undefined) return model.chat;
  throw new Problem(
    400,
    `${model.id}: ${model.whyNoChat}; use /v1/completions, or start the server with --template`,
    { param: "model", code: "no_chat_template" },
  );
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function isPlainText(value: unknown): boolean {
  return isRecord(value) && value["type"] === "text";
}

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.length === 1 && value[0] === "text";
}

function readMessages(fields: Fields): readonly ChatMessage[] {
  const value = fields.any("messages");
  if (!Array.isArray(value) || value.length === 0)
    throw fields.wrong("messages", "a list of at least one message", value);
  return value.map((entry: unknown, index) => readMessage(new Fields(entry), `messages[${index}]`));
}

/** OpenAI's newer word for the system is "developer". */
const ROLES: ReadonlyMap<unknown, ChatMessage["role"]> = new Map([
  ["system", "system"],
  ["developer", "system"],
  ["user", "user"],
  ["assistant", "assistant"],
]);

function readMessage(message: Fields, where: string): ChatMessage {
  const given = message.any("role");
  const role = ROLES.get(given);
  if (role === undefined)
    throw message.wrong(`${where}.role`, "system, developer, user or assistant", given);
  const content = readContent(message.any("content"), message, `${where}.content`);
  // What an answer of ours holds beside its content, when a client sends it back.
  for (const name of ["refusal", "annotations", "audio", "tool_calls", "function_call"])
    message.refuse(name, isEmptyList, "only text is supported");
  message.refuseOthers();
  return { role, content };
}

function readContent(value: unknown, message: Fields, where: string): string {
  if (typeof value === "string") return value;
  const parts: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  return parts
    .map((part) => {
      const isText = isRecord(part) && part["type"] === "text";
      const text = isText ? part["text"] : undefined;
      if (typeof text === "string") return text;
      throw message.wrong(where, "a text, or parts of type text", value);
    })
    .join("");
}
