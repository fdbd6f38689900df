import { WbError } from "../errors/wb-error.ts";
import type { ChatMessage } from "../runtime/chat/message.ts";
import { KeptTokens } from "../runtime/generation/kept-tokens.ts";
import {
  DEFAULT_SAMPLING,
  type SamplingSettings,
} from "../runtime/generation/sampling-settings.ts";
import {
  openChatPrompts,
  type ChatPromptOptions,
  type ChatPrompts,
} from "../session/chat-prompt.ts";
import { checkStops } from "../runtime/generation/stop-strings.ts";
import { samplingOf } from "../session/generation-sampling.ts";
import { openGenerator, type Generator, type GeneratorOptions } from "../session/generator.ts";

/** New tokens of an answer at most, where nobody says: `chat` of modeling_internlm.py. */
const DEFAULT_NEW_TOKENS = 1024;

/** Share of the context that is kept free for the answer, when old turns are dropped to make room. */
const ANSWER_SHARE = 1 / 4;

export interface ChatOptions
  extends
    Omit<GeneratorOptions, "capacity" | "needsTokenizer">,
    ChatPromptOptions,
    Partial<SamplingSettings> {
  /** What the model is told of itself; the template's own when left out, nothing when empty. */
  readonly system?: string | undefined;
  /** New tokens of an answer at most; 1024, or what the context has room for. */
  readonly maxNewTokens?: number | undefined;
  /** Texts that end an answer, beside the template's. */
  readonly stop?: readonly string[] | undefined;
}

/** How an answer came to its end. */
export interface ChatTurn {
  readonly answer: string;
  /** "stop" for a stop token or text, "length" for the limit, "interrupted" for the signal. */
  readonly finish: "stop" | "length" | "interrupted";
  readonly promptTokens: number;
  /** Of these, tokens that the model had in its memory from the turn before. */
  readonly reusedTokens: number;
  readonly newTokens: number;
  /** Turns, a question and its answer each, that were forgotten because the context had no room for them. */
  readonly droppedTurns: number;
}

/**
 * A conversation with a model. Answers are drawn as the model's own chat draws them, unless `doSample` is false, here or in
 * generation_config.json.
 */
export class Chat {
  readonly generator: Generator;
  readonly prompts: ChatPrompts;
  readonly #options: ChatOptions;
  readonly #sampling: SamplingSettings;
  readonly #kept = new KeptTokens();
  #system: string | undefined;
  #turns: readonly (readonly [ChatMessage, ChatMessage])[] = [];
  #asked = 0;

  constructor(generator: Generator, prompts: ChatPrompts, options: ChatOptions) {
    this.generator = generator;
    this.prompts = prompts;
    this.#options = options;
    checkStops(options.stop ?? []);
    const { defaults } = generator;
    const given = {
      doSample: defaults.doSample ?? true,
      seed: Math.floor(Math.random() * 2 ** 32),
      ...prompts.template.sampling,
      ...definedOf(options),
    };
    this.#sampling = samplingOf(given, defaults);
    this.setSystem(options.system ?? prompts.template.system);
  }

  /** The conversation so far: the system's message, where there is one, and the turns that are remembered. */
  get messages(): readonly ChatMessage[] {
    return [...this.#systemMessages(), ...this.#turns.flat()];
  }

  /** @throws WbError WB2802 when the template has no place for a system message. */
  setSystem(text: string | undefined): void {
    const system = text === "" ? undefined : text;
    const probe: readonly ChatMessage[] = [{ role: "user", content: "" }];
    if (system !== undefined)
      this.prompts.template.render([{ role: "system", content: system }, ...probe]);
    this.#system = system;
  }

  /** Forgets all turns. */
  reset(): void {
    this.#turns = [];
    this.#kept.dispose();
  }

  /**
   * Asks, and gives the answer piece by piece; the turn is remembered when it ends, also when the signal ends it.
   * @throws WbError WB2801 for a question that the context has no room for.
   */
  async *ask(question: string, signal?: AbortSignal): AsyncGenerator<string, ChatTurn, undefined> {
    const { ids, dropped, room } = this.#fit(question);
    const { template } = this.prompts;
    const reusedTokens = this.#kept.sharedWith(ids);
    const generation = this.generator.generate({
      ...this.#sampling,
      seed: this.#sampling.seed + this.#asked++,
      prompts: [ids],
      maxNewTokens: room,
      stop: [...template.stopStrings, ...(this.#options.stop ?? [])],
      stopIds: [...this.generator.stopIds, ...this.prompts.stopIds],
      decodesAlone: true,
      kept: this.#kept,
      signal,
    });
    let isInterrupted = false;
    try {
      for await (const { text } of generation) if (text !== "") yield text;
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      isInterrupted = true;
    }
    const [result] = generation.results();
    if (result === undefined) throw new WbError("WB7001", "a generation of nothing");
    const { newTokens } = result;
    const finish = isInterrupted ? "interrupted" : result.finish;
    const said = result.newText ?? "";
    const answer = template.trimsAnswers ? said.trim() : said;
    if (answer !== "" || finish !== "interrupted") this.#remember(question, answer);
    return {
      answer,
      finish,
      promptTokens: ids.length,
      reusedTokens,
      newTokens,
      droppedTurns: dropped,
    };
  }

  #remember(question: string, answer: string): void {
    const turn = [
      { role: "user", content: question },
      { role: "assistant", content: answer },
    ] as const;
    this.#turns = [...this.#turns, turn];
  }

  /** The prompt, after forgetting as many of the oldest turns as the context asks for. */
  #fit(question: string): { ids: readonly number[]; dropped: number; room: number } {
    const { maxPositions } = this.generator.config;
    const wanted = this.#options.maxNewTokens ?? DEFAULT_NEW_TOKENS;
    const reserve = Math.min(wanted, Math.floor(maxPositions * ANSWER_SHARE));
    const all = this.#turns;
    let needed = 0;
    for (let dropped = 0; dropped <= all.length; dropped++) {
      const turns = all.slice(dropped);
      const ids = this.prompts.encode([
        ...this.#systemMessages(),
        ...turns.flat(),
        { role: "user", content: question },
      ]);
      needed = ids.length;
      const room = maxPositions - needed;
      if (room < reserve) continue;
      this.#turns = turns;
      return { ids, dropped, room: Math.min(wanted, room) };
    }
    throw new WbError(
      "WB2801",
      `the question makes a prompt of ${needed} tokens; the context has ${maxPositions}, of which ${reserve} are kept for the answer`,
      { details: { needed, limit: maxPositions - reserve } },
    );
  }

  #systemMessages(): readonly ChatMessage[] {
    return this.#system === undefined ? [] : [{ role: "system", content: this.#system }];
  }

  async close(): Promise<void> {
    this.#kept.dispose();
    await this.generator.close();
  }
}

/** The settings that are given, without those that are there but undefined. */
function definedOf(options: ChatOptions): Partial<SamplingSettings> {
  const names = Object.keys(DEFAULT_SAMPLING);
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

/**
 * Opens a model, its tokenizer and its chat template.
 * @throws WbError of the readers and the runtime; WB2801, WB2802, WB2803, WB3801–WB3805.
 */
export async function openChat(path: string, options: ChatOptions = {}): Promise<Chat> {
  const prompts = await openChatPrompts(path, options);
  const generator = await openGenerator(path, { ...options, needsTokenizer: true });
  try {
    return new Chat(generator, prompts, options);
  } catch (error) {
    await generator.close();
    throw error;
  }
}
