import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { Workload } from "../runtime/memory-plan.ts";
import type { TokenModel } from "../runtime/model/token-model.ts";
import type { ChoiceRules } from "../runtime/generation/choice-rules.ts";
import { generateIds, type GenerateIdsOptions } from "../runtime/generation/generate-ids.ts";
import { createSampler } from "../runtime/generation/sampling.ts";
import { type SamplingSettings } from "../runtime/generation/sampling-settings.ts";
import { SharedModel } from "../runtime/generation/shared-model.ts";
import type { ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
import { findTokenizer, openTokenizer, type Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { readGenerationDefaults, type GenerationDefaults } from "./generation-config.ts";
import { sharingNotes, textsAtOnce, type AtOnce, type GeneratorCapacity } from "./at-once.ts";
import { samplingOf } from "./generation-sampling.ts";
import { GrowingText } from "./growing-text.ts";
import { loadModel, type LoadedModel } from "./load-model.ts";
import {
  openSource,
  planning,
  startRuntime,
  type Runtime,
  type RuntimeOptions,
} from "./open-runtime.ts";
import type { Prompt } from "./prompts.ts";
import { refuseEncoder } from "./refuse-encoder.ts";

/** What is known of a model before its memory is planned. */
export interface GeneratorModel {
  readonly config: ModelConfig;
  /** Undefined where the folder has none. */
  readonly tokenizer: Tokenizer | undefined;
}

export interface GeneratorOptions extends RuntimeOptions {
  /** One prompt that fills the model's context when left out. */
  readonly capacity?: (model: GeneratorModel) => GeneratorCapacity;
  /** Whether a folder without a tokenizer is an error at once. */
  readonly needsTokenizer?: boolean;
  /** Told as layers are loaded. */
  readonly onLoad?: ((done: number, total: number) => void) | undefined;
}

/** One generation; settings that are left out are those of generation_config.json, and else transformers' defaults. */
export interface GenerationRequest
  extends
    Partial<SamplingSettings>,
    Pick<GenerateIdsOptions, "onLogits" | "beyondContext" | "kept"> {
  /** Token ids of at least one prompt; several are generated together. */
  readonly prompts: readonly (readonly number[])[];
  readonly maxNewTokens: number;
  /** Texts that end an answer; they are not part of it. Needs a tokenizer. */
  readonly stop?: readonly string[] | undefined;
  /** Decode answers by themselves, as chats do: a space before the first word is then not part of an answer. */
  readonly decodesAlone?: boolean | undefined;
  /** Ids that end an answer; the model's own when left out. */
  readonly stopIds?: readonly number[] | undefined;
  /** Beside those of generation_config.json. */
  readonly rules?: ChoiceRules | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One new token of one prompt. */
export interface GenerationStep {
  readonly prompt: number;
  readonly id: number;
  /** What of the answer became certain with it: often nothing, as bytes of a character or a stop text may be pending. */
  readonly text: string;
  /** "stop" for an end-of-sequence id or a stop text, "length" for the limit; then nothing more comes of this prompt. */
  readonly finish?: "stop" | "length";
}

/** The state of one prompt's answer. */
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

/** A generation that goes on as it is listened to; nothing of it is left on the device when listening ends. */
export interface Generation extends AsyncIterable<GenerationStep> {
  /** Each prompt as the tokenizer decodes it, less what its answer's first token may still change; "" without a tokenizer. */
  readonly promptTexts: readonly string[];
  /** What has been generated so far of each prompt. */
  results(): readonly GeneratedText[];
}

/** A model that was opened once, to generate from many times. */
export interface Generator extends GeneratorModel {
  /** Generations that may go on at the same time, and tokens of all of them, prompts and answers. */
  readonly atOnce: AtOnce;
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  /** What matrices are multiplied by: the compute dtype, or int8. */
  readonly activations: Runtime["activations"];
  readonly residence: "resident" | "streamed";
  /** What the user should know: the weights, the device and the memory plan that were chosen. */
  readonly notes: readonly string[];
  /** Ids that end an answer where a request names none. */
  readonly stopIds: readonly number[];
  /** What generation_config.json says, where a request says nothing else. */
  readonly defaults: GenerationDefaults;
  /** Token ids of a prompt. @throws WbError WB2801 for an empty one, WB3801 for text without a tokenizer. */
  encode(prompt: Prompt): readonly number[];
  /** @throws WbError WB2801 at once for settings and prompts that cannot be; steps throw those of the runtime. */
  generate(request: GenerationRequest): Generation;
  /**
   * Shows the logits [vocab] after each token of a prompt, in order; arrays are only good during the call.
   * @throws WbError WB3804, and those of the runtime.
   */
  score(
    ids: readonly number[],
    onLogits: (position: number, logits: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Gives back the memory of the weights. */
  close(): Promise<void>;
}

/** A model whose weights and tokenizer are open, before memory is planned and anything is loaded. */
export interface GeneratorSource extends GeneratorModel {
  readonly defaults: GenerationDefaults;
  /** As `Generator.encode`. */
  encode(prompt: Prompt): readonly number[];
  /** Opens the device and loads the layers that stay on it. Owns what is open then, which is closed when it fails. */
  load(capacity: GeneratorCapacity): Promise<Generator>;
  /** Runs what is done before loading; what is open is closed when it fails. */
  planning<T>(plan: () => T | Promise<T>): Promise<T>;
}

/**
 * Opens weights and tokenizer.
 * @param path A file of weights, an index, or a model folder, in any format.
 * @throws WbError of the readers; WB3801 where a tokenizer is needed and there is none.
 */
export async function openGeneratorSource(
  path: string,
  options: Omit<GeneratorOptions, "capacity"> = {},
): Promise<GeneratorSource> {
  const source = await openSource(path, options);
  const { config, model } = source;
  const find = options.needsTokenizer === true ? openTokenizer : findTokenizer;
  const known = await planning(source, async () => {
    refuseEncoder(config, path);
    return {
      tokenizer: await find(model.folder, options.tokenizer),
      defaults: await readGenerationDefaults(model.folder),
    };
  });
  const { endIds } = known.defaults;
  const stopIds = endIds.length > 0 ? endIds : config.eosTokenIds;
  const encode = (prompt: Prompt): readonly number[] =>
    encodePrompt(prompt, known.tokenizer, model.folder);
  return {
    config,
    tokenizer: known.tokenizer,
    defaults: known.defaults,
    encode,
    load: async (capacity) => {
      const runtime = await startRuntime(source, workOf(capacity), options);
      const loaded = await loading(runtime, capacity.batch, options);
      return generatorOf(runtime, loaded, { ...known, stopIds, encode, capacity });
    },
    planning: (plan) => planning(source, async () => plan()),
  };
}

async function loading(
  runtime: Runtime,
  batch: number,
  { signal, onLoad }: Omit<GeneratorOptions, "capacity">,
): Promise<LoadedModel> {
  try {
    return await loadModel(runtime, { batch, signal, onLoad });
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

function generatorOf(
  runtime: Runtime,
  loaded: LoadedModel,
  {
    tokenizer,
    stopIds,
    defaults,
    encode,
    capacity,
  }: Pick<Generator, "tokenizer" | "stopIds" | "defaults" | "encode"> & {
    readonly capacity: GeneratorCapacity;
  },
): Generator {
  const known = { tokenizer, stopIds, defaults };
  const atOnce = textsAtOnce(runtime.plan, loaded.model, capacity);
  const shared = atOnce.texts > 1 ? new SharedModel(loaded.model) : undefined;
  const model = shared ?? loaded.model;
  return {
    atOnce,
    config: runtime.config,
    tokenizer,
    device: runtime.ops.device,
    backend: runtime.ops.description,
    compute: runtime.ops.compute,
    activations: runtime.activations,
    residence: runtime.plan.residence,
    notes: [
      ...runtime.notes,
      ...loaded.notes,
      ...sharingNotes(capacity, atOnce),
      ...defaults.notes,
    ],
    stopIds,
    defaults,
    encode,
    generate: (request) => startGeneration(model, known, request),
    score: (ids, onLogits, signal) => {
      const work = (): Promise<void> => loaded.score(ids, onLogits, signal);
      return shared === undefined ? work() : shared.alone(work);
    },
    close: async () => {
      loaded.close();
      await runtime.close();
    },
  };
}

/**
 * Opens weights, tokenizer and device, and loads the layers that stay on it.
 * @throws WbError as `openGeneratorSource`, and of the runtime.
 */
export async function openGenerator(
  path: string,
  options: GeneratorOptions = {},
): Promise<Generator> {
  const source = await openGeneratorSource(path, options);
  const capacityOf = options.capacity ?? (({ config }) => wholeContext(config));
  return source.load(await source.planning(() => capacityOf(source)));
}

function wholeContext({ maxPositions }: ModelConfig): GeneratorCapacity {
  return { batch: 1, promptTokens: maxPositions, newTokens: 1 };
}

function workOf({ batch, promptTokens, newTokens }: GeneratorCapacity): Workload {
  return {
    passes: "many",
    batch,
    tokens: promptTokens,
    cachedTokens: batch * (promptTokens + newTokens),
    hostTokens: 0,
    logitRows: batch,
  };
}

function encodePrompt(
  prompt: Prompt,
  tokenizer: Tokenizer | undefined,
  folder: string,
): readonly number[] {
  if (prompt.kind === "ids") return prompt.ids;
  if (tokenizer !== undefined) return tokenizer.encode(prompt.text);
  throw new WbError("WB3801", `${folder}: a tokenizer is needed to encode text`, {
    details: { path: folder },
  });
}

interface Row {
  readonly ids: number[];
  readonly promptTokens: number;
  readonly text: GrowingText | undefined;
  finish: "stop" | "length";
}

function startGeneration(
  model: TokenModel,
  {
    tokenizer,
    stopIds: modelStopIds,
    defaults,
  }: Pick<Generator, "tokenizer" | "stopIds" | "defaults">,
  request: GenerationRequest,
): Generation {
  const sampling = samplingOf(request, defaults);
  const rules = { ...defaults.rules, ...request.rules };
  const stopIds = request.stopIds ?? modelStopIds;
  const stops = [...(tokenizer === undefined ? [] : defaults.stop), ...(request.stop ?? [])];
  const rows = request.prompts.map((prompt): Row => {
    const text =
      tokenizer === undefined
        ? undefined
        : new GrowingText(tokenizer, prompt, stops, request.decodesAlone);
    return { ids: [...prompt], promptTokens: prompt.length, text, finish: "length" };
  });
  return {
    promptTexts: rows.map(({ text }) => text?.promptText ?? ""),
    results: () => rows.map(resultOf),
    [Symbol.asyncIterator]: async function* () {
      const steps = generateIds(model, request.prompts, {
        maxNewTokens: request.maxNewTokens,
        stopIds,
        padId: model.config.padTokenId ?? stopIds[0] ?? 0,
        samplerOf: (prompt) =>
          createSampler(sampling, rules, {
            promptTokens: request.prompts[prompt]?.length ?? 0,
            maxNewTokens: request.maxNewTokens,
            endIds: stopIds,
          }),
        stopAfter: (prompt, id) => !stopIds.includes(id) && rows[prompt]?.text?.push(id) === true,
        onLogits: request.onLogits,
        beyondContext: request.beyondContext,
        kept: request.kept,
        signal: request.signal,
      });
      for await (const { prompt, id, finish } of steps) {
        const row = rows[prompt];
        if (row === undefined) continue;
        row.ids.push(id);
        if (finish !== undefined) {
          row.finish = finish;
          row.text?.end();
        }
        const text = row.text?.take() ?? "";
        yield finish === undefined ? { prompt, id, text } : { prompt, id, text, finish };
      }
    },
  };
}

function resultOf({ ids, promptTokens, text, finish }: Row): GeneratedText {
  return {
    text: text?.text ?? null,
    newText: text?.newText ?? null,
    ids,
    promptTokens,
    newTokens: ids.length - promptTokens,
    finish,
  };
}
