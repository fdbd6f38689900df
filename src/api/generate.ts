import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../mapping/model-config.ts";
import { generateIds } from "../runtime/generation/generate-ids.ts";
import {
  checkSampling,
  createSampler,
  DEFAULT_SAMPLING,
  type SamplingSettings,
} from "../runtime/generation/sampling.ts";
import type { ComputeDtype, DeviceKind } from "../runtime/ops.ts";
import { openTokenizer, type Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { GrowingText } from "./growing-text.ts";
import { openRuntime, type Runtime, type RuntimeOptions } from "./open-runtime.ts";
import type { Prompt } from "./prompts.ts";
import { tokenizerDigest } from "./weights-identity.ts";

/** New tokens where the caller sets no limit. */
const DEFAULT_NEW_TOKENS = 128;

export interface GenerateOptions extends RuntimeOptions, Partial<SamplingSettings> {
  /** At least one; several are generated together. */
  readonly prompts: readonly Prompt[];
  /** New tokens of each prompt at most; 128, or what the context has room for, when neither limit is given. */
  readonly maxNewTokens?: number | undefined;
  /** Tokens of prompt and answer together at most, as transformers' `max_length`. */
  readonly maxLength?: number | undefined;
  /** Texts that end an answer; they are not part of it. */
  readonly stop?: readonly string[] | undefined;
  /** Ids that end an answer; those of generation_config.json or config.json when left out. */
  readonly stopIds?: readonly number[] | undefined;
  /** Told of text as it becomes certain: the prompt's first, then the answer's. Needs a tokenizer. */
  readonly onText?: (prompt: number, text: string) => void;
  /** Told of every new id. */
  readonly onId?: (prompt: number, id: number) => void;
  readonly onProgress?: (phase: "load" | "generate", done: number, total: number) => void;
}

export interface GeneratedText {
  /** Prompt and answer, special tokens left out; null where the model has no tokenizer. */
  readonly text: string | null;
  /** The answer alone; null where the model has no tokenizer. */
  readonly newText: string | null;
  /** Prompt and new ids. */
  readonly ids: readonly number[];
  readonly promptTokens: number;
  readonly newTokens: number;
  /** "stop" for an end-of-sequence id or a stop text, "length" for the limit. */
  readonly finish: "stop" | "length";
}

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
  readonly residence: "resident" | "streamed";
  readonly peakMemoryBytes: number;
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
  const sampling = samplingOf(options);
  let request: Request | undefined;
  const runtime = await openRuntime(path, options, async (config, { folder }) => {
    request = await prepare(config, folder, options);
    const { prompts, newTokens } = request;
    const longest = prompts.reduce((most, ids) => Math.max(most, ids.length), 0);
    return {
      passes: "many",
      batch: prompts.length,
      tokens: longest,
      cachedTokens: prompts.length * (longest + newTokens),
      hostTokens: 0,
      logitRows: prompts.length,
    };
  });
  try {
    await runtime.decoder.load({
      signal: options.signal,
      onLayer: (done, total) => options.onProgress?.("load", done, total),
    });
    if (request === undefined) throw new WbError("WB7001", "nothing was prepared to generate");
    return await run(runtime, request, sampling, options, begin);
  } finally {
    await runtime.close();
  }
}

/** What is generated from. */
interface Request {
  readonly prompts: readonly (readonly number[])[];
  readonly newTokens: number;
  readonly stopIds: readonly number[];
  readonly tokenizer: Tokenizer | undefined;
}

function samplingOf(options: GenerateOptions): SamplingSettings {
  const settings: SamplingSettings = {
    doSample: options.doSample ?? DEFAULT_SAMPLING.doSample,
    temperature: options.temperature ?? DEFAULT_SAMPLING.temperature,
    topK: options.topK ?? DEFAULT_SAMPLING.topK,
    topP: options.topP ?? DEFAULT_SAMPLING.topP,
    repetitionPenalty: options.repetitionPenalty ?? DEFAULT_SAMPLING.repetitionPenalty,
    seed: options.seed ?? DEFAULT_SAMPLING.seed,
  };
  checkSampling(settings);
  return settings;
}

async function prepare(
  config: ModelConfig,
  folder: string,
  options: GenerateOptions,
): Promise<Request> {
  if (options.prompts.length === 0) throw new WbError("WB2801", "expected at least one prompt");
  const needsTokenizer =
    options.prompts.some(({ kind }) => kind === "text") || (options.stop ?? []).length > 0;
  const hasTokenizer = needsTokenizer || (await tokenizerDigest(folder)) !== undefined;
  const tokenizer = hasTokenizer ? await openTokenizer(folder) : undefined;
  const prompts = options.prompts.map((prompt) =>
    prompt.kind === "ids" ? prompt.ids : (tokenizer?.encode(prompt.text) ?? []),
  );
  return {
    prompts,
    newTokens: newTokensOf(config, prompts, options),
    stopIds: options.stopIds ?? (await endIds(config, folder)),
    tokenizer,
  };
}

