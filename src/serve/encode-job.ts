import type { ChatMessage, TemplateVariables } from "../runtime/chat/message.ts";
import type { ChatPrompts } from "../session/chat-prompt.ts";
import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { WbError } from "../errors/wb-error.ts";

/** What is to be encoded. */
export type EncodeJob =
  | { readonly kind: "text"; readonly text: string; readonly isBare: boolean }
  | {
      readonly kind: "chat";
      readonly messages: readonly ChatMessage[];
      readonly variables: TemplateVariables;
    };

/** What encodes it. */
export interface EncodeModel {
  readonly tokenizer: Tokenizer;
  readonly chat: ChatPrompts | undefined;
}

/** @throws WbError of the tokenizer and the template. */
export function encodeJob({ tokenizer, chat }: EncodeModel, job: EncodeJob): readonly number[] {
  if (job.kind === "text") return tokenizer.encode(job.text, { addSpecialTokens: !job.isBare });
  if (chat === undefined) throw new WbError("WB2803", "no chat template is known for this model");
  return chat.encode(job.messages, job.variables);
}
