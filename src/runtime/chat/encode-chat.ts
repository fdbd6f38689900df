import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { ChatMessage, ChatTemplate } from "./message.ts";

/** Where the marker of a cut may lie: Unicode's private use area. */
const PRIVATE_USE_BEGIN = 0xe000;
const PRIVATE_USE_END = 0xf8ff;

/**
 * Token ids of a conversation. Control tokens count where the template writes them; in the messages they are ordinary
 * text, so that nobody can end a turn or speak as the system by typing "<eoa>" or "</s>". `allowControlTokens` lifts that.
 *
 * Such a token is cut in two by a marker before the template is rendered, and the text is encoded piece by piece around
 * the markers, without a dummy prefix in its midst; text without control tokens is encoded in one go, exactly as transformers
 * does.
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  allowControlTokens = false,
): number[] {
  const prefix = template.addsSpecialTokens ? tokenizer.encode("") : [];
  const encodeText = (text: string, index: number): number[] =>
    tokenizer.encode(text, {
      addSpecialTokens: false,
      commandPieces: allowControlTokens,
      continues: index > 0,
    });
  if (allowControlTokens) return [...prefix, ...encodeText(template.render(messages), 0)];
  const marker = unusedCharacter(messages);
  const guarded = messages.map(({ role, content }) => ({
    role,
    content: cutControlTokens(content, controlTokens(tokenizer), marker),
  }));
  return [...prefix, ...template.render(guarded).split(marker).flatMap(encodeText)];
}

/** What may not take effect in a message: added tokens, control pieces, and user-defined pieces that show something. */
function controlTokens(tokenizer: Tokenizer): readonly string[] {
  const pieces = tokenizer.sentencePiece.model.pieces
    .filter(
      ({ type, text }) => type === "control" || (type === "user-defined" && text.trim().length > 1),
    )
    .map(({ text }) => text);
  return [...new Set([...pieces, ...tokenizer.settings.addedTokens.map(({ content }) => content)])];
}

/** Puts `marker` behind the first character of every control token in the text, also where two overlap. */
function cutControlTokens(text: string, tokens: readonly string[], marker: string): string {
  const cuts = new Set<number>();
  for (const token of tokens) {
    for (let begin = text.indexOf(token); begin >= 0; begin = text.indexOf(token, begin + 1))
      cuts.add(begin + 1);
  }
  let result = "";
  let position = 0;
  for (const cut of [...cuts].sort((left, right) => left - right)) {
    result += text.slice(position, cut) + marker;
    position = cut;
  }
  return result + text.slice(position);
}

function unusedCharacter(messages: readonly ChatMessage[]): string {
  for (let code = PRIVATE_USE_BEGIN; code <= PRIVATE_USE_END; code++) {
    const character = String.fromCharCode(code);
    if (!messages.some(({ content }) => content.includes(character))) return character;
  }
  // All 6,400 characters in one conversation: its cuts then count as text, and no marker is taken from it.
  return String.fromCharCode(PRIVATE_USE_BEGIN).repeat(
    messages.reduce((sum, { content }) => sum + content.length, 1),
  );
}
