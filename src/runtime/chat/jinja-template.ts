import { WbError } from "../../errors/wb-error.ts";
import type { BudgetLimits } from "./jinja/budget.ts";
import { JinjaError } from "./jinja/problem.ts";
import { parseJinja } from "./jinja/template.ts";
import type { ChatMessage, ChatTemplate, TemplateVariables } from "./message.ts";

/**
 * A template from tokenizer_config.json's `chat_template`, rendered as transformers' `apply_chat_template` does with
 * `add_generation_prompt`; the tokenizer then adds nothing of its own.
 * @param special Texts of the special tokens, `bos_token` and so on.
 * @param limits What one rendering may take.
 * @throws WbError WB3805 when the source is no Jinja, WB4802 for what is not supported; `render` throws WB2802 when the template
 * refuses a conversation, WB4802, and WB5801 when it takes more than its budget.
 */
export function jinjaTemplate(
  name: string,
  source: string,
  special: Readonly<Record<string, string>>,
  path: string,
  limits?: BudgetLimits,
): ChatTemplate {
  const template = asWbError(path, () => parseJinja(source));
  return {
    name,
    render: (messages, variables) =>
      asWbError(path, () => template.render(variablesOf(messages, special, variables), { limits })),
    stopTokens: [],
    stopStrings: [],
    addsSpecialTokens: false,
    sampling: {},
    trimsAnswers: false,
  };
}

function variablesOf(
  messages: readonly ChatMessage[],
  special: Readonly<Record<string, string>>,
  variables: TemplateVariables = {},
): Readonly<Record<string, unknown>> {
  return {
    ...special,
    tools: null,
    documents: null,
    add_generation_prompt: true,
    ...variables,
    messages: messages.map(({ role, content, fields }) => ({ role, content, ...fields })),
  };
}

function asWbError<Result>(path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof JinjaError)) throw error;
    const { message, problem } = error;
    const options = { details: { path }, cause: error };
    switch (problem) {
      case "syntax":
        throw new WbError(
          "WB3805",
          `${path}: chat_template is not valid Jinja: ${message}`,
          options,
        );
      case "failed":
        throw new WbError(
          "WB2802",
          `${path}: chat_template refused the conversation: ${message}`,
          options,
        );
      case "unsupported":
        throw new WbError("WB4802", `${path}: chat_template: ${message}`, options);
      default:
        throw new WbError("WB5801", `${path}: chat_template ${message}`, options);
    }
  }
}
