import { WbError } from "../../../errors/wb-error.ts";
import { BYTES_ONLY, PRE_TOKENIZERS, type PreTokenizer } from "./pre-tokenizers.ts";
import { CONTROL, UNUSED, USER_DEFINED, type GgufTokenizer } from "./facts.ts";

/** The pre-tokenizer by its name. @throws WbError WB4801 for one that is not known. */
function preTokenizerOf({ pre, path }: GgufTokenizer): PreTokenizer {
  const found = PRE_TOKENIZERS.get(pre);
  if (found !== undefined) return found;
  const said = pre === "" ? "no tokenizer.ggml.pre" : `tokenizer.ggml.pre ${JSON.stringify(pre)}`;
  throw new WbError(
    "WB4801",
    `${path}: ${said}: how texts are cut into words is not known; known are ${[...PRE_TOKENIZERS.keys()].join(", ")}`,
    { details: { path } },
  );
}

/** tokenizer.json of a "gpt2" tokenizer: BPE of bytes. @throws WbError WB4801 for an unknown pre-tokenizer. */
export function byteLevelTokenizer(facts: GgufTokenizer): Readonly<Record<string, unknown>> {
  const { tokens, types, merges } = facts;
  const pre = preTokenizerOf(facts);
  const isPadding = (text: string, id: number): boolean =>
    types[id] === UNUSED && text === `[PAD${id}]`;
  const vocab = Object.fromEntries(
    tokens.flatMap((text, id) => (isPadding(text, id) ? [] : [[text, id] as const])),
  );
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(facts),
    normalizer: pre.normalizer ?? null,
    pre_tokenizer: pre.json,
    post_processor: postProcessor(facts, pre),
    decoder: BYTES_ONLY,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoresMerges,
      vocab,
      merges: merges.map(splitMerge),
    },
  };
}

/** Two tokens with a space between; a token may begin with one where it is no byte's sign. */
function splitMerge(merge: string): readonly [string, string] {
  const at = merge.indexOf(" ", 1);
  return at < 0 ? [merge, ""] : [merge.slice(0, at), merge.slice(at + 1)];
}

/** Tokens that are cut out of a text before anything else. */
export function addedTokens({
  tokens,
  types,
}: Pick<GgufTokenizer, "tokens" | "types">): readonly Readonly<Record<string, unknown>>[] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (content === "" || (type !== CONTROL && type !== USER_DEFINED)) return [];
    return [
      {
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: type === CONTROL,
      },
    ];
  });
}

function postProcessor(
  { ids, tokens, addBos, addEos }: GgufTokenizer,
  pre: PreTokenizer,
): Readonly<Record<string, unknown>> {
  const offsets = { type: "ByteLevel", add_prefix_space: true, trim_offsets: false };
  const begin = (addBos ?? pre.addsBos) ? ids.bos : undefined;
  const end = addEos === true ? ids.eos : undefined;
  if (begin === undefined && end === undefined) return offsets;
  const special = [begin, end].filter((id) => id !== undefined);
  const item = (id: number | undefined): readonly unknown[] =>
    id === undefined ? [] : [{ SpecialToken: { id: tokens[id], type_id: 0 } }];
  const single = [...item(begin), textItem("A"), ...item(end)];
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, ...item(begin), textItem("B"), ...item(end)],
    special_tokens: Object.fromEntries(
      special.map((id) => {
        const token = tokens[id] ?? "";
        return [token, { id: token, ids: [id], tokens: [token] }] as const;
      }),
    ),
  };
}

function textItem(id: "A" | "B"): unknown {
  return { Sequence: { id, type_id: 0 } };
}
