import { WbError } from "../../errors/wb-error.ts";
import type { ModelFiles } from "../../sources/model-files.ts";
import { readChatTemplates } from "./chat-templates.ts";
import { formOf, type TokenizerForm } from "./tokenizer-form.ts";

/** A token that transformers splits out of the text before SentencePiece sees it. */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Left out of the text by `skip_special_tokens`. */
  readonly special: boolean;
  /** Swallow white space to the left, to the right. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** What fast classes alone regard: not where letters or digits are beside it; looked for in the normalised text. */
  readonly singleWord?: boolean;
  readonly normalized?: boolean;
  /** From `added_tokens_decoder`, with all that is said of it. */
  readonly listed?: boolean;
}

/** What tokenizer_config.json and the files beside it say, defaults of the tokenizer class filled in. */
export interface TokenizerSettings {
  /** "InternLMTokenizer", "LlamaTokenizer", …; empty where no file says so. */
  readonly tokenizerClass: string;
  /** Whether a file says anything of what is put before and behind a text. */
  readonly saysSurroundings: boolean;
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  readonly addedTokens: readonly AddedToken[];
  /** LlamaTokenizer's `legacy`: a dummy prefix for each piece of text between special tokens. */
  readonly legacy: boolean;
  /** What the file says of `legacy`, which each class has another default for. */
  readonly saysLegacy: boolean | undefined;
  /** The class that the file says by itself. */
  readonly form: TokenizerForm | undefined;
  /** Close up punctuation after decoding. */
  readonly cleansUp: boolean;
  /** Jinja sources by name; the one that transformers takes unasked is "default". */
  readonly chatTemplates: ReadonlyMap<string, string>;
  /** Text of each special token that is set, under transformers' name: `bos_token`, … */
  readonly specialTokens: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

export interface SettingsOptions {
  /** Whether special tokens that no file names have LLaMA's names; default true. */
  readonly namesDefaults?: boolean;
  /** Fields of tokenizer_config.json where the file does not have them. */
  readonly defaults?: Json;
}

/**
 * Reads the settings beside a tokenizer; every file is optional.
 * @param idOf Id of a piece of the vocabulary.
 * @throws WbError WB3803 when a file is there but is not what transformers writes.
 */
export async function readTokenizerSettings(
  files: ModelFiles,
  idOf: (content: string) => number | undefined,
  { namesDefaults = true, defaults = {} }: SettingsOptions = {},
): Promise<TokenizerSettings> {
  const config = { ...defaults, ...(await readJson(files, "tokenizer_config.json")) };
  const specials = await readJson(files, "special_tokens_map.json");
  const added = await readJson(files, "added_tokens.json");
  const said = (key: string): string | undefined =>
    contentOf(config[key]) ?? contentOf(specials[key]);
  const named = (key: string, fallback: string): string | undefined =>
    said(key) ?? (config[key] === null || !namesDefaults ? undefined : fallback);
  const names = {
    bos: named("bos_token", "<s>"),
    eos: named("eos_token", "</s>"),
    unk: named("unk_token", "<unk>"),
    sep: said("sep_token"),
    pad: said("pad_token"),
    cls: said("cls_token"),
    mask: said("mask_token"),
  };
  const tokens = collectTokens(config, specials, added, Object.values(names), idOf);
  const idOfName = (name: string | undefined): number | undefined =>
    name === undefined ? undefined : (tokens.get(name)?.id ?? idOf(name));
  return {
    tokenizerClass: typeof config["tokenizer_class"] === "string" ? config["tokenizer_class"] : "",
    saysSurroundings:
      typeof config["add_bos_token"] === "boolean" || typeof config["add_eos_token"] === "boolean",
    addBos: config["add_bos_token"] !== false,
    addEos: config["add_eos_token"] === true,
    bosId: idOfName(names.bos),
    eosId: idOfName(names.eos),
    padId: idOfName(names.pad),
    addedTokens: [...tokens.values()],
    legacy: config["legacy"] !== false,
    saysLegacy: typeof config["legacy"] === "boolean" ? config["legacy"] : undefined,
    form: formOf(config),
    cleansUp: config["clean_up_tokenization_spaces"] === true,
    chatTemplates: await readChatTemplates(files, config["chat_template"]),
    specialTokens: Object.fromEntries(
      Object.entries(names).flatMap(([name, text]) =>
        text === undefined ? [] : [[`${name}_token`, text]],
      ),
    ),
  };
}

function collectTokens(
  config: Json,
  specials: Json,
  added: Json,
  names: readonly (string | undefined)[],
  idOf: (content: string) => number | undefined,
): ReadonlyMap<string, AddedToken> {
  const tokens = new Map<string, AddedToken>();
  const put = (
    content: string | undefined,
    id: number | undefined,
    facts: Json,
    special: boolean,
    isListed = false,
  ): void => {
    if (content === undefined || content === "" || id === undefined || tokens.has(content)) return;
    tokens.set(content, {
      content,
      id,
      special,
      lstrip: facts["lstrip"] === true,
      rstrip: facts["rstrip"] === true,
      singleWord: facts["single_word"] === true,
      normalized: typeof facts["normalized"] === "boolean" ? facts["normalized"] : !special,
      listed: isListed,
    });
  };
  for (const [id, facts] of Object.entries(object(config["added_tokens_decoder"]))) {
    put(contentOf(facts), Number(id), object(facts), object(facts)["special"] === true, true);
  }
  const special = new Set([
    ...names,
    ...LISTS.flatMap((key) => listed(config[key] ?? specials[key])),
  ]);
  const factsOf = new Map(
    [...Object.values(config), ...Object.values(specials)].flatMap((value) => {
      const content = isObject(value) ? contentOf(value) : undefined;
      return content === undefined ? [] : [[content, object(value)] as const];
    }),
  );
  for (const [content, id] of Object.entries(added)) {
    put(content, typeof id === "number" ? id : undefined, {}, special.has(content));
  }
  for (const content of special) {
    if (content !== undefined) put(content, idOf(content), factsOf.get(content) ?? {}, true);
  }
  return tokens;
}

/** As transformers 4 and 5 name it. */
const LISTS = ["additional_special_tokens", "extra_special_tokens"] as const;

/** Tokens of a list, or of an object that gives each a name. */
function listed(value: unknown): readonly (string | undefined)[] {
  return (Array.isArray(value) ? value : Object.values(object(value))).map(contentOf);
}

/** A token is written as a text, or as an object with `content`. */
function contentOf(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  const { content } = object(token);
  return typeof content === "string" ? content : undefined;
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Largest of these files we read, in bytes; those with many added tokens have about 1 MB. */
const MAX_SETTINGS_BYTES = 64 * 2 ** 20;

async function readJson(files: ModelFiles, name: string): Promise<Json> {
  const path = files.pathOf(name);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await files.read(name, MAX_SETTINGS_BYTES);
  } catch (error) {
    throw new WbError("WB3803", `${path}: cannot be read`, { details: { path }, cause: error });
  }
  if (bytes === undefined) return {};
  const text = Buffer.from(bytes).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WbError("WB3803", `${path}: expected JSON`, { details: { path }, cause: error });
  }
  if (isObject(value)) return value;
  throw new WbError(
    "WB3803",
    `${path}: expected a JSON object, found ${JSON.stringify(value).slice(0, 40)}`,
    { details: { path } },
  );
}
