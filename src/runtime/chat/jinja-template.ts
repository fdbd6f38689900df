import { Template } from "@huggingface/jinja";
import { WbError } from "../../errors/wb-error.ts";
import type { ChatTemplate } from "./message.ts";

/**
 * A template from tokenizer_config.json's `chat_template`, rendered as transformers' `apply_chat_template` does with
 * `add_generation_prompt`.
 * @throws WbError WB3805 when the source is no Jinja; `render` throws WB2802 when the template refuses a conversation.
 */
export function jinjaTemplate(
  source: string,
  special: { readonly bos: string; readonly eos: string },
  path: string,
): ChatTemplate {
  const template = parse(source, path);
  return {
    name: "jinja",
    render: (messages) => {
      try {
        return template.render({
          messages: messages.map(({ role, content }) => ({ role, content })),
          add_generation_prompt: true,
          bos_token: special.bos,
          eos_token: special.eos,
        });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new WbError("WB2802", `${path}: chat_template refused the conversation: ${reason}`, {
          cause: error,
        });
      }
    },
    stopTokens: [],
    stopStrings: [],
    spellsBos: special.bos !== "" && source.includes("bos_token"),
  };
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
