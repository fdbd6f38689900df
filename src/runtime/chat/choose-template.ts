import { basename, join, resolve } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import type { RawConfig } from "../../model/config/fields.ts";
import { SOURCE_FAMILY_FIELD } from "../../model/config/model-config.ts";
import { DEFAULT_TEMPLATE } from "../tokenizer/chat-templates.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { jinjaTemplate } from "./jinja-template.ts";
import type { ChatTemplate } from "./message.ts";
import { CHAT_TEMPLATES } from "./templates.ts";

/** What a template is chosen by. */
export interface ChatModel {
  readonly folder: string;
  readonly tokenizer: Tokenizer;
  /** config.json as the model was published with it; empty where there is none. */
  readonly config: RawConfig;
  /** The recipe of the delta that the weights came of, where they did. */
  readonly recipe: string | undefined;
}

export interface ChosenTemplate {
  readonly template: ChatTemplate;
  /** One phrase for people. */
  readonly why: string;
}

/**
 * The template asked for; else the `chat_template` of the tokenizer's files; else the built-in one of the model's family and
 * generation.
 * @throws WbError WB2803 that lists the names, WB3805 for a broken Jinja source.
 */
export function chooseTemplate(model: ChatModel, name: string | undefined): ChosenTemplate {
  if (name !== undefined) return { template: named(model, name), why: "as asked for" };
  if (model.tokenizer.settings.chatTemplates.has(DEFAULT_TEMPLATE))
    return { template: named(model, DEFAULT_TEMPLATE), why: "the tokenizer's chat_template" };
  for (const [builtIn, tells] of TELLING) {
    const why = tells(model);
    const template = CHAT_TEMPLATES.get(builtIn);
    if (why !== undefined && template !== undefined) return { template, why };
  }
  throw new WbError(
    "WB2803",
    `${model.folder}: no chat_template in the tokenizer's files, and config.json does not tell which template this model was trained with; known are ${names(model)}`,
    { details: { path: model.folder } },
  );
}

function named(model: ChatModel, name: string): ChatTemplate {
  const { chatTemplates, specialTokens } = model.tokenizer.settings;
  const source = chatTemplates.get(name);
  if (source !== undefined)
    return jinjaTemplate(name, source, specialTokens, join(model.folder, "chat_template"));
  const builtIn = CHAT_TEMPLATES.get(name);
  if (builtIn !== undefined) return builtIn;
  throw new WbError("WB2803", `--template ${name}: known are ${names(model)}`, {
    details: { template: name },
  });
}

function names({ tokenizer }: ChatModel): string {
  return [...tokenizer.settings.chatTemplates.keys(), ...CHAT_TEMPLATES.keys()].join(", ");
}

/** Why a model wants a template; undefined where it does not. The first that says something is taken. */
const TELLING: readonly (readonly [string, (model: ChatModel) => string | undefined])[] = [
  ["internlm-2024-01", (model) => internlm(model, "rope_theta", "num_key_value_heads")],
  ["internlm-2023-09", (model) => internlm(model, "rotary")],
  ["internlm-2023-07", (model) => internlm(model)],
  [
    "chatglm2",
    ({ config }) => (isOf(config, "chatglm", "ChatGLM") ? "config.json is ChatGLM's" : undefined),
  ],
  ["alpaca", (model) => trainedBy(model, "alpaca", "alpaca")],
  ["vicuna-v1.1", (model) => trainedBy(model, "fastchat", "vicuna")],
];

/** True for a config.json of that model_type, or of a class whose name begins so. */
function isOf(config: RawConfig, type: string, prefix: string): boolean {
  const list = config["architectures"];
  const architecture: unknown = Array.isArray(list) ? list[0] : list;
  if (typeof architecture === "string" && architecture.startsWith(prefix)) return true;
  return config["model_type"] === type || config[SOURCE_FAMILY_FIELD] === type;
}

/** InternLM's three generations, told by the fields that each added to config.json; the earliest by none of them. */
function internlm({ config }: ChatModel, ...fields: readonly string[]): string | undefined {
  if (!isOf(config, "internlm", "InternLM")) return undefined;
  const found = fields.filter((field) => Object.hasOwn(config, field));
  if (fields.length === 0) return "config.json is InternLM's of 2023-07, without rotary settings";
  return found.length > 0 ? `config.json is InternLM's, with ${found.join(" and ")}` : undefined;
}

/** LLaMA's config.json says nothing of what it was tuned with: the delta it came of does, or a name. */
function trainedBy(model: ChatModel, recipe: string, word: string): string | undefined {
  if (model.recipe === recipe) return `the weights came of a delta of ${recipe}'s`;
  const name = model.config["_name_or_path"];
  const called = [typeof name === "string" ? name : "", basename(resolve(model.folder))].find(
    (text) => text.toLowerCase().includes(word),
  );
  return called === undefined ? undefined : `it is called ${called}`;
}
