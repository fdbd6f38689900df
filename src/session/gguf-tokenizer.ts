import { WbError } from "../errors/wb-error.ts";
import type { GgufWritten } from "../formats/gguf/metadata.ts";
import { modelFiles } from "../formats/gguf/model-files.ts";
import { CONTROL, NORMAL, UNUSED, USER_DEFINED } from "../formats/gguf/tokenizer/facts.ts";
import { preTokenizerName } from "../formats/gguf/tokenizer/pre-tokenizers.ts";
import { isRecord, type RawConfig } from "../model/config/fields.ts";
import { readTokenizerBytes, readTokenizerText } from "../runtime/tokenizer/read-text.ts";
import {
  parseSentencePieceModel,
  type PieceType,
} from "../runtime/tokenizer/sentencepiece-model.ts";
import { chooseTokenizerFile } from "../runtime/tokenizer/tokenizer-files.ts";
import { openTokenizer, type Tokenizer } from "../runtime/tokenizer/tokenizer.ts";

type Keys = readonly (readonly [string, GgufWritten])[];

/** Keys of a tokenizer, or none and why. */
export interface GgufTokenizerKeys {
  readonly keys: Keys;
  readonly notes: readonly string[];
}

/**
 * A model's tokenizer as convert_hf_to_gguf.py writes it (llama-cpp-python 0.3.36, conversion/base.py, `_set_vocab_gpt2` and
 * `_set_vocab_sentencepiece`). Where it cannot be written so, `tokenizer.ggml.model` is "none" and a note says why.
 * @param home Where the tokenizer is.
 * @param size Tokens of the model, padded ones included.
 * @throws WbError of opening the tokenizer.
 */
export async function ggufTokenizer(home: string, size: number): Promise<GgufTokenizerKeys> {
  const files = await modelFiles(home);
  const file = chooseTokenizerFile(await files.names());
  if (file === undefined) return none(`${home}: no tokenizer`);
  const tokenizer = await openTokenizer(home);
  if (file.kind === "tokenizer.json") {
    const json: unknown = JSON.parse(await readTokenizerText(files, file.name));
    return byteLevel(isRecord(json) ? json : {}, tokenizer, size, home);
  }
  if (file.kind !== "model") return none(`${home}: ${file.kind} has no form in GGUF that is known`);
  try {
    const bytes = await readTokenizerBytes(files, file.name);
    return sentencePiece(bytes, tokenizer, size, files.pathOf(file.name));
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB3802") throw error;
    return none(error.message);
  }
}

const MORE_AROUND = "more than a token is put before or behind a text, for which GGUF has no key";

function none(why: string): GgufTokenizerKeys {
  return {
    keys: [["tokenizer.ggml.model", { type: "text", value: "none" }]],
    notes: [`no tokenizer is written into the file: ${why}`],
  };
}

/** Tokens by id, with what stands for ids that no token has. */
class Vocabulary {
  readonly texts: string[];
  readonly types: number[];
  readonly scores: number[];

  constructor(size: number) {
    this.texts = Array.from({ length: size }, (_unused, id) => `[PAD${id}]`);
    this.types = this.texts.map(() => UNUSED);
    this.scores = this.texts.map(() => PADDING_SCORE);
  }

  put(id: number, text: string, type: number, score: number): void {
    if (id >= this.texts.length) return;
    this.texts[id] = text;
    this.types[id] = type;
    this.scores[id] = score;
  }
}

/** conversion/base.py, `_create_vocab_sentencepiece`. */
const PADDING_SCORE = -10_000;
const ADDED_SCORE = -1000;

function byteLevel(
  json: RawConfig,
  tokenizer: Tokenizer,
  size: number,
  home: string,
): GgufTokenizerKeys {
  const model = isRecord(json["model"]) ? json["model"] : {};
  const pre = preTokenizerName(json);
  if (model["type"] !== "BPE" || pre === undefined)
    return none(`${home}: tokenizer.json cuts texts in a way for which llama.cpp has no name`);
  const vocabulary = new Vocabulary(size);
  const vocab = isRecord(model["vocab"]) ? model["vocab"] : {};
  for (const [text, id] of Object.entries(vocab))
    if (typeof id === "number") vocabulary.put(id, text, NORMAL, 0);
  for (const { id, content, special } of tokenizer.settings.addedTokens)
    vocabulary.put(id, content, special ? CONTROL : USER_DEFINED, ADDED_SCORE);
  const merges = Array.isArray(model["merges"]) ? model["merges"] : [];
  const special = specialKeys(tokenizer);
  if (special === undefined) return none(`${home}: ${MORE_AROUND}`);
  return {
    keys: [
      ["tokenizer.ggml.model", { type: "text", value: "gpt2" }],
      ["tokenizer.ggml.pre", { type: "text", value: pre }],
      ["tokenizer.ggml.tokens", { type: "texts", value: vocabulary.texts }],
      ["tokenizer.ggml.token_type", { type: "i32s", value: vocabulary.types }],
      ["tokenizer.ggml.merges", { type: "texts", value: merges.map(mergeText) }],
      ...special,
    ],
    notes: [],
  };
}

