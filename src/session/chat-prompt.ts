import { MANIFEST, ORIGINAL_CONFIG } from "../mapping/converted-folder.ts";
import { join } from "node:path";
import { modelHome } from "../formats/model-home.ts";
import { readSmall } from "../sources/places.ts";
import { isRecord, parseRawConfig, type RawConfig } from "../model/config/fields.ts";
import { chooseTemplate, type ChosenTemplate } from "../runtime/chat/choose-template.ts";
import { encodeChat } from "../runtime/chat/encode-chat.ts";
import type { ChatMessage, TemplateVariables } from "../runtime/chat/message.ts";
import { refuseEncoderBy } from "./refuse-encoder.ts";
import { openTokenizer, type Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import type { TokenizerForm } from "../runtime/tokenizer/tokenizer-form.ts";

export interface ChatPromptOptions {
  /** Name of a template; told from the model when left out. */
  readonly template?: string | undefined;
  /** Which class LLaMA's SentencePiece model is read as. */
  readonly tokenizer?: TokenizerForm | undefined;
  /** Lets control tokens that messages spell out take effect; otherwise they are ordinary text. */
  readonly allowControlTokens?: boolean | undefined;
}

/** How conversations with one model are written as token ids. */
export interface ChatPrompts extends ChosenTemplate {
  readonly tokenizer: Tokenizer;
  /** @throws WbError WB2802 for a conversation that the template has no place for. */
  encode(messages: readonly ChatMessage[], variables?: TemplateVariables): readonly number[];
  /** Ids that end an answer, beside the model's own. */
  readonly stopIds: readonly number[];
}

/**
 * Opens a model's tokenizer and its chat template.
 * @param path A file of weights, an index or a model folder.
 * @throws WbError WB2803, WB3801–WB3805, WB4707.
 */
export async function openChatPrompts(
  path: string,
  options: ChatPromptOptions = {},
): Promise<ChatPrompts> {
  const folder = await modelHome(path);
  const own = await readJson(folder, "config.json");
  // What it is comes before what its folder lacks.
  if (own !== undefined) refuseEncoderBy(own, path);
  const tokenizer = await openTokenizer(folder, options.tokenizer);
  const config = (await readJson(folder, ORIGINAL_CONFIG)) ?? own;
  const sum = (await readJson(folder, MANIFEST))?.["sum"];
  const recipe = isRecord(sum) && typeof sum["recipe"] === "string" ? sum["recipe"] : undefined;
  const model = { folder, tokenizer, config: config ?? {}, recipe };
  const { template, why } = chooseTemplate(model, options.template);
  return {
    template,
    why,
    tokenizer,
    encode: (messages, variables) =>
      encodeChat(tokenizer, template, messages, {
        allowControlTokens: options.allowControlTokens,
        variables,
      }),
    stopIds: template.stopTokens.flatMap((token) => tokenizer.idOf(token) ?? []),
  };
}

/** Largest file beside weights that is read here, in bytes: a manifest of thousands of tensors has about 1 MB. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

async function readJson(folder: string, name: string): Promise<RawConfig | undefined> {
  const path = join(folder, name);
  const bytes = await readSmall(path, MAX_JSON_BYTES);
  return bytes === undefined
    ? undefined
    : parseRawConfig(Buffer.from(bytes).toString("utf8"), path);
}
