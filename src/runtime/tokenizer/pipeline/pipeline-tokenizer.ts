import { WbError } from "../../../errors/wb-error.ts";
import { cleanUpTokenization } from "../clean-up.ts";
import { SPACE_SYMBOL } from "../decode-pieces.ts";
import type { TokenizerSettings } from "../special-tokens.ts";
import type { Tokenizer } from "../tokenizer-interface.ts";
import { unfinishedIds } from "../unfinished-bytes.ts";
import { bytesOfToken } from "./bytes-as-text.ts";
import { fallbackByte, type TokenBytes } from "./decoders.ts";
import { buildPipeline, type PipelineParts } from "./pipeline.ts";

const encoder = new TextEncoder();

/**
 * A tokenizer as `tokenizers` describes it, with what transformers puts around it.
 * @param settings `addedTokens` are those of the parts; `addBos` and `addEos` count where the parts have no post-processor.
 */
export function pipelineTokenizer(parts: PipelineParts, settings: TokenizerSettings): Tokenizer {
  const pipeline = buildPipeline(parts);
  const addedById = new Map(parts.tokens.map((token) => [token.id, token]));
  const size = sizeOf(parts);
  const { before, behind } = parts.surroundings ?? surroundingsOf(settings);
  const bytes = parts.decoder?.bytes ?? "none";
  const piece = (id: number): string => {
    const token = pipeline.tokenOf(id);
    if (token !== undefined) return token;
    throw new WbError("WB3804", `token id ${id}: the tokenizer has ids 0 to ${size - 1}`, {
      details: { id, vocabSize: size },
    });
  };
  return {
    settings,
    size,
    controlPieces: [],
    encode(text, options = {}) {
      const leavesSpecial = options.parseSpecialTokens === false;
      const ids = pipeline.encode(text, {
        leaves: ({ special }) => leavesSpecial && special,
        continues: options.continues === true,
      });
      return (options.addSpecialTokens ?? true) ? [...before, ...ids, ...behind] : ids;
    },
    decode(ids, options = {}) {
      const shown =
        options.skipSpecialTokens === true ? ids.filter((id) => !pipeline.isSpecial(id)) : ids;
      const text = pipeline.decode(shown);
      // transformers' clean-up destroys the text of byte-pair models, and is left out for them.
      const cleans = settings.cleansUp && options.mode !== "raw" && parts.subwords.kind !== "BPE";
      return cleans ? cleanUpTokenization(text) : text;
    },
    isSpecial: (id) => pipeline.isSpecial(id),
    piece,
    idOf: (token) => pipeline.idOf(token),
    bytesOf: (id) => tokenBytes(piece(id), addedById.has(id) ? "none" : bytes),
    undecided: (ids) =>
      undecidedIds(ids, bytes, (id) => (addedById.has(id) ? undefined : pipeline.tokenOf(id))),
  };
}

function sizeOf({ subwords, tokens }: PipelineParts): number {
  let size = subwords.size;
  while (subwords.tokenOf(size) !== undefined) size++;
  for (const { id } of tokens) size = Math.max(size, id + 1);
  return size;
}

function surroundingsOf({ addBos, addEos, bosId, eosId }: TokenizerSettings): {
  readonly before: readonly number[];
  readonly behind: readonly number[];
} {
  return {
    before: addBos && bosId !== undefined ? [bosId] : [],
    behind: addEos && eosId !== undefined ? [eosId] : [],
  };
}

function tokenBytes(token: string, bytes: TokenBytes): Uint8Array {
  if (bytes === "byte-level") return bytesOfToken(token);
  const byte = bytes === "byte-fallback" ? fallbackByte(token) : undefined;
  if (byte !== undefined) return Uint8Array.of(byte);
  return encoder.encode(token.replaceAll(SPACE_SYMBOL, " "));
}

/**
 * Byte-level tokens hold parts of characters. A run of byte tokens is decoded as a whole, so that a bad byte behind it changes
 * all of it.
 */
function undecidedIds(
  ids: readonly number[],
  bytes: TokenBytes,
  tokenOf: (id: number) => string | undefined,
): number {
  if (bytes === "none") return 0;
  if (bytes === "byte-level")
    return unfinishedIds(ids, (id) => {
      const token = tokenOf(id);
      return token === undefined ? undefined : bytesOfToken(token);
    });
  let run = 0;
  while (
    run < ids.length &&
    fallbackByte(tokenOf(ids[ids.length - 1 - run] ?? -1) ?? "") !== undefined
  )
    run++;
  return run;
}
