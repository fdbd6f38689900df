import {
  generate as runGenerate,
  type GenerateOptions as RunGenerateOptions,
  type GenerateResult,
} from "../api/generate.ts";
import {
  logits as runLogits,
  type LogitsOptions as RunLogitsOptions,
  type LogitsResult,
} from "../api/logits.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { checkOptions, checkPath } from "../options/check-options.ts";
import type { Workload } from "../runtime/memory-plan.ts";
import {
  openGenerator as runOpenGenerator,
  type Generator,
  type GeneratorOptions as RunGeneratorOptions,
} from "../session/generator.ts";
import type { OpenedModel } from "../session/open-model.ts";
import type { Prompt } from "../session/prompts.ts";
import {
  openRuntime as runOpenRuntime,
  type Runtime,
  type RuntimeOptions as RunRuntimeOptions,
} from "../session/open-runtime.ts";
import { GENERATE, GENERATOR, LOGITS, RUNTIME } from "./rules.ts";
import { withBytes, type WithSizes } from "./sizes.ts";

export type { GenerateChatOptions, GenerateResult } from "../api/generate.ts";
export type { LogitsResult, PositionTop } from "../api/logits.ts";
export {
  generateIds,
  type GeneratedId,
  type GenerateIdsOptions,
} from "../runtime/generation/generate-ids.ts";
export type { Activations, ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
export type { AtOnce, GeneratorCapacity } from "../session/at-once.ts";
export type {
  GeneratedText,
  Generation,
  GenerationRequest,
  GenerationStep,
  Generator,
  GeneratorModel,
} from "../session/generator.ts";
export type { Runtime } from "../session/open-runtime.ts";
export type { Prompt } from "../session/prompts.ts";

/** What every function that runs a model takes. */
export type RuntimeOptions = WithSizes<RunRuntimeOptions>;

/** What is generated, and where. */
export type GenerateOptions = WithSizes<RunGenerateOptions>;

/** Which logits, and where. */
export type LogitsOptions = WithSizes<RunLogitsOptions>;

/** What a generator is opened for. */
export type GeneratorOptions = WithSizes<RunGeneratorOptions>;

/** Continues prompts as transformers' `generate` does. @throws WbError WB2001, and those of the runtime. */
export async function generate(path: string, options: GenerateOptions): Promise<GenerateResult> {
  checkPath("generate", "path", path);
  checkOptions("generate", options ?? null, GENERATE);
  return runGenerate(path, { ...withBytes(options), prompts: promptsOf(options) });
}

/** Logits of a model on prompts, in one pass over its weights. @throws WbError WB2001, and those of the runtime. */
export async function logits(path: string, options: LogitsOptions): Promise<LogitsResult> {
  checkPath("logits", "path", path);
  checkOptions("logits", options ?? null, LOGITS);
  return runLogits(path, { ...withBytes(options), prompts: promptsOf(options) });
}

/** Code without types may leave them out; the functions then say what they expect. */
function promptsOf({ prompts }: { readonly prompts?: readonly Prompt[] }): readonly Prompt[] {
  return prompts ?? [];
}

/** Opens a model once, to generate from many times. @throws WbError WB2001, and those of the runtime. */
export async function openGenerator(path: string, options?: GeneratorOptions): Promise<Generator> {
  checkPath("openGenerator", "path", path);
  checkOptions("openGenerator", options, GENERATOR);
  return runOpenGenerator(path, withBytes(options ?? {}));
}

/** Opens weights, device and model for some work; reads headers only. @throws WbError WB2001, and those of the runtime. */
export async function openRuntime(
  path: string,
  options: RuntimeOptions,
  workOf: (config: ModelConfig, model: OpenedModel) => Workload | Promise<Workload>,
): Promise<Runtime> {
  checkPath("openRuntime", "path", path);
  checkOptions("openRuntime", options ?? null, RUNTIME);
  return runOpenRuntime(path, withBytes(options), workOf);
}
