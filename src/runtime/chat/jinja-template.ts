import { Template } from "@huggingface/jinja";
import { WbError } from "../../errors/wb-error.ts";
import type { ChatMessage, ChatTemplate } from "./message.ts";

/**
 * A template from tokenizer_config.json's `chat_template`, rendered as transformers' `apply_chat_template` does with
 * `add_generation_prompt`; the tokenizer then adds nothing of its own.
 * @param special Texts of the special tokens, `bos_token` and so on.
 * @throws WbError WB3805 when the source is no Jinja; `render` throws WB2802 when the template refuses a conversation.
 */
export function jinjaTemplate(
  name: string,
  source: string,
  special: Readonly<Record<string, string>>,
  path: string,
): ChatTemplate {
  const template = parse(source, path);
  return {
    name,
    render: (messages) => render(template, messages, special, path),
    stopTokens: [],
    stopStrings: [],
    addsSpecialTokens: false,
    sampling: {},
    trimsAnswers: false,
  };
}

function render(
  template: Template,
  messages: readonly ChatMessage[],
  special: Readonly<Record<string, string>>,
  path: string,
): string {
  try {
    return template.render({
      ...special,
      messages: messages.map(({ role, content }) => ({ role, content })),
      tools: null,
      documents: null,
      add_generation_prompt: true,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WbError("WB2802", `${path}: chat_template refused the conversation: ${reason}`, {
      cause: error,
    });
  }
}

function parse(source: string, path: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WbError("WB3805", `${path}: chat_template is not valid Jinja: ${reason}`, {
      cause: error,
    });
  }
}
