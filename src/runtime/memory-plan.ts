import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { blockType } from "../formats/gguf/block-types.ts";
import { DTYPES } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/shape.ts";
import { allExperts, commonOf, oneExpert, someExperts, type ExpertPlan } from "./expert-plan.ts";
import { architectureOf } from "./model/architecture.ts";
import type { ExpertBounds } from "./model/expert-store.ts";
import { expectedTensors, layerTensors, type TensorSpec } from "../model/tensors.ts";
import { SCORE_BYTES } from "./backends/steps/attention.ts";
import { TOKENS_AT_A_TIME } from "./backends/steps/composed.ts";
import { outputWidth } from "../model/encoder-heads.ts";
import { HEAD_BAND_BYTES, type Residence } from "./model/weight-store.ts";
import { deviceElementBytes, type WeightFacts } from "./model/weights.ts";
import { CACHE_STEP, type DeviceKind, type Ops } from "./backends/ops.ts";

/** What is going to be run. */
export interface Workload {
  /** How often all layers are passed: weights that pass once need not stay. */
  readonly passes: "one" | "many";
  /** Rows of a batch that are computed at once. */
  readonly batch: number;
  /** Tokens of the longest row that pass at once. */
  readonly tokens: number;
  /** Tokens of all rows for which keys and values are kept; 0 without a cache. */
  readonly cachedTokens: number;
  /** Tokens whose hidden states are in host memory between the layers. */
  readonly hostTokens: number;
  /** Tokens whose logits are wanted at once. */
  readonly logitRows: number;
}

/** What is known of a parameter in the file: its dtype, and the quantised blocks that it can be read in. */
export type StoredFacts = (name: string) => Pick<WeightFacts, "dtype" | "blocks"> | undefined;

/** What the plan needs to know of a device. */
export type DeviceFacts = Pick<
  Ops,
  "device" | "memoryLimit" | "weightElementBytes" | "quantised"
> & {
  /** Bytes of an activation's element. */
  readonly elementBytes: number;
};

/** Bytes by purpose. */
export interface MemoryUse {
  readonly weights: number;
  readonly activations: number;
  readonly keyValueCache: number;
  /** Weights in host memory: the layer or the head's rows that are read ahead, those being uploaded, and resident the embeddings. */
  readonly reading: number;
  /** Hidden states and logits in host memory. */
  readonly results: number;
}

export interface MemoryPlan {
  readonly residence: Residence;
  /** What routed experts may take. */
  readonly experts: ExpertBounds;
  readonly use: MemoryUse;
  /** Bytes in all, where device and host share memory; else on the device. */
  readonly total: number;
  /** Bytes that may be used; `total` is not above. */
  readonly limit: number;
  /** Bytes on the device that are left. */
  readonly spare: number;
  /** One sentence. */
  readonly why: string;
}

/** Copies of one band's scores that live at once: products, scaled, masked, raised, softmax, and a transposed right side. */
const SCORE_COPIES = 6;

/** Arrays [T, C] that live at once in a layer: input, norm, q, k, v before and after transposing and rotating, mixed, output. */
const HIDDEN_COPIES = 16;

/** Arrays [T, I] that live at once in the MLP: gate, sigmoid, up, product, and the transposed copies of a product. */
const INTERMEDIATE_COPIES = 6;

/**
 * What a process takes before any model, in bytes: Node, TensorFlow.js, and the compiled module or TensorFlow's library, of which
 * 300 MB are in memory once it runs.
 */
const BASE_BYTES: Readonly<Record<DeviceKind, number>> = { wasm: 200e6, cpu: 420e6, cuda: 420e6 };

/**
 * Bytes of weights that were read and are not collected yet, where weights come and go: V8 begins to collect when 64 MiB were allocated
 * outside of its heap since it last did (`kExternalAllocationSoftLimit`, v8-internal.h). What wasm takes before any model is
 * less than what is counted above, and has room for it.
 */
const UNCOLLECTED_BYTES: Readonly<Record<DeviceKind, number>> = {
  wasm: 0,
  cpu: 64 * 2 ** 20,
  cuda: 64 * 2 ** 20,
};

/**
 * Which weights stay: all; all but routed experts, of which some do; or none, but for some routed experts. Experts are read when they
 * are chosen, so that those which no token takes need no memory before.
 */
type Holding = "all" | "common" | "none";

/**
 * Chooses between holding all weights and letting them pass, from sizes alone; what is left over then goes to experts.
 * @param stored what is known of each parameter in the file.
 * @param hostLimit bytes that this process may use.
 * @throws WbError WB6003 when neither fits; streaming takes buffers of its own, which are more than a tiny model.
 */
