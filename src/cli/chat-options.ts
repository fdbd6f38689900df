import type { Argv } from "yargs";
import type { ChatPromptOptions } from "../session/chat-prompt.ts";
import { flag, optionalString } from "./arguments.ts";
import type { Arguments } from "./command.ts";

/** The options of how a conversation is written for the model. */
export function withChatOptions(argv: Argv): Argv {
  return argv
    .option("system", {
      type: "string",
      describe: "what the model is told of itself; '' for nothing (default the template's own)",
    })
    .option("template", {
      type: "string",
      describe: "chat template: a built-in one or one of the tokenizer's, told from the model",
    })
    .option("allow-control-tokens", {
      type: "boolean",
      describe: "let control tokens in messages take effect; without it they are text",
    });
}

export function chatOptions(
  args: Arguments,
): ChatPromptOptions & { readonly system?: string | undefined } {
  return {
    system: args["system"] === "" ? "" : optionalString(args, "system"),
    template: optionalString(args, "template"),
    allowControlTokens: flag(args, "allow-control-tokens"),
  };
}
