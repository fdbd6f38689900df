import { TokenFinder, type PipelineToken, type Section } from "./added-tokens.ts";
import { placed } from "./added-vocabulary.ts";
import { readDecoder, type ReadDecoder } from "./decoders.ts";
import type { JsonPart } from "./json-part.ts";
import { readNormalizer, type Normalizer } from "./normalizers.ts";
import { readPostProcessor, type Surroundings } from "./post-processor.ts";
import { readPreTokenizer, type Place, type PreTokenizer } from "./pre-tokenizers.ts";
import { readSubwords } from "./subwords.ts";
import type { Subwords } from "./vocabulary.ts";

/** A tokenizer.json, read. */
export interface PipelineParts {
  readonly source: JsonPart;
  readonly subwords: Subwords;
  readonly tokens: readonly PipelineToken[];
  readonly normalizer: Normalizer;
  readonly preTokenizer: PreTokenizer;
  readonly surroundings: Surroundings | undefined;
  readonly decoder: ReadDecoder | undefined;
}

/** Text to ids and back, without what transformers puts around it. */
export interface Pipeline {
  encode(text: string, how: PipelineEncoding): number[];
  /** @param ids None outside the vocabulary. */
  decode(ids: readonly number[]): string;
  tokenOf(id: number): string | undefined;
  /** Whether the library leaves it out where special tokens are: by the text that it is decoded as, which normalising may have changed. */
  isSpecial(id: number): boolean;
  idOf(token: string): number | undefined;
}

export interface PipelineEncoding {
  /** Tokens that stay text. */
  readonly leaves: (token: PipelineToken) => boolean;
  readonly continues: boolean;
}

/** @throws WbError WB3802 for what `tokenizers` does not write; WB4801 for what cannot be done as it does. */
export function readPipeline(part: JsonPart): PipelineParts {
  const subwords = readSubwords(part.part("model"));
  const normalizer = part.optional("normalizer");
  const preTokenizer = part.optional("pre_tokenizer");
  const postProcessor = part.optional("post_processor");
  const decoder = part.optional("decoder");
  const tokens = part.raw["added_tokens"] == undefined ? [] : part.parts("added_tokens");
  const read = preTokenizer === undefined ? undefined : readPreTokenizer(preTokenizer);
  const added = placed(tokens.map(readToken), subwords);
  if (read?.asksForBegin === true && normalizer !== undefined && added.some((t) => t.normalized))
    throw part.unsupported(
      'Metaspace with prepend_scheme "first" beside a normalizer and added tokens that are normalized',
    );
  const normalize: Normalizer =
    normalizer === undefined ? (text) => text : readNormalizer(normalizer);
  // Whether the text's first character is left decides where a text begins, and is asked of that character alone.
  if (read?.asksForBegin === true && JSON.stringify(normalizer?.raw ?? {}).includes('"content":""'))
    throw part.unsupported(
      'Metaspace with prepend_scheme "first" beside a normalizer that replaces by nothing',
    );
  checkNormalised(added, normalize, part);
  return {
    source: part,
    subwords,
    tokens: added,
    normalizer: normalize,
    preTokenizer: read?.run ?? ((text) => [text]),
    surroundings: postProcessor === undefined ? undefined : readPostProcessor(postProcessor),
    decoder: decoder === undefined ? undefined : readDecoder(decoder),
  };
}

/** The same with more tokens, which come after those of the file. @throws WbError WB4801. */
export function withTokens(parts: PipelineParts, more: readonly PipelineToken[]): PipelineParts {
  const tokens = placed([...parts.tokens, ...more], parts.subwords);
  checkNormalised(tokens, parts.normalizer, parts.source);
  return { ...parts, tokens };
}

/** The library has no rule which of two tokens is found where they are the same once normalised: it is another one each time. */
function checkNormalised(
  tokens: readonly PipelineToken[],
  normalize: Normalizer,
  part: JsonPart,
): void {
  const contentOf = new Map<string, string>();
  for (const { content, normalized } of tokens) {
    if (!normalized) continue;
    const shown = JSON.stringify(content);
    const text = normalize(content, false);
    if (text === "")
      throw part.unsupported(`the added token ${shown}, of which the normalizer leaves nothing,`);
    const other = contentOf.get(text);
    if (other !== undefined)
      throw part.unsupported(
        `the added token ${shown}, of which the normalizer makes the same as of ${JSON.stringify(other)},`,
      );
    contentOf.set(text, content);
  }
}

/** The library takes a text for one that goes on where the normalizer left its first character out. */
function losesFirst(text: string, normalize: Normalizer): boolean {
  const first = text.codePointAt(0);
  return first !== undefined && normalize(String.fromCodePoint(first), true) === "";
}

function readToken(part: JsonPart): PipelineToken {
  const special = part.flag("special", false);
  return {
    content: part.text("content"),
    id: part.count("id"),
    special,
    lstrip: part.flag("lstrip", false),
    rstrip: part.flag("rstrip", false),
    singleWord: part.flag("single_word", false),
    normalized: part.flag("normalized", !special),
  };
}

/** Puts the parts together as `tokenizers` does: tokens that are not normalised are cut out first, then normalised ones. */
export function buildPipeline(parts: PipelineParts): Pipeline {
  const { subwords, normalizer, preTokenizer, decoder } = parts;
  const inText = new TokenFinder(
    parts.tokens.filter(({ normalized }) => !normalized).map((token) => [token.content, token]),
  );
  const inNormalised = new TokenFinder(
    parts.tokens
      .filter(({ normalized }) => normalized)
      .map((token) => [normalizer(token.content, false), token]),
  );
  const addedById = new Map(parts.tokens.map((token) => [token.id, token.content]));
  // A token that is looked for in normalised text comes back so, too.
  const decodedById = new Map(
    parts.tokens.map(({ id, content, normalized }) => [
      id,
      normalized ? normalizer(content, false) : content,
    ]),
  );
  const addedByText = new Map(parts.tokens.map((token) => [token.content, token.id]));
  const tokenOf = (id: number): string | undefined => addedById.get(id) ?? subwords.tokenOf(id);
  const decodedOf = (id: number): string | undefined => decodedById.get(id) ?? subwords.tokenOf(id);
  const specials = new Set(parts.tokens.flatMap((token) => (token.special ? token.content : [])));

  const encodePlain = (text: string, place: Place, ids: number[]): void => {
    for (const piece of preTokenizer(text, place)) subwords.encode(piece, ids);
  };
  const encodeSection = (section: Section, how: PipelineEncoding, ids: number[]): void => {
    if (section.kind === "token") {
      ids.push(section.id);
      return;
    }
    const continues = how.continues && section.begin === 0;
    const isMiddle = section.begin > 0 || losesFirst(section.text, normalizer);
    const place = isMiddle ? "middle" : continues ? "continued" : "begin";
    for (const part of inNormalised.cut(normalizer(section.text, continues), how.leaves)) {
      if (part.kind === "token") ids.push(part.id);
      else encodePlain(part.text, part.begin > 0 ? "middle" : place, ids);
    }
  };
  return {
    encode(text, how) {
      const ids: number[] = [];
      for (const section of inText.cut(text.toWellFormed(), how.leaves))
        encodeSection(section, how, ids);
      return ids;
    },
    decode(ids) {
      const texts = ids.flatMap((id) => decodedOf(id) ?? []);
      return decoder === undefined ? texts.join(" ") : decoder.run(texts).join("");
    },
    tokenOf,
    isSpecial: (id) => specials.has(decodedOf(id) ?? ""),
    idOf: (token) => addedByText.get(token) ?? subwords.idOf(token),
  };
}