export function planMemory(
  config: ModelConfig,
  stored: StoredFacts,
  device: DeviceFacts,
  work: Workload,
  hostLimit: number,
): MemoryPlan {
  const limit = limitOf(device, hostLimit);
  const totals = (holding: Holding): Totals => totalOf(holding, config, stored, device, work);
  const resident = totals("all");
  const streamed = totals("none");
  const numbers = `${gigabytes(resident.total)} resident, ${gigabytes(streamed.total)} streamed, ${gigabytes(limit)} allowed${ownLimit(device, limit)}`;
  const fits = ({ total, onDevice }: Totals): boolean =>
    total <= limit && onDevice <= (device.memoryLimit ?? Number.POSITIVE_INFINITY);
  const common = totals("common");
  if (![resident, common, streamed].some(fits)) {
    const least = resident.total < streamed.total ? resident : streamed;
    throw new WbError(
      "WB6003",
      `the model does not fit into memory: ${numbers}; ${wayOut(device, least)}`,
      {
        details: { resident: resident.total, streamed: streamed.total, limit },
      },
    );
  }
  const many = work.passes === "many";
  const kept = fits(resident) ? "all" : fits(common) ? "common" : "none";
  const holding = many || !fits(streamed) ? kept : "none";
  const chosen = { all: resident, common, none: streamed }[holding];
  const left = (room: number): number =>
    Math.min(
      limit - chosen.total - room,
      (device.memoryLimit ?? Number.POSITIVE_INFINITY) - chosen.onDevice - room,
    );
  const experts: ExpertPlan =
    holding === "all"
      ? allExperts(config)
      : someExperts(config, work.passes, left(0), bytesOnDevice(stored, device), gigabytes);
  const residence = holding === "none" ? "streamed" : "resident";
  const reason = many ? "weights are used for every token" : "weights are used once";
  return {
    residence,
    experts: experts.bounds,
    use: { ...chosen.use, weights: chosen.use.weights + experts.room },
    total: chosen.total + experts.room,
    limit,
    spare: left(experts.room),
    why: `${residence}: ${reason}; ${numbers}${experts.why}`,
  };
}

/** Bytes for everything on a device that shares the host's memory; for the device's own share elsewhere. */
function limitOf(device: DeviceFacts, hostLimit: number): number {
  if (sharesHostMemory(device.device)) return hostLimit;
  return device.memoryLimit ?? Number.POSITIVE_INFINITY;
}

function sharesHostMemory(device: DeviceKind): boolean {
  return device !== "cuda";
}

/** What would do for the least that the work takes. */
function wayOut({ device, memoryLimit }: DeviceFacts, { total, onDevice }: Totals): string {
  if (onDevice > (memoryLimit ?? Number.POSITIVE_INFINITY))
    return `${gigabytes(onDevice)} on the ${device} device alone: another --device, or fewer or shorter prompts, would do`;
  // Rounded up, so that the number does when it is typed.
  return `--max-memory ${Math.ceil(total / 1e6)}MB would do`;
}

/** Says what a device that is inside the host's memory is limited to by itself, where that is less than all that is allowed. */
function ownLimit({ device, memoryLimit }: DeviceFacts, limit: number): string {
  if (memoryLimit === undefined || !sharesHostMemory(device) || memoryLimit >= limit) return "";
  return `, of which ${gigabytes(memoryLimit)} on the ${device} heap`;
}

interface Totals {
  readonly use: MemoryUse;
  readonly onDevice: number;
  readonly total: number;
}

function totalOf(
  holding: Holding,
  config: ModelConfig,
  stored: StoredFacts,
  device: DeviceFacts,
  work: Workload,
): Totals {
  const use = useOf(holding, config, stored, device, work);
  const onDevice = use.weights + use.activations + use.keyValueCache;
  const onHost = BASE_BYTES[device.device] + use.reading + use.results;
  return { use, onDevice, total: onDevice + (sharesHostMemory(device.device) ? onHost : 0) };
}

/** Bytes of tensors on the device. */
function bytesOnDevice(
  stored: StoredFacts,
  device: DeviceFacts,
): (tensors: readonly TensorSpec[]) => number {
  return (tensors) =>
    sum(
      tensors,
      ({ name, shape }) => (elementCount(shape) ?? 0) * deviceElementBytes(device, stored(name)),
    );
}

