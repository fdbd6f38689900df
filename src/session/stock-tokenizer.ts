import { WbError } from "../errors/wb-error.ts";
import { modelFiles } from "../formats/gguf/model-files.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { recordIn, type RawConfig } from "../model/config/fields.ts";
import { readTokenizerBytes } from "../runtime/tokenizer/read-text.ts";
import { parseSentencePieceModel } from "../runtime/tokenizer/sentencepiece-model.ts";
import {
  readTokenizerSettings,
  type TokenizerSettings,
} from "../runtime/tokenizer/special-tokens.ts";
import { stockJson } from "../runtime/tokenizer/stock-json.ts";
import { chooseTokenizerFile } from "../runtime/tokenizer/tokenizer-files.ts";
import type { ModelFiles } from "../sources/model-files.ts";

const JSON_FILE = "tokenizer.json";
const CONFIG_FILE = "tokenizer_config.json";
/** What the model was published with, where the target's says something else. */
const ORIGINAL_TOKENIZER_CONFIG = "tokenizer_config.original.json";

/** Classes whose code is the model's own, in Python: InternLM2's makes the ids that InternLM's makes (tokenization_internlm2.py). */
const OWN_CLASSES: ReadonlySet<unknown> = new Set([
  "InternLMTokenizer",
  "InternLM2Tokenizer",
  "InternLM2TokenizerFast",
]);
const FAMILIES: ReadonlySet<string> = new Set(["internlm", "internlm2"]);

/** Files that stand in place of those of the same name, and what is to be said of them. */
export interface StockTokenizer {
  readonly files: readonly { readonly name: string; readonly content: string | Uint8Array }[];
  /** One sentence each. */
  readonly notes: readonly string[];
}

const NOTHING: StockTokenizer = { files: [], notes: [] };

/**
 * A tokenizer that stock transformers loads, for a folder whose own needs Python code of the model. Nothing for other folders; a note
 * where there is none with the same ids.
 * @param home Where the tokenizer is.
 * @throws WbError WB3801 where a file goes away meanwhile.
 */
export async function stockTokenizer(home: string, config: ModelConfig): Promise<StockTokenizer> {
  const files = await modelFiles(home);
  const names = await files.names();
  const file = chooseTokenizerFile(names);
  if (file?.kind !== "model") return NOTHING;
  const stored = names.includes(CONFIG_FILE) ? await readConfig(files) : {};
  if (!isOwnClass(stored, config)) return NOTHING;
  const path = files.pathOf(file.name);
  const inTheWay = [JSON_FILE, ORIGINAL_TOKENIZER_CONFIG].find((name) => names.includes(name));
  if (inTheWay !== undefined)
    return none(files.pathOf(inTheWay), "this file is there already, and is kept");
  try {
    const model = parseSentencePieceModel(await readTokenizerBytes(files, file.name), path);
    const settings = await readTokenizerSettings(files, (text) => model.idOfPiece.get(text));
    const made = stockJson(model, settings);
    if ("problem" in made) return none(path, made.problem);
    return {
      files: [
        { name: JSON_FILE, content: JSON.stringify(made.json) },
        { name: CONFIG_FILE, content: stockConfig(stored, settings) },
        ...(names.includes(CONFIG_FILE)
          ? [
              {
                name: ORIGINAL_TOKENIZER_CONFIG,
                content: await readTokenizerBytes(files, CONFIG_FILE),
              },
            ]
          : []),
      ],
      notes: [
        names.includes(CONFIG_FILE) ? `${madeOf(file.name)}${ONE_BEFORE}` : madeOf(file.name),
      ],
    };
  } catch (error) {
    // It is carried as it is, as any tokenizer that cannot be read.
    if (!(error instanceof WbError) || !/^WB(?:3802|3803|4801)$/.test(error.code)) throw error;
    const where = [path, files.pathOf(CONFIG_FILE)].find((one) =>
      error.message.startsWith(`${one}: `),
    );
    return where === undefined
      ? none(path, error.message)
      : none(where, error.message.slice(`${where}: `.length));
  }
}

function madeOf(model: string): string {
  return `tokenizer.json is made of ${model}, and tokenizer_config.json names the class that reads it: AutoTokenizer needs no remote code`;
}

const ONE_BEFORE = "; the one before is tokenizer_config.original.json";

function none(path: string, problem: string): StockTokenizer {
  return { files: [], notes: [`${path}: no tokenizer.json is made: ${problem}`] };
}

/** Whether a folder names one of the classes, or is of their families and names none. */
function isOwnClass({ tokenizer_class: name }: RawConfig, { family }: ModelConfig): boolean {
  return name === undefined ? FAMILIES.has(family) : OWN_CLASSES.has(name);
}

/** Empty where it is no JSON object; reading its settings tells why. */
async function readConfig(files: ModelFiles): Promise<RawConfig> {
  const bytes = await readTokenizerBytes(files, CONFIG_FILE);
  return recordIn(Buffer.from(bytes).toString("utf8")) ?? {};
}

/** What the folder said, without the way to its own code, and with the tokens that its class has unasked. */
function stockConfig(stored: RawConfig, { specialTokens }: TokenizerSettings): string {
  const { auto_map: _own, tokenizer_class: _class, model_max_length: longest, ...rest } = stored;
  const config = { ...specialTokens, ...rest, tokenizer_class: "PreTrainedTokenizerFast" };
  const text = JSON.stringify(config, undefined, 2);
  if (longest === undefined) return `${text}\n`;
  // transformers' "no limit" is 10^30, which JavaScript would write as a float.
  const digits =
    typeof longest === "number" && Number.isInteger(longest)
      ? String(BigInt(longest))
      : JSON.stringify(longest);
  return `${text.slice(0, -"\n}".length)},\n  "model_max_length": ${digits}\n}\n`;
}
