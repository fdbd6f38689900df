import { TokenFinder, type PipelineToken, type Section } from "./added-tokens.ts";
import { readDecoder, type ReadDecoder } from "./decoders.ts";
import type { JsonPart } from "./json-part.ts";
import { readNormalizer, type Normalizer } from "./normalizers.ts";
import { readPostProcessor, type Surroundings } from "./post-processor.ts";
import { readPreTokenizer, type Place, type PreTokenizer } from "./pre-tokenizers.ts";
import { readSubwords } from "./subwords.ts";
import type { Subwords } from "./vocabulary.ts";

/** A tokenizer.json, read. */
export interface PipelineParts {
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
  const added = tokens.map(readToken);
  if (read?.asksForBegin === true && normalizer !== undefined && added.some((t) => t.normalized))
    throw part.unsupported(
      'Metaspace with prepend_scheme "first" beside a normalizer and added tokens that are normalized',
    );
  const normalize: Normalizer =
    normalizer === undefined ? (text) => text : readNormalizer(normalizer);
  const lost = added.find(
    ({ normalized, content }) => normalized && content !== "" && normalize(content, false) === "",
  );
  if (lost !== undefined)
    throw part.unsupported(
      `the added token ${JSON.stringify(lost.content)}, of which the normalizer leaves nothing,`,
    );
  return {
    subwords,
    tokens: added,
    normalizer: normalize,
    preTokenizer: read?.run ?? ((text) => [text]),
    surroundings: postProcessor === undefined ? undefined : readPostProcessor(postProcessor),
    decoder: decoder === undefined ? undefined : readDecoder(decoder),
  };
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
  const tokens = [
    ...parts.tokens.filter(({ special }) => special),
    ...parts.tokens.filter(({ special }) => !special),
  ];
  const inText = new TokenFinder(
    tokens.filter(({ normalized }) => !normalized).map((token) => [token.content, token]),
  );
  const inNormalised = new TokenFinder(
    tokens
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

  const encodePlain = (text: string, place: Place, ids: number[]): void => {
    for (const piece of preTokenizer(text, place)) subwords.encode(piece, ids);
  };
  const encodeSection = (section: Section, how: PipelineEncoding, ids: number[]): void => {
    if (section.kind === "token") {
      ids.push(section.id);
      return;
    }
    const continues = how.continues && section.begin === 0;
    const place = section.begin > 0 ? "middle" : continues ? "continued" : "begin";
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
      const texts = ids.flatMap((id) => decodedById.get(id) ?? subwords.tokenOf(id) ?? []);
      return decoder === undefined ? texts.join(" ") : decoder.run(texts).join("");
    },
    tokenOf,
    idOf: (token) => addedByText.get(token) ?? subwords.idOf(token),
  };
}