function mergeText(merge: unknown): string {
  return Array.isArray(merge) ? merge.map(String).join(" ") : String(merge);
}

/** SentencePiece's numbers of its types of pieces. */
const TYPE_CODES: Readonly<Record<PieceType, number>> = {
  normal: 1,
  unknown: 2,
  control: 3,
  "user-defined": 4,
  unused: 5,
  byte: 6,
};

function sentencePiece(
  bytes: Uint8Array,
  tokenizer: Tokenizer,
  size: number,
  path: string,
): GgufTokenizerKeys {
  const { pieces, algorithm, addDummyPrefix, unkId } = parseSentencePieceModel(bytes, path);
  if (algorithm !== "bpe") return none(`${path}: a unigram model, which is not written`);
  const vocabulary = new Vocabulary(Math.max(size, pieces.length));
  for (const [id, { text, type, score }] of pieces.entries())
    vocabulary.put(id, text, TYPE_CODES[type], score);
  for (const { id, content, special } of tokenizer.settings.addedTokens) {
    const own = pieces[id]?.type;
    // The model's own control pieces keep their scores; <unk> stays what is unknown.
    if (id === unkId || (own === "control" && special)) continue;
    vocabulary.put(id, content, special ? CONTROL : USER_DEFINED, ADDED_SCORE);
  }
  const around = specialKeys(tokenizer);
  if (around === undefined) return none(`${path}: ${MORE_AROUND}`);
  return {
    keys: [
      ["tokenizer.ggml.model", { type: "text", value: "llama" }],
      ["tokenizer.ggml.pre", { type: "text", value: "default" }],
      ["tokenizer.ggml.tokens", { type: "texts", value: vocabulary.texts }],
      ["tokenizer.ggml.scores", { type: "f32s", value: vocabulary.scores }],
      ["tokenizer.ggml.token_type", { type: "i32s", value: vocabulary.types }],
      ["tokenizer.ggml.add_space_prefix", { type: "flag", value: addDummyPrefix }],
      ["tokenizer.ggml.unknown_token_id", { type: "u32", value: unkId }],
      ...around,
    ],
    notes: [],
  };
}

/**
 * Ids of the special tokens, what is put around a text, and the chat templates; undefined where more than a token is put before or
 * behind, for which GGUF has no key.
 */
function specialKeys(tokenizer: Tokenizer): Keys | undefined {
  const { bosId, eosId, padId, chatTemplates } = tokenizer.settings;
  const around = surroundings(tokenizer);
  if (around === undefined) return undefined;
  const { first, last } = around;
  if (!isUsual(first, bosId) || !isUsual(last, eosId)) return undefined;
  const ids = [
    ["bos_token_id", bosId ?? first],
    ["eos_token_id", eosId ?? last],
    ["padding_token_id", padId],
  ] as const;
  return [
    ...ids.flatMap(([name, id]) =>
      id === undefined ? [] : [[`tokenizer.ggml.${name}`, { type: "u32", value: id }] as const],
    ),
    ["tokenizer.ggml.add_bos_token", { type: "flag", value: first !== undefined }],
    ["tokenizer.ggml.add_eos_token", { type: "flag", value: last !== undefined }],
    ...[...chatTemplates].map(
      ([name, template]) =>
        [
          name === "default" ? "tokenizer.chat_template" : `tokenizer.chat_template.${name}`,
          { type: "text", value: template },
        ] as const,
    ),
  ];
}

/** Whether an id that is put around a text is that of the token which the tokenizer names for it. */
function isUsual(id: number | undefined, own: number | undefined): boolean {
  return id === undefined || own === undefined || id === own;
}

interface Surroundings {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

/** The ids that are put before and behind a text, one at most each; told by what becomes of one. */
function surroundings(tokenizer: Tokenizer): Surroundings | undefined {
  const bare = tokenizer.encode("a", { addSpecialTokens: false });
  const all = tokenizer.encode("a");
  const more = all.length - bare.length;
  const begin = bare.every((id, index) => all[index] === id) ? 0 : 1;
  const isBetween = bare.every((id, index) => all[begin + index] === id);
  if (!isBetween || more > begin + 1) return undefined;
  return {
    first: begin === 1 ? all[0] : undefined,
    last: more > begin ? all.at(-1) : undefined,
  };
}
