import { WbError } from "../../errors/wb-error.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { changeTexts, cutTokens } from "./cut-tokens.ts";
import type { ChatMessage, ChatTemplate, TemplateVariables } from "./message.ts";
import { privateCharacter } from "./private-character.ts";
import { jsonTextOf } from "./python-json.ts";

/**
 * Token ids of a conversation. Control tokens count where the template writes them; in the messages they are ordinary
 * text, so that nobody can end a turn or speak as the system by typing "<eoa>" or "</s>". `allowControlTokens` lifts that.
 *
 * Such a token is cut in two by a marker before the template is rendered, and the text is encoded piece by piece around
 * the markers, without a dummy prefix in its midst; text without control tokens is encoded in one go, exactly as transformers
 * does.
 * @throws WbError WB2802 also where the template reads what the cut changes.
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  { allowControlTokens = false, variables = {} }: EncodeChatOptions = {},
): number[] {
  const prefix = template.addsSpecialTokens ? tokenizer.encode("") : [];
  const encodeText = (text: string, index: number): number[] =>
    tokenizer.encode(text, {
      addSpecialTokens: false,
      commandPieces: allowControlTokens,
      continues: index > 0,
    });
  const parts = allowControlTokens
    ? [template.render(messages, variables)]
    : renderGuarded(tokenizer, template, messages, variables);
  return [...prefix, ...parts.flatMap(encodeText)];
}

export interface EncodeChatOptions {
  /** Lets control tokens that messages spell out take effect. */
  readonly allowControlTokens?: boolean | undefined;
  /** For a Jinja template. */
  readonly variables?: TemplateVariables | undefined;
}

/** The prompt, cut where a message spells a control token. */
function renderGuarded(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  variables: TemplateVariables,
): readonly string[] {
  const plain = template.render(messages, variables);
  const said = { messages, variables };
  const marker = privateCharacter(jsonTextOf(said));
  // Tokens such as <think> are looked for by templates, and are no control tokens: those are cut where nothing reads them.
  for (const tokens of [controlTokens(tokenizer, true), controlTokens(tokenizer, false)]) {
    const cut = changeTexts(said, (text) => cutTokens(text, tokens, marker));
    if (!cut.isChanged) return [plain];
    const guarded = template.render(cut.messages, cut.variables);
    const parts = guarded.split(marker);
    if (parts.join("") === plain) return parts;
  }
  throw new WbError(
    "WB2802",
    "a message spells one of the model's control tokens, and the chat template reads it: its text and the token cannot be told apart",
  );
}

/**
 * What may not take effect in a message: added tokens, control pieces, and user-defined pieces that show something.
 * @param withOthers Also added tokens that are not special.
 */
function controlTokens(tokenizer: Tokenizer, withOthers: boolean): readonly string[] {
  const added = tokenizer.settings.addedTokens.filter(({ special }) => withOthers || special);
  const others = new Set(
    withOthers
      ? []
      : tokenizer.settings.addedTokens.flatMap(({ special, content }) =>
          special ? [] : [content],
        ),
  );
  return [...new Set([...tokenizer.controlPieces, ...added.map(({ content }) => content)])].filter(
    (content) => !others.has(content),
  );
}
