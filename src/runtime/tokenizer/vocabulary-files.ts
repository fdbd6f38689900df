import { WbError } from "../../errors/wb-error.ts";
import { isRecord, type RawConfig } from "../../model/config/fields.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import {
  bertPipeline,
  gpt2Pipeline,
  qwen2Pipeline,
  robertaPipeline,
  type BuiltIn,
} from "./built-in-pipelines.ts";
import { withSettings } from "./json-tokenizer.ts";
import { JsonPart } from "./pipeline/json-part.ts";
import { readPipeline } from "./pipeline/pipeline.ts";
import { readTokenizerText } from "./read-text.ts";
import type { Tokenizer } from "./tokenizer-interface.ts";

/** Special tokens that a class has without a file that says so. */
interface ClassTokens {
  readonly special: readonly string[];
  readonly config?: RawConfig;
}

const GPT2: ClassTokens = {
  special: ["<|endoftext|>"],
  config: { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" },
};
const QWEN2: ClassTokens = {
  special: ["<|endoftext|>"],
  config: { eos_token: "<|endoftext|>", pad_token: "<|endoftext|>" },
};
const ROBERTA: ClassTokens = {
  special: ["<s>", "</s>", "<pad>", "<unk>", "<mask>"],
  config: { bos_token: "<s>", eos_token: "</s>", pad_token: "<pad>" },
};
const BERT: ClassTokens = { special: ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"] };

/**
 * vocab.json and merges.txt, as GPT-2's, Qwen2's and RoBERTa's classes have them.
 * @throws WbError WB3802; WB4801 for another class.
 */
export async function openVocabularyAndMerges(files: ModelFiles): Promise<Tokenizer> {
  const path = files.pathOf("vocab.json");
  const vocab = parseJson(await readTokenizerText(files, "vocab.json"), path);
  const merges = (await readTokenizerText(files, "merges.txt"))
    .split(/\r?\n/)
    .filter((line, index) => line !== "" && !(index === 0 && line.startsWith("#version")));
  const { name, config } = await tokenizerClass(files);
  const idOf = (token: string): number | undefined => {
    const id = isRecord(vocab) ? vocab[token] : undefined;
    return typeof id === "number" ? id : undefined;
  };
  const model = { type: "BPE", vocab, merges };
  if (/^gpt2|^GPT2?Tokenizer/.test(name))
    return open(files, path, { model, ...gpt2Pipeline(config) }, { tokens: GPT2, idOf });
  if (/^qwen2|^Qwen2Tokenizer/.test(name))
    return open(files, path, { model, ...qwen2Pipeline() }, { tokens: QWEN2, idOf });
  if (/^roberta|^RobertaTokenizer/.test(name))
    return open(
      files,
      path,
      { model, ...robertaPipeline(config, idOf) },
      { tokens: ROBERTA, idOf },
    );
  throw unknownClass(path, name, "GPT2Tokenizer, Qwen2Tokenizer or RobertaTokenizer");
}

/** vocab.txt, as BERT's and ERNIE's classes have it. @throws WbError WB3802; WB4801 for another class. */
export async function openVocabularyText(files: ModelFiles): Promise<Tokenizer> {
  const path = files.pathOf("vocab.txt");
  const lines = (await readTokenizerText(files, "vocab.txt")).split(/\r\n|\r|\n/);
  if (lines.at(-1) === "") lines.pop();
  const vocab = new Map(lines.map((token, id) => [token, id]));
  const { name, config } = await tokenizerClass(files);
  if (!/^(?:bert|ernie|distilbert|electra)|^(?:Bert|Ernie|DistilBert|Electra)Tokenizer/.test(name))
    throw unknownClass(path, name, "BertTokenizer or ErnieTokenizer");
  const idOf = (token: string): number | undefined => vocab.get(token);
  const unknown = typeof config["unk_token"] === "string" ? config["unk_token"] : "[UNK]";
  const model = { type: "WordPiece", vocab: Object.fromEntries(vocab), unk_token: unknown };
  return open(files, path, { model, ...bertPipeline(config, idOf) }, { tokens: BERT, idOf });
}

async function open(
  files: ModelFiles,
  path: string,
  parts: BuiltIn,
  { tokens, idOf }: { tokens: ClassTokens; idOf: (token: string) => number | undefined },
): Promise<Tokenizer> {
  const added = tokens.special.flatMap((content) => {
    const id = idOf(content);
    const lstrip = content === "<mask>";
    return id === undefined ? [] : [{ content, id, special: true, normalized: false, lstrip }];
  });
  const json = new JsonPart({ ...parts, added_tokens: added }, path, "tokenizer");
  return withSettings(files, readPipeline(json), tokens.config);
}

/** The class that the files beside the vocabulary name, else the model's type. */
async function tokenizerClass(
  files: ModelFiles,
): Promise<{ readonly name: string; readonly config: RawConfig }> {
  const config = await optionalJson(files, "tokenizer_config.json");
  const said = config["tokenizer_class"];
  if (typeof said === "string" && !/^PreTrainedTokenizerFast$|^TokenizersBackend$/.test(said))
    return { name: said, config };
  const model = (await optionalJson(files, "config.json"))["model_type"];
  return { name: typeof model === "string" ? model : "", config };
}

function unknownClass(path: string, name: string, known: string): WbError {
  const found = name === "" ? "no file that says so" : name;
  return new WbError(
    "WB4801",
    `${path}: what surrounds the vocabulary depends on the class: expected tokenizer_class ${known} in tokenizer_config.json, found ${found}`,
    { details: { path } },
  );
}

async function optionalJson(files: ModelFiles, name: string): Promise<RawConfig> {
  const bytes = await files.read(name, MAX_CONFIG_BYTES);
  if (bytes === undefined) return {};
  const value = parseJson(Buffer.from(bytes).toString("utf8"), files.pathOf(name));
  return isRecord(value) ? value : {};
}

/** Largest configuration we read here, in bytes; those with many added tokens have about 1 MB. */
const MAX_CONFIG_BYTES = 64 * 2 ** 20;

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WbError("WB3802", `${path}: expected JSON`, { details: { path }, cause: error });
  }
}
