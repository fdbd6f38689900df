import { isRecord } from "../model/config/fields.ts";
import type { ChatMessage, TemplateVariables } from "../runtime/chat/message.ts";
import { isBoxedNumber, parsePythonJson } from "../runtime/chat/python-json.ts";
import { CHAT_TEMPLATES } from "../runtime/chat/templates.ts";
import type { ChatPrompts } from "../session/chat-prompt.ts";
import {
  readSettings,
  MAX_TOP_LOGPROBS,
  stopIdsOf,
  type AnswerSettings,
} from "./answer-settings.ts";
import { Fields } from "./fields.ts";
import { Problem } from "./problem.ts";
import { solidUnits } from "./prompt-length.ts";
import { roomFor, type ServedModel } from "./served-model.ts";

export interface ChatRequest extends AnswerSettings {
  readonly prompt: readonly number[];
  readonly maxNewTokens: number;
  /** Likeliest tokens to tell of each; undefined for no logprobs. */
  readonly topLogprobs: number | undefined;
  readonly stopIds: readonly number[];
  /** As of a completion. */
  readonly tokensAsIds: boolean;
}

/** Reads the body of POST /v1/chat/completions, but for `model`. @throws Problem 400. */
export async function readChatRequest(
  fields: Fields,
  model: ServedModel,
  limit: number,
): Promise<ChatRequest> {
  const chat = chatOf(model);
  const settings = readSettings(fields, model.facts);
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
    fields.refuse(name, (value) => value === "none" || value === "auto", "tools are not supported");
  fields.refuse("response_format", isPlainText, "only answers of plain text are supported");
  fields.refuse("modalities", isTextOnly, "only text is supported");
  for (const name of ["audio", "prediction", "web_search_options"])
    fields.refuse(name, () => false, "only text is supported, and nothing is looked up");
  fields.refuse("verbosity", isMedium, "models are not told how much to say");
  readPromptEnd(fields);
  const tokensAsIds = fields.flag("return_tokens_as_token_ids");
  const messages = readMessages(fields);
  const variables = readVariables(fields);
  fields.refuseOthers();
  refuseForBuiltIn(messages, variables, chat.template.name);
  model.checkLength(
    messages.reduce((sum, { content }) => sum + solidUnits(content), 0),
    "messages",
  );
  const prompt = await model.encoder.chat(messages, variables);
  return {
    ...settings,
    prompt,
    maxNewTokens: roomFor(model, prompt.length, asked, ownLimit(model, prompt.length, limit)),
    topLogprobs: wantsLogprobs ? (top ?? 0) : undefined,
    stop: [...chat.template.stopStrings, ...settings.stop],
    stopIds: stopIdsOf(settings, endsOf(model, chat)),
    tokensAsIds,
  };
}

/** New tokens at most where a request does not say: of generation_config.json, if it says so. */
export function ownLimit({ facts }: ServedModel, promptTokens: number, limit: number): number {
  const { maxNewTokens, maxLength } = facts.defaults;
  const inAll = maxLength === undefined ? 0 : maxLength - promptTokens;
  return Math.min(limit, maxNewTokens ?? (inAll >= 1 ? inAll : limit));
}

export function chatOf(model: ServedModel): ChatPrompts {
  if (model.chat !== undefined) return model.chat;
  throw new Problem(
    400,
    `${model.id}: ${model.whyNoChat}; use /v1/completions, or start the server with --template`,
    { param: "model", code: "no_chat_template" },
  );
}

export function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** OpenAI's own setting of how much to say. */
export const isMedium = (value: unknown): boolean => value === "medium";

/** vLLM's fields on how the rendered conversation ends, with the values that a chat has here. */
function readPromptEnd(fields: Fields): void {
  fields.refuse("echo", (value) => value === false, "an answer never repeats the conversation");
  fields.refuse(
    "add_generation_prompt",
    (value) => value === true,
    "an answer begins where the template lets the assistant speak",
  );
  refuseContinued(fields);
  fields.refuse("chat_template", () => false, "the server's own template is used: see --template");
  fields.refuse("documents", isEmptyList, "documents are not supported");
  for (const name of ["mm_processor_kwargs", "media_io_kwargs"])
    fields.refuse(name, () => false, "only text is supported");
  fields.refuse(
    "return_prompt_text",
    (value) => value === false,
    "only tokens are told of: use return_token_ids, and /detokenize",
  );
  fields.refuse("include_reasoning", (value) => value === true, "answers are told whole");
}

/** What neither a chat nor its tokens can have. */
export function refuseContinued(fields: Fields): void {
  fields.refuse(
    "continue_final_message",
    (value) => value === false,
    "the assistant's own last turn is not gone on with",
  );
  fields.refuse(
    "add_special_tokens",
    (value) => value === false,
    "special tokens of a chat are the template's",
  );
}

export function isPlainText(value: unknown): boolean {
  return isRecord(value) && value["type"] === "text";
}

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.length === 1 && value[0] === "text";
}

