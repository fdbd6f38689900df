import { basename, dirname, extname, resolve } from "node:path";
import { modelHome } from "../formats/model-home.ts";
import { isFolder } from "../formats/open.ts";
import { openTokenizer, type Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import type { Answers, AnswersOptions, ModelFacts } from "./answers.ts";
import { openAnswers } from "./open-answers.ts";
import { WbError } from "../errors/wb-error.ts";
import {
  openChatPrompts,
  type ChatPromptOptions,
  type ChatPrompts,
} from "../session/chat-prompt.ts";
import { openEncoder, type Encoder } from "./encoder.ts";
import { lengthCheck, type LengthCheck } from "./prompt-length.ts";
import { Problem } from "./problem.ts";
import { TurnQueue } from "./turn-queue.ts";

export interface ServedModelOptions extends AnswersOptions, ChatPromptOptions {
  /** Requests to this model that wait or are answered, at most. */
  readonly queue: number;
}

/** A model as the server has it. */
export interface ServedModel {
  readonly id: string;
  readonly facts: ModelFacts;
  readonly answers: Answers;
  readonly tokenizer: Tokenizer;
  /** Undefined where no chat template is known; `whyNoChat` says why. */
  readonly chat: ChatPrompts | undefined;
  readonly whyNoChat: string;
  readonly context: number;
  readonly encoder: Encoder;
  /** Before a prompt is tokenized. */
  readonly checkLength: LengthCheck;
  /** Ends with the model. */
  readonly turns: TurnQueue;
  close(): Promise<void>;
}

/** Names by which clients ask for models: those of their folders, told apart by numbers where they are the same. */
export async function modelIds(paths: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const path of paths) {
    const full = resolve(path);
    const name = (await isFolder(full)) ? basename(full) : nameOfFile(full);
    let id = name;
    for (let number = 2; ids.includes(id); number++) id = `${name}-${number}`;
    ids.push(id);
  }
  return ids;
}

/** "internlm-7b" of internlm-7b/pytorch_model.bin: most files of weights are called the same. */
function nameOfFile(path: string): string {
  const folder = basename(dirname(path));
  return folder === "" ? basename(path, extname(path)) : folder;
}

/**
 * Opens a model, its tokenizer and, where one is known, its chat template.
 * @throws WbError of the readers and the runtime; WB2951 for a context that is longer than the model's.
 */
export async function openServedModel(
  id: string,
  path: string,
  options: ServedModelOptions,
): Promise<ServedModel> {
  const answers = await openAnswers(path, options);
  const { facts } = answers;
  const { context } = facts;
  try {
    const { chat, why } = await chatOf(path, options);
    const tokenizer =
      chat?.tokenizer ?? (await openTokenizer(await modelHome(path), options.tokenizer));
    const encoder = openEncoder({ tokenizer, chat }, path, {
      template: options.template,
      form: options.tokenizer,
      context,
    });
    return {
      id,
      facts,
      answers,
      tokenizer,
      chat,
      whyNoChat: why,
      context,
      encoder,
      checkLength: lengthCheck(tokenizer, context),
      turns: new TurnQueue(options.queue, facts.atOnce),
      close: async () => {
        await encoder.close();
        await answers.close();
      },
    };
  } catch (error) {
    await answers.close();
    throw error;
  }
}

/** A base model has no template and is served all the same; a template that was asked for must be there. */
async function chatOf(
  path: string,
  options: ChatPromptOptions,
): Promise<{ readonly chat: ChatPrompts | undefined; readonly why: string }> {
  try {
    return { chat: await openChatPrompts(path, options), why: "" };
  } catch (error) {
    const isBase = error instanceof WbError && error.code === "WB2803";
    if (!isBase || options.template !== undefined) throw error;
    return { chat: undefined, why: "no chat template is known for this model" };
  }
}

/** Room for new tokens behind a prompt. @throws Problem 400 when the context has none, or less than was asked for. */
export function roomFor(
  { context }: ServedModel,
  promptTokens: number,
  asked: number | undefined,
  limit: number,
): number {
  const room = context - promptTokens;
  if (room < (asked ?? 1)) {
    throw new Problem(
      400,
      `the model's context is ${context} tokens: the prompt has ${promptTokens}, and ${asked ?? 1} were asked for as an answer`,
      { param: "max_tokens", code: "context_length_exceeded" },
    );
  }
  return asked ?? Math.min(room, limit);
}
