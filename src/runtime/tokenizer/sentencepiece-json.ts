import type { SentencePieceModel } from "./sentencepiece-model.ts";

/** Where the dummy prefix goes: before every text between special tokens, before the first, or nowhere. */
export type PrependScheme = "always" | "first" | "never";

/** An added token as tokenizer.json has it. */
interface JsonToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/**
 * What tokenizer.json has of a BPE model of SentencePiece with byte fallback and no normalisation of its own (transformers v5.23.0,
 * models/llama/tokenization_llama.py and convert_slow_tokenizer.py, `SentencePieceExtractor`): spaces are a piece's own character,
 * and merges are found again from the pieces, the piece of the lowest id first.
 * @param tokens Those that are cut out of a text before.
 */
export function sentencePieceJson(
  model: SentencePieceModel,
  prepend: PrependScheme,
  tokens: readonly JsonToken[],
): Readonly<Record<string, unknown>> {
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: tokens.toSorted((left, right) => left.id - right.id),
    normalizer: null,
    pre_tokenizer: {
      type: "Metaspace",
      replacement: "▁",
      prepend_scheme: prepend,
      split: false,
    },
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prepend === "never" ? [] : [strip]),
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(model.idOfPiece),
      merges: mergesOf(model.idOfPiece),
    },
  };
}

/** Every way to make a piece of two, in the order in which a text is merged. Lengths are in code points, as Python counts. */
function mergesOf(idOf: ReadonlyMap<string, number>): readonly (readonly [string, string])[] {
  const merges: { readonly pair: readonly [string, string]; readonly ranks: readonly number[] }[] =
    [];
  for (const [piece, id] of idOf) {
    const letters = Array.from(piece);
    for (let cut = 1; cut < letters.length; cut++) {
      const left = letters.slice(0, cut).join("");
      const right = letters.slice(cut).join("");
      if (!idOf.has(left) || !idOf.has(right)) continue;
      merges.push({ pair: [left, right], ranks: [id, cut, letters.length - cut] });
    }
  }
  return merges
    .toSorted(({ ranks: one }, { ranks: other }) => {
      const at = one.findIndex((rank, index) => rank !== other[index]);
      return at === -1 ? 0 : (one[at] ?? 0) - (other[at] ?? 0);
    })
    .map(({ pair }) => pair);
}