function useOf(
  holding: Holding,
  config: ModelConfig,
  stored: StoredFacts,
  device: DeviceFacts,
  work: Workload,
): MemoryUse {
  const architecture = architectureOf(config);
  const onDevice = bytesOnDevice(stored, device);
  const keepsBlocks = ({ name }: TensorSpec): boolean => {
    const type = stored(name)?.blocks;
    return type !== undefined && device.quantised?.elementBytes(type) !== undefined;
  };
  const elementBytes = (name: string, inBlocks: boolean): number => {
    const facts = stored(name);
    const type = inBlocks && facts?.blocks !== undefined ? blockType(facts.blocks) : undefined;
    return type === undefined ? DTYPES[facts?.dtype ?? "F32"].bits / 8 : type.bytes / type.elements;
  };
  const inHost = (parameters: readonly TensorSpec[]): number =>
    sum(
      parameters,
      (one) => (elementCount(one.shape) ?? 0) * elementBytes(one.name, keepsBlocks(one)),
    );
  const parameters = expectedTensors(config);
  const layer = largestLayer(config);
  const embedding = parameters.filter(({ name }) => name === architecture.embedding);
  // Tables are kept in blocks whatever the device takes.
  const tables = sum(
    embedding,
    ({ name, shape }) => (elementCount(shape) ?? 0) * elementBytes(name, true),
  );
  const head = parameters.filter(({ name }) => name === architecture.head);
  const rest = parameters.filter(
    ({ name }) => name !== architecture.embedding || name === architecture.head,
  );
  const band = Math.min(HEAD_BAND_BYTES, onDevice(head));
  const cachedTokens = work.cachedTokens === 0 ? 0 : work.cachedTokens + work.batch * CACHE_STEP;
  const expert = oneExpert(layer);
  const atOnce = [...commonOf(layer), ...expert];
  const ahead = Math.max(
    2 * inHost(atOnce) + largestCast(atOnce.filter((one) => !keepsBlocks(one))),
    2 * Math.min(band, inHost(head)),
  );
  const weights = {
    all: onDevice(rest),
    common: onDevice(commonOf(rest)) + onDevice(expert),
    none: Math.max(onDevice(atOnce), 2 * band),
  }[holding];
  return {
    weights,
    activations: activationBytes(config, device, work),
    keyValueCache:
      2 * cachedTokens * config.layers * config.kvHeads * config.headDim * device.elementBytes,
    reading:
      ahead +
      (holding === "none" ? 0 : tables) +
      (holding === "all" ? 0 : UNCOLLECTED_BYTES[device.device]),
    results: 4 * (2 * work.hostTokens * config.hiddenSize + work.logitRows * outputWidth(config)),
  };
}

function activationBytes(
  { hiddenSize, intermediateSize, heads, headDim }: ModelConfig,
  { elementBytes }: DeviceFacts,
  { batch, tokens }: Workload,
): number {
  const wide = Math.max(hiddenSize, heads * headDim);
  const rows = batch * tokens;
  const scores = Math.min(SCORE_BYTES, 4 * batch * heads * tokens * tokens);
  return (
    elementBytes * HIDDEN_COPIES * rows * wide +
    elementBytes *
      INTERMEDIATE_COPIES *
      batch *
      Math.min(tokens, TOKENS_AT_A_TIME) *
      intermediateSize +
    SCORE_COPIES * scores
  );
}

function elementsOf(layer: readonly TensorSpec[]): number {
  return sum(layer, ({ shape }) => elementCount(shape) ?? 0);
}

function elementsAtOnce(layer: readonly TensorSpec[]): number {
  return elementsOf([...commonOf(layer), ...oneExpert(layer)]);
}

/** The tensors of the layer that has most at once: some have experts, of which one at a time counts, others one network. */
function largestLayer(config: ModelConfig): readonly TensorSpec[] {
  const first = layerTensors(config, 0);
  if (config.experts === undefined) return first;
  return config.experts.layers
    .map((_isSparse, layer) => layerTensors(config, layer))
    .reduce((most, layer) => (elementsAtOnce(layer) > elementsAtOnce(most) ? layer : most), first);
}

/** The float32 copy of the largest matrix while it is cast. */
function largestCast(parameters: readonly TensorSpec[]): number {
  return Math.max(0, ...parameters.map(({ shape }) => 4 * (elementCount(shape) ?? 0)));
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** `3.21 GB`, decimal. */
function gigabytes(bytes: number): string {
  return Number.isFinite(bytes) ? `${(bytes / 1e9).toFixed(2)} GB` : "any amount";
}
