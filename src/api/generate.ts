import { WbError } from "../errors/wb-error.ts";
import type { GenerateIdsOptions } from "../runtime/generation/generate-ids.ts";
import type { SamplingSettings } from "../runtime/generation/sampling-settings.ts";
import { checkStops } from "../runtime/generation/stop-strings.ts";
import type { ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
import type { GeneratorCapacity } from "../session/at-once.ts";
import { samplingOf } from "../session/generation-sampling.ts";
import {
  openGeneratorSource,
  type GeneratedText,
  type GenerationRequest,
  type Generator,
  type GeneratorSource,
} from "../session/generator.ts";
import type { ChatMessage } from "../runtime/chat/message.ts";
import {
  openChatPrompts,
  type ChatPromptOptions,
  type ChatPrompts,
} from "../session/chat-prompt.ts";
import type { Runtime, RuntimeOptions } from "../session/open-runtime.ts";
import { formNotes } from "../session/form-notes.ts";
import { textsOf, type Prompt } from "../session/prompts.ts";

/** New tokens where the caller sets no limit. */
const DEFAULT_NEW_TOKENS = 128;

export interface GenerateOptions extends RuntimeOptions, Partial<SamplingSettings> {
  /** At least one, unless there are conversations; several are generated together. */
  readonly prompts: readonly Prompt[];
  /**
   * New tokens of each prompt at most; when neither limit is given that of generation_config.json, or 128, as far as the context has room.
   */
  readonly maxNewTokens?: number | undefined;
  /** Tokens of prompt and answer together at most, as transformers' `max_length`. */
  readonly maxLength?: number | undefined;
  /** Texts that end an answer; they are not part of it. */
  readonly stop?: readonly string[] | undefined;
  /** Ids that end an answer; those of generation_config.json or config.json when left out. */
  readonly stopIds?: readonly number[] | undefined;
  /** Conversations to answer instead of prompts to continue. */
  readonly chat?: GenerateChatOptions | undefined;
  /** What dynamic NTK does beyond the trained context; "recompute", the exact one, when left out. */
  readonly beyondContext?: GenerateIdsOptions["beyondContext"];
  /** Told of text as it becomes certain: the prompt's first, unless it is a conversation, then the answer's. Needs a tokenizer. */
  readonly onText?: (prompt: number, text: string) => void;
  /** Told of every new id. */
  readonly onId?: (prompt: number, id: number) => void;
  /** Told how far the work is. */
  readonly onProgress?: (phase: "load" | "generate", done: number, total: number) => void;
}

/** How `generate` answers conversations. */
export interface GenerateChatOptions extends Omit<ChatPromptOptions, "tokenizer"> {
  /** Each as `apply_chat_template` takes it, the user's question last. */
  readonly conversations: readonly (readonly ChatMessage[])[];
  /** For those that do not begin with a system message: the template's own when left out, nothing when empty. */
  readonly system?: string | undefined;
}

/** The generated texts, and how long they took. */
export interface GenerateResult {
  /** One for each prompt. */
  readonly results: readonly GeneratedText[];
  /** New tokens of all prompts for each second of decoding. */
  readonly tokensPerSecond: number;
  readonly loadSeconds: number;
  /** From the loaded model to the first new token. */
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  /** What matrices are multiplied by: the compute dtype, or int8. */
  readonly activations: Runtime["activations"];
  readonly residence: "resident" | "streamed";
  readonly peakMemoryBytes: number;
  /** The chat template of conversations; null for prompts. */
  readonly template: string | null;
  readonly notes: readonly string[];
}

/**
 * Continues prompts, greedily or by sampling, as transformers' `generate` does.
 * @param path A file of weights, an index, or a model folder, in any format.
 * @throws WbError of the readers and the runtime; WB2801 for settings and prompts that cannot be; WB3801 for a text prompt
 * without a tokenizer.
 */
export async function generate(path: string, options: GenerateOptions): Promise<GenerateResult> {
  const begin = performance.now();
  samplingOf(options);
  checkStops(options.stop ?? []);
  const { beyondContext, signal, tokenizer } = options;
  const chat =
    options.chat === undefined
      ? undefined
      : await openChatPrompts(path, { ...options.chat, tokenizer });
  const given = [...options.prompts, ...conversationPrompts(chat, options.chat)];
  const stop = [...(chat?.template.stopStrings ?? []), ...(options.stop ?? [])];
  if (given.length === 0) throw new WbError("WB2801", "expected at least one prompt");
  const source = await openGeneratorSource(path, {
    ...options,
    needsTokenizer: given.some(({ kind }) => kind === "text") || stop.length > 0,
    onLoad: (done, total) => options.onProgress?.("load", done, total),
  });
  const { prompts, capacity } = await source.planning(() => planOf(source, given, options));
  const notes = await source.planning(() => formNotes(source.tokenizer, textsOf(given)));
  const generator = await source.load(capacity);
  try {
    const sampling = samplingOf(options, generator.defaults);
    const stopIds = options.stopIds ?? [...generator.stopIds, ...(chat?.stopIds ?? [])];
    const request = {
      ...sampling,
      prompts,
      maxNewTokens: capacity.newTokens,
      stop,
      stopIds,
      decodesAlone: chat !== undefined,
      beyondContext,
      signal,
    };
    const result = await listen(generator, request, options, begin, chat);
    return { ...result, notes: [...result.notes, ...notes] };
  } finally {
    await generator.close();
  }
}

/** The prompts' ids, and what of memory they ask for. */
function planOf(
  source: GeneratorSource,
  given: readonly Prompt[],
  options: GenerateOptions,
): {
  readonly prompts: readonly (readonly number[])[];
  readonly capacity: GeneratorCapacity;
} {
  const prompts = given.map((prompt) => source.encode(prompt));
  const promptTokens = Math.max(...prompts.map(({ length }) => length));
  const newTokens = newTokensOf(source, promptTokens, options);
  return { prompts, capacity: { batch: given.length, promptTokens, newTokens } };
}

function conversationPrompts(
  chat: ChatPrompts | undefined,
  options: GenerateChatOptions | undefined,
): readonly Prompt[] {
  if (chat === undefined || options === undefined) return [];
  const system = options.system ?? chat.template.system ?? "";
  return options.conversations.map((messages) => {
    const isTold = system === "" || messages[0]?.role === "system";
    const all = isTold ? messages : [{ role: "system" as const, content: system }, ...messages];
    return { kind: "ids", ids: chat.encode(all) };
  });
}

/** Room for new tokens: transformers' `max_new_tokens` counts before `max_length`. */
function newTokensOf(
  { config, defaults }: GeneratorSource,
  longest: number,
  { maxNewTokens, maxLength }: GenerateOptions,
): number {
  const limit = maxNewTokens ?? (maxLength === undefined ? undefined : maxLength - longest);
  if (limit === undefined) {
    const inAll = defaults.maxLength === undefined ? 0 : defaults.maxLength - longest;
    const own = defaults.maxNewTokens ?? (inAll >= 1 ? inAll : DEFAULT_NEW_TOKENS);
    return Math.max(1, Math.min(own, config.maxPositions - longest));
  }
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new WbError(
    "WB2801",
    maxNewTokens === undefined
      ? `max-length ${String(maxLength)}: the longest prompt has ${longest} tokens, which leaves no room for an answer`
      : `max-new-tokens: expected a whole number of at least 1, found ${maxNewTokens}`,
    { details: { setting: maxNewTokens === undefined ? "max-length" : "max-new-tokens" } },
  );
}

/** Generates to the end, and says how long it took. */
async function listen(
  generator: Generator,
  request: GenerationRequest,
  { onText, onId, onProgress }: GenerateOptions,
  begin: number,
  chat: ChatPrompts | undefined,
): Promise<GenerateResult> {
  const loaded = performance.now();
  const generation = generator.generate(request);
  for (const [prompt, text] of generation.promptTexts.entries())
    if (text !== "" && chat === undefined) onText?.(prompt, text);
  let first: number | undefined;
  let steps = 0;
  for await (const { prompt, id, text } of generation) {
    first ??= performance.now();
    if (prompt === 0) steps++;
    onId?.(prompt, id);
    if (text !== "") onText?.(prompt, text);
    onProgress?.("generate", steps, request.maxNewTokens);
  }
  const end = performance.now();
  const results = generation.results();
  const count = results.reduce((sum, { newTokens }) => sum + newTokens, 0);
  const decodeSeconds = (end - (first ?? end)) / 1000;
  const decoded = count - results.length;
  return {
    results,
    // The first token of each prompt belongs to the prefill.
    tokensPerSecond:
      decoded > 0 && decodeSeconds > 0 ? decoded / decodeSeconds : (count * 1000) / (end - loaded),
    loadSeconds: (loaded - begin) / 1000,
    prefillSeconds: ((first ?? end) - loaded) / 1000,
    decodeSeconds,
    device: generator.device,
    backend: generator.backend,
    compute: generator.compute,
    activations: generator.activations,
    residence: generator.residence,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    template: chat?.template.name ?? null,
    notes: [
      ...generator.notes,
      ...(generator.defaults.doSample === true && request.doSample !== true
        ? [
            "generation_config.json: do_sample true: answers are greedy all the same, but for --do-sample",
          ]
        : []),
      ...(chat === undefined ? [] : [`template: ${chat.template.name} (${chat.why})`]),
    ],
  };
}