export function readMessages(fields: Fields): readonly ChatMessage[] {
  const value = fields.exactly("messages");
  if (!Array.isArray(value) || value.length === 0)
    throw fields.wrong("messages", "a list of at least one message", value);
  return value.map((entry: unknown, index) => readMessage(new Fields(entry), `messages[${index}]`));
}

/** OpenAI's newer word for the system is "developer". */
export const ROLES: ReadonlyMap<unknown, ChatMessage["role"]> = new Map([
  ["system", "system"],
  ["developer", "system"],
  ["user", "user"],
  ["assistant", "assistant"],
  ["tool", "tool"],
]);

function readMessage(message: Fields, where: string): ChatMessage {
  const given = message.any("role");
  const role = ROLES.get(given);
  if (role === undefined)
    throw message.wrong(`${where}.role`, "system, developer, user, assistant or tool", given);
  const calls = readToolCalls(message, `${where}.tool_calls`);
  // Fields takes null as not given: a turn that only calls tools has no content.
  const hasContent = message.has("content") || calls === undefined;
  const content = hasContent
    ? readContent(message.any("content"), message, `${where}.content`)
    : "";
  for (const name of ["refusal", "annotations", "audio", "function_call"])
    message.refuse(name, isEmptyList, "only text is supported");
  const fields: Record<string, unknown> = hasContent ? {} : { content: null };
  for (const name of ["name", "tool_call_id"]) {
    const text = message.text(name);
    if (text !== undefined) fields[name] = text;
  }
  // vLLM's newer word; templates know the older.
  const reasoning = message.text("reasoning") ?? message.text("reasoning_content");
  message.ignore("reasoning_content");
  if (reasoning !== undefined) fields["reasoning_content"] = reasoning;
  if (calls !== undefined) fields["tool_calls"] = calls;
  message.refuseOthers();
  return Object.keys(fields).length === 0 ? { role, content } : { role, content, fields };
}

/** Calls of an earlier turn, with their arguments as objects, as templates want them. */
function readToolCalls(message: Fields, where: string): readonly unknown[] | undefined {
  const value = message.any("tool_calls");
  if (value === undefined || isEmptyList(value)) return undefined;
  if (!Array.isArray(value)) throw message.wrong(where, "a list of calls", value);
  return value.map((call: unknown) => {
    const called = isRecord(call) ? call["function"] : undefined;
    if (!isRecord(call) || !isRecord(called) || typeof called["name"] !== "string")
      throw message.wrong(where, "calls of functions, each with its name", value);
    const given = parsedArguments(called["arguments"]);
    if (given === undefined)
      throw message.wrong(where, "arguments that are an object, or a text of JSON", value);
    return { ...call, function: { ...called, arguments: given } };
  });
}

/** As vLLM takes them: nothing is an object without fields. Undefined where they are neither an object nor JSON. */
function parsedArguments(value: unknown): unknown {
  if (value === undefined || value === null || value === "") return {};
  if (typeof value !== "string")
    return typeof value === "object" && !isBoxedNumber(value) ? value : undefined;
  try {
    return parsePythonJson(value);
  } catch {
    return undefined;
  }
}

/** What a Jinja template is told beside the messages. */
export function readVariables(fields: Fields): TemplateVariables {
  const value = fields.any("chat_template_kwargs");
  if (value !== undefined && !isRecord(value))
    throw fields.wrong("chat_template_kwargs", "an object", value);
  const effort = fields.text("reasoning_effort");
  const exact = fields.exactly("chat_template_kwargs");
  const own = isRecord(exact) ? exact : {};
  for (const name of ["messages", "tools", "documents"])
    if (Object.hasOwn(own, name))
      throw fields.wrong("chat_template_kwargs", `an object without ${name}`, value);
  return effort === undefined ? own : { reasoning_effort: effort, ...own };
}

/** Built-in templates know roles and contents alone: what is beyond that would be lost without a word. */
export function refuseForBuiltIn(
  messages: readonly ChatMessage[],
  variables: TemplateVariables,
  template: string,
): void {
  if (!CHAT_TEMPLATES.has(template)) return;
  const hasCalls = messages.some(
    ({ role, fields }) => role === "tool" || fields?.["tool_calls"] !== undefined,
  );
  const variable = Object.keys(variables).find((name) => name !== "reasoning_effort");
  if (!hasCalls && variable === undefined) return;
  const what = hasCalls ? "calls of tools" : variable;
  throw new Problem(400, `template ${template} has no place for ${what}`, {
    param: hasCalls ? "messages" : "chat_template_kwargs",
    code: "unsupported_parameter",
  });
}

/** Ids that end an answer: the model's, the template's, and the tokenizer's own, which the template writes behind answers. */
export function endsOf({ facts }: ServedModel, chat: ChatPrompts): readonly number[] {
  const { eosId } = chat.tokenizer.settings;
  return [...new Set([...facts.stopIds, ...chat.stopIds, ...(eosId === undefined ? [] : [eosId])])];
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
