import { WbError } from "../errors/wb-error.ts";
import { canonicalTensors } from "../mapping/canonical.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { LinearLayout } from "../model/parameter.ts";
import { openDevice, type DeviceRequest } from "../runtime/backends/device.ts";
import { planMemory, type MemoryPlan, type Workload } from "../runtime/memory-plan.ts";
import { Decoder } from "../runtime/model/decoder.ts";
import { assemblyWeights, type WeightSource } from "../runtime/model/weights.ts";
import type { Backend } from "../runtime/backends/backend.ts";
import type { Activations, ComputeDtype, Ops } from "../runtime/backends/ops.ts";
import type { TokenizerForm } from "../runtime/tokenizer/tokenizer-form.ts";
import { quantisedNotes } from "./quantised-notes.ts";
import { openModel, requireConfig, type OpenedModel } from "./open-model.ts";

/** Share of the memory that the system says is available which we take unasked. */
const SHARE_OF_AVAILABLE = 0.9;

const ELEMENT_BYTES: Readonly<Record<ComputeDtype, number>> = { f32: 4, f16: 2, bf16: 2 };

/** What every command that runs a model takes. */
export interface RuntimeOptions {
  /** "auto" when left out. */
  readonly device?: DeviceRequest["device"] | undefined;
  /** "f32" when left out, the reference. */
  readonly compute?: ComputeDtype | undefined;
  /** "int8" rounds what GGUF's quantised matrices are multiplied by, as llama.cpp does: faster, and not the logits that `verify` judges. */
  readonly activations?: Activations | undefined;
  /** Bytes of memory to use at most; nine tenths of what is available when left out. */
  readonly maxMemory?: number | undefined;
  /** Where the file cannot tell the layout of its Linear weights. */
  readonly sourceLayout?: LinearLayout | undefined;
  /** Which class LLaMA's SentencePiece model is read as; what the folder's files say when left out. */
  readonly tokenizer?: TokenizerForm | undefined;
  /** Lets the backend print. */
  readonly verbose?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What computes a model's own logits, which those of rounded activations are not. */
export type ExactOptions = Omit<RuntimeOptions, "activations">;

/** A model that is ready to run. */
export interface Runtime {
  readonly model: OpenedModel;
  readonly config: ModelConfig;
  readonly ops: Ops;
  /** What its matrices are multiplied by: the compute dtype, or int8 where those are in blocks. */
  readonly activations: ComputeDtype | Activations;
  readonly graphs: Backend["graphs"];
  readonly decoder: Decoder;
  readonly plan: MemoryPlan;
  /** What the user should know: the weights, the device and the memory plan that were chosen; one sentence each. */
  readonly notes: readonly string[];
  /** Frees the device's memory and closes the files. */
  close(): Promise<void>;
}

/** Weights that are open, of a model whose dimensions are known: what work is planned from. */
export interface RuntimeSource {
  readonly model: OpenedModel;
  readonly config: ModelConfig;
  readonly weights: WeightSource;
}

/**
 * Opens weights; reads headers only.
 * @throws WbError of the readers, WB3705.
 */
export async function openSource(path: string, options: RuntimeOptions): Promise<RuntimeSource> {
  const model = await openModel(path, { signal: options.signal });
  try {
    const config = requireConfig(model);
    return { model, config, weights: modelWeights(model, config, options.sourceLayout) };
  } catch (error) {
    await model.checkpoint.close();
    throw error;
  }
}

/**
 * Opens a device for some work on weights that are open, and plans its memory. The runtime owns the weights then; they are closed
 * when it fails.
 * @throws WbError WB3780, WB4780, WB6003, WB6201, WB6203, WB6204.
 */
export async function startRuntime(
  { model, config, weights }: RuntimeSource,
  work: Workload,
  options: RuntimeOptions,
): Promise<Runtime> {
  try {
    const { device = "auto", compute = "f32", verbose = false, ...rest } = options;
    const { activations, signal } = rest;
    const request = { device, compute, activations, verbose, signal };
    const { why, ...backend } = await openDevice(request);
    const said = quantisedNotes(config, weights, backend.ops);
    const { decoder, plan } = openDecoder(backend, config, weights, work, options.maxMemory);
    return {
      model,
      config,
      ops: backend.ops,
      activations: backend.ops.quantised?.activations === "int8" ? "int8" : backend.ops.compute,
      graphs: backend.graphs,
      decoder,
      plan,
      notes: [...model.notes, `device: ${why}`, `memory: ${plan.why}`, ...said],
      close: async () => {
        await decoder.dispose();
        // What the backend keeps for itself, such as numbers that every token needs.
        backend.ops.dispose();
        await model.checkpoint.close();
      },
    };
  } catch (error) {
    await model.checkpoint.close();
    throw error;
  }
}

/** Runs what is done between opening weights and starting to work on them; they are closed when it fails. */
export async function planning<T>(
  { model }: Pick<RuntimeSource, "model">,
  plan: () => Promise<T>,
): Promise<T> {
  try {
    return await plan();
  } catch (error) {
    await model.checkpoint.close();
    throw error;
  }
}

/**
 * Opens weights, device and model for some work; reads headers only.
 * @param workOf What will be run, told from the model's config.
 * @throws WbError as `openSource` and `startRuntime`.
 */
export async function openRuntime(
  path: string,
  options: RuntimeOptions,
  workOf: (config: ModelConfig, model: OpenedModel) => Workload | Promise<Workload>,
): Promise<Runtime> {
  const source = await openSource(path, options);
  const work = await planning(source, async () => workOf(source.config, source.model));
  return startRuntime(source, work, options);
}

/** The parameters of an opened model by Hugging Face name, read when asked for. */
export function modelWeights(
  model: OpenedModel,
  config: ModelConfig,
  sourceLayout?: LinearLayout,
): WeightSource {
  return assemblyWeights(canonicalTensors(model.checkpoint, config, { sourceLayout }));
}

/** A decoder on a device that is open, with memory planned. @throws WbError WB3780, WB4780, WB6003. */
export function openDecoder(
  backend: Backend,
  config: ModelConfig,
  weights: WeightSource,
  work: Workload,
  maxMemory?: number,
): { readonly decoder: Decoder; readonly plan: MemoryPlan } {
  checkPromptLength(config, work);
  const { ops } = backend;
  const plan = planMemory(
    config,
    (name) => weights.facts(name),
    {
      device: ops.device,
      memoryLimit: ops.memoryLimit,
      weightElementBytes: (dtype) => ops.weightElementBytes(dtype),
      quantised: ops.quantised,
      elementBytes: ELEMENT_BYTES[ops.compute],
    },
    work,
    maxMemory ?? process.availableMemory() * SHARE_OF_AVAILABLE,
  );
  const { residence, experts } = plan;
  const decoder = new Decoder(backend, config, weights, residence, undefined, experts);
  return { decoder, plan };
}

function checkPromptLength(config: ModelConfig, { tokens }: Workload): void {
  if (tokens > 0) return;
  throw new WbError(
    "WB2801",
    `expected a prompt of 1 to ${config.maxPositions} tokens, found an empty one`,
  );
}
