import { WbError } from "../../errors/wb-error.ts";
import { cleanUpTokenization } from "./clean-up.ts";
import { controlPieces, pieceBytes, undecidedBytes } from "./sentencepiece-pieces.ts";
import type { SentencePiece } from "./sentencepiece.ts";
import type { TokenizerSettings } from "./special-tokens.ts";
import { specialSplitter } from "./split-special.ts";
import type { DecodeOptions, EncodeOptions, Tokenizer } from "./tokenizer-interface.ts";

/** Tokens that have their ids behind SentencePiece's, in this order. */
const COMMANDS = ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop"] as const;

/** True for folders whose tokenizer is that of ChatGLM2 and ChatGLM3, or PaddleNLP's of ChatGLM2. */
export function isChatglm({ tokenizerClass }: TokenizerSettings): boolean {
  return /^ChatGLM(v2)?Tokenizer$/.test(tokenizerClass);
}

/**
 * ChatGLM2's tokenizer (THUDM/chatglm2-6b, tokenization_chatglm.py): [gMASK] and sop before every sequence, no
 * beginning-of-sequence id, padding with the unknown piece on the left. "</s>" and "<unk>" in a text are taken for the tokens;
 * "[gMASK]" and the other commands are text, since no text may begin a sequence anew. In decoding all of them vanish.
 */
export function chatglmTokenizer(
  sentencePiece: SentencePiece,
  found: TokenizerSettings,
): Tokenizer {
  const { model } = sentencePiece;
  const pieces = model.pieces.length;
  const idOfCommand = new Map<string, number>(
    COMMANDS.map((content, index) => [content, pieces + index]),
  );
  const settings = settingsOf(sentencePiece, found);
  const split = specialSplitter(settings.addedTokens);
  const prefix = ["[gMASK]", "sop"].flatMap((content) => idOfCommand.get(content) ?? []);
  const size = pieces + COMMANDS.length;
  const textOf = (id: number): string => {
    const text = model.pieces[id]?.text ?? COMMANDS[id - pieces];
    if (text !== undefined) return text;
    throw new WbError("WB3804", `token id ${id}: the tokenizer has ids 0 to ${size - 1}`, {
      details: { id, vocabSize: size },
    });
  };
  const isSilent = (id: number): boolean =>
    id >= pieces || id === model.unkId || model.pieces[id]?.type === "control";
  /** The authors' class looks pieces up among the commands first: a piece "sop" inside a word gives the command's id. */
  const asCommand = (id: number): number => idOfCommand.get(model.pieces[id]?.text ?? "") ?? id;

  function encode(text: string, options: EncodeOptions = {}): number[] {
    const ids = (options.addSpecialTokens ?? true) ? [...prefix] : [];
    const parses = options.parseSpecialTokens ?? true;
    const findsCommands = parses && (options.commandPieces ?? true);
    const parts = parses ? split(text) : [{ kind: "text" as const, text }];
    for (const [index, part] of parts.entries()) {
      if (part.kind === "token") {
        ids.push(part.token.id);
        continue;
      }
      const isBare = options.continues === true && index === 0;
      const more = isBare ? sentencePiece.encodeBare(part.text) : sentencePiece.encode(part.text);
      for (const id of more) ids.push(findsCommands ? asCommand(id) : id);
    }
    return ids;
  }

  function decode(ids: readonly number[], options: DecodeOptions = {}): string {
    for (const id of ids) textOf(id); // refuses ids that there are not
    const heard = ids.filter((id) => !isSilent(id));
    const text = sentencePiece.decode(heard);
    return settings.cleansUp && options.mode !== "raw" ? cleanUpTokenization(text) : text;
  }

  return {
    settings,
    size,
    controlPieces: controlPieces(model),
    encode,
    decode,
    isSpecial: isSilent,
    piece: textOf,
    idOf: (text) => idOfCommand.get(text) ?? model.idOfPiece.get(text),
    bytesOf: (id) => pieceBytes(model, id, textOf(id)),
    undecided: (ids) => undecidedBytes(model, ids),
  };
}

/** The class's own tokens, whatever tokenizer_config.json calls them. */
function settingsOf({ model }: SentencePiece, found: TokenizerSettings): TokenizerSettings {
  const eosId = model.idOfPiece.get("</s>");
  const named = [
    { content: "</s>", id: eosId },
    { content: model.pieces[model.unkId]?.text ?? "<unk>", id: model.unkId },
  ];
  return {
    ...found,
    addBos: false,
    addEos: false,
    bosId: undefined,
    eosId,
    padId: model.unkId,
    addedTokens: named.flatMap(({ content, id }) =>
      id === undefined ? [] : [{ content, id, special: true, lstrip: false, rstrip: false }],
    ),
  };
}