/** Room for new tokens: transformers' `max_new_tokens` counts before `max_length`. */
function newTokensOf(
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
  { maxNewTokens, maxLength }: GenerateOptions,
): number {
  const longest = prompts.reduce((most, ids) => Math.max(most, ids.length), 0);
  const limit = maxNewTokens ?? (maxLength === undefined ? undefined : maxLength - longest);
  if (limit === undefined)
    return Math.max(1, Math.min(DEFAULT_NEW_TOKENS, config.maxPositions - longest));
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new WbError(
    "WB2801",
    maxNewTokens === undefined
      ? `max-length ${String(maxLength)}: the longest prompt has ${longest} tokens, which leaves no room for an answer`
      : `max-new-tokens: expected a whole number of at least 1, found ${maxNewTokens}`,
  );
}

/** Ids that end a text: generation_config.json is meant for this, config.json says it for older models. */
async function endIds(config: ModelConfig, folder: string): Promise<readonly number[]> {
  const path = join(folder, "generation_config.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return config.eosTokenIds;
    throw error;
  }
  const eos = eosIn(text, path);
  return eos.length > 0 ? eos : config.eosTokenIds;
}

function eosIn(text: string, path: string): readonly number[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WbError("WB3701", `${path}: not JSON`, { cause: error });
  }
  if (typeof value !== "object" || value === null || !("eos_token_id" in value)) return [];
  const list: readonly unknown[] = Array.isArray(value.eos_token_id)
    ? value.eos_token_id
    : [value.eos_token_id];
  return list.filter((id): id is number => Number.isSafeInteger(id));
}

async function run(
  runtime: Runtime,
  { prompts, newTokens, stopIds, tokenizer }: Request,
  sampling: SamplingSettings,
  options: GenerateOptions,
  begin: number,
): Promise<GenerateResult> {
  const loaded = performance.now();
  const ids = prompts.map((prompt) => [...prompt]);
  const finishes: ("stop" | "length")[] = prompts.map(() => "length");
  const texts = prompts.map((prompt, index) =>
    tokenizer === undefined
      ? undefined
      : new GrowingText(tokenizer, prompt, options.stop ?? [], (text) =>
          options.onText?.(index, text),
        ),
  );
  let first: number | undefined;
  const steps = generateIds(runtime.decoder, prompts, {
    maxNewTokens: newTokens,
    stopIds,
    padId: runtime.config.padTokenId ?? stopIds[0] ?? 0,
    samplerOf: () => createSampler(sampling),
    stopAfter: (prompt, id) => !stopIds.includes(id) && texts[prompt]?.push(id) === true,
    signal: options.signal,
  });
  for await (const { prompt, id, finish } of steps) {
    first ??= performance.now();
    ids[prompt]?.push(id);
    if (finish !== undefined) finishes[prompt] = finish;
    options.onId?.(prompt, id);
    options.onProgress?.("generate", (ids[0]?.length ?? 0) - (prompts[0]?.length ?? 0), newTokens);
  }
  const end = performance.now();
  for (const text of texts) text?.end();
  const count = ids.reduce(
    (sum, list, index) => sum + list.length - (prompts[index]?.length ?? 0),
    0,
  );
  const decodeSeconds = (end - (first ?? end)) / 1000;
  const decoded = count - prompts.length;
  return {
    results: ids.map((list, index) => ({
      text: texts[index]?.text ?? null,
      newText: texts[index]?.newText ?? null,
      ids: list,
      promptTokens: prompts[index]?.length ?? 0,
      newTokens: list.length - (prompts[index]?.length ?? 0),
      finish: finishes[index] ?? "length",
    })),
    // The first token of each prompt belongs to the prefill.
    tokensPerSecond:
      decoded > 0 && decodeSeconds > 0 ? decoded / decodeSeconds : (count * 1000) / (end - loaded),
    loadSeconds: (loaded - begin) / 1000,
    prefillSeconds: ((first ?? end) - loaded) / 1000,
    decodeSeconds,
    device: runtime.ops.device,
    backend: runtime.ops.description,
    compute: runtime.ops.compute,
    residence: runtime.plan.residence,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    notes: runtime.notes,
  };
}
