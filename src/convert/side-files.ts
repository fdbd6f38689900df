import { ORIGINAL_CONFIG, TOKENIZER_FILES } from "../mapping/converted-folder.ts";
import { modelFiles } from "../formats/gguf/model-files.ts";
import type { ModelFiles } from "../sources/model-files.ts";
import type { SideFile } from "./job.ts";
import type { Outputs } from "./outputs.ts";
import { WbError } from "../errors/wb-error.ts";
import { generationConfig, hfConfig } from "../model/config/stock.ts";
import { recordIn } from "../model/config/fields.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { PaddleWriter } from "../model/names/paddle-writers.ts";
import type { Dtype } from "../tensor/dtype.ts";

/** Files beside a tokenizer's that go along as they are. */
const CARRIED_TEXTS =
  /^(chat_template\.(jinja|json)|LICENSE.*|NOTICE.*|adapter_config\.json|lora_config\.json)$/;

/** SentencePiece's model as LLaMA's tokenizers look for it: transformers' class, and PaddleNLP's. */
const MODEL_OF_TRANSFORMERS = "tokenizer.model";
const MODEL_OF_PADDLENLP = "sentencepiece.bpe.model";
export const TOKENIZER_MODELS = [MODEL_OF_TRANSFORMERS, MODEL_OF_PADDLENLP] as const;

/** Families whose tokenizer is LLaMA's class in both frameworks. */
const LLAMA_TOKENIZERS: ReadonlySet<string> = new Set(["llama", "internlm"]);

/** The configuration that describes the result, and the folder that it is in. */
export interface DescribedBy {
  readonly folder: string;
  /** As written; undefined when there is none or it is not wanted. */
  readonly configText: string | undefined;
  readonly config: ModelConfig | undefined;
}

/**
 * What goes beside the weights of a conversion.
 * @param found The folder and config.json that the result is described by.
 * @param tokenizerFolder Where tokenizer and texts are taken from.
 * @param paddleWriter Whose names of Paddle's the tensors have, if any's.
 * @param isPlain Whether quantised matrices were written as their values.
 * @param configFolder Where config.json is taken from as it is, where it is not made.
 */
export async function sideFiles(
  found: DescribedBy,
  tokenizerFolder: string,
  outputs: Outputs,
  paddleWriter?: PaddleWriter,
  isPlain = false,
  configFolder = tokenizerFolder,
): Promise<readonly SideFile[]> {
  const files: SideFile[] = [];
  const source = await modelFiles(tokenizerFolder);
  const carried = (await source.names()).filter(
    (name) => TOKENIZER_FILES.test(name) || CARRIED_TEXTS.test(name),
  );
  for (const name of carried.sort()) files.push({ name, content: await sideContent(source, name) });
  files.push(...underOtherName(files, found.config, paddleWriter !== undefined));
  const { config, configText, folder } = found;
  if (config === undefined || configText === undefined)
    return [
      ...files,
      ...(await ownConfigs(
        configFolder === tokenizerFolder ? source : await modelFiles(configFolder),
        isPlain,
      )),
    ];
  const described = await modelFiles(folder);
  const names = await described.names();
  const generation = names.includes("generation_config.json")
    ? await sideContent(described, "generation_config.json")
    : generationConfig(config);
  const original = names.includes(ORIGINAL_CONFIG)
    ? await sideContent(described, ORIGINAL_CONFIG)
    : configText;
  files.push(
    {
      name: "config.json",
      content: hfConfig(config, mainDtype(outputs), paddleWriter),
    },
    { name: ORIGINAL_CONFIG, content: original },
    { name: "generation_config.json", content: generation },
  );
  return files;
}

/** Licences and notices, which go beside a file that holds everything else. */
export async function textFiles(home: string): Promise<readonly SideFile[]> {
  const source = await modelFiles(home);
  const names = (await source.names()).filter((name) => /^(LICENSE|NOTICE)/.test(name)).sort();
  const files: SideFile[] = [];
  for (const name of names) files.push({ name, content: await sideContent(source, name) });
  return files;
}

const OWN_CONFIGS: ReadonlySet<string> = new Set(["config.json", "generation_config.json"]);

/** Of a model that is taken as stored, its own configuration; without what it says of quantised weights that are none any more. */
async function ownConfigs(files: ModelFiles, isPlain: boolean): Promise<readonly SideFile[]> {
  const own: SideFile[] = [];
  for (const name of await files.names()) {
    if (!OWN_CONFIGS.has(name)) continue;
    const content = await sideContent(files, name);
    own.push({ name, content: isPlain ? withoutQuantisation(content) : content });
  }
  return own;
}

function withoutQuantisation(content: Uint8Array): string | Uint8Array {
  const config = recordIn(Buffer.from(content).toString("utf8"));
  // What is no JSON was none before.
  if (config === undefined) return content;
  const { quantization_config: _gone, ...rest } = config;
  return `${JSON.stringify(rest, undefined, 2)}\n`;
}

/** The SentencePiece model under the name that the target's framework reads, where it only has the other's. */
function underOtherName(
  files: readonly SideFile[],
  config: ModelConfig | undefined,
  isForPaddle: boolean,
): readonly SideFile[] {
  if (config === undefined || !LLAMA_TOKENIZERS.has(config.family)) return [];
  const [from, to] = isForPaddle
    ? [MODEL_OF_TRANSFORMERS, MODEL_OF_PADDLENLP]
    : [MODEL_OF_PADDLENLP, MODEL_OF_TRANSFORMERS];
  const model = files.find(({ name }) => name === from);
  if (model === undefined || files.some(({ name }) => name === to)) return [];
  // LLaMA 3's file of that name is no SentencePiece model.
  return isForPaddle && isTiktoken(model.content) ? [] : [{ ...model, name: to }];
}

function isTiktoken(content: SideFile["content"]): boolean {
  const begin = Buffer.from(content.slice(0, 200)).toString("latin1");
  return /^[A-Za-z0-9+/]+={0,2} \d+\r?\n/.test(begin);
}

/** Largest file that goes along with weights, in bytes: tokenizers of 250 000 pieces have 33 MB. */
const MAX_SIDE_BYTES = 256 * 2 ** 20;

async function sideContent(files: ModelFiles, name: string): Promise<Uint8Array> {
  const path = files.pathOf(name);
  const bytes = await files.read(name, MAX_SIDE_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3001", `${path}: was there when the folder was listed`, {
      details: { path },
    });
  return bytes;
}

/** The dtype that most bytes have. */
function mainDtype(outputs: Outputs): Dtype | undefined {
  const bytes = new Map<Dtype, number>();
  for (const { dtype, byteLength } of outputs.tensors)
    bytes.set(dtype, (bytes.get(dtype) ?? 0) + byteLength);
  return [...bytes].sort(([, left], [, right]) => right - left)[0]?.[0];
}
