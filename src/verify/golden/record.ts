import { writeSafetensors, type TensorToWrite } from "../../formats/safetensors/save.ts";
import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { outputPositions, outputWidth } from "../../model/encoder-heads.ts";
import { canonicalTensors } from "../../mapping/canonical.ts";
import { generateIds } from "../../runtime/generation/generate-ids.ts";
import { createSampler } from "../../runtime/generation/sampling.ts";
import { DEFAULT_SAMPLING } from "../../runtime/generation/sampling-settings.ts";
import type { Workload } from "../../runtime/memory-plan.ts";
import { forward } from "../../runtime/model/forward.ts";
import { LayerwiseModel } from "../../runtime/model/layerwise.ts";
import type { ComputeDtype, DeviceKind } from "../../runtime/backends/ops.ts";
import { DEFAULT_PROMPTS, idPrompts } from "../prompts.ts";
import { goldenMetadata, goldenTensors, integers } from "./write.ts";
import {
  openSource,
  planning,
  startRuntime,
  type Runtime,
  type ExactOptions,
} from "../../session/open-runtime.ts";
import { encodePrompts, wantedPositions, type Prompt } from "../../session/prompts.ts";
import {
  tokenizerDigest,
  TOKENIZER_KEY,
  VALUES_KEY,
  WEIGHTS_KEY,
  weightsIdentity,
} from "../weights-identity.ts";

/** Logits of a prompt in a golden file at most, in bytes, unless all are asked for: 103,168 tokens wide, 40 positions. */
const MAX_LOGIT_BYTES = 16 * 2 ** 20;

/** The beginning-of-sequence id of every model of the family. */
const BOS_ID = 1;

export interface RecordGoldenOptions extends ExactOptions {
  /** The built-in set when left out: texts where the model has a tokenizer, else ids. */
  readonly prompts?: readonly Prompt[] | undefined;
  /** Where logits are kept; when left out all, or as many from the end as fit into 16 MiB a prompt. */
  readonly positions?: "all" | "last" | readonly number[] | undefined;
  /** Keep every layer's output, which tells a later failure's place; true when left out. */
  readonly hiddenStates?: boolean | undefined;
  /** Greedily chosen ids after each prompt; 16 when left out, 0 for none. */
  readonly greedyTokens?: number | undefined;
  /** Told how far the work is. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A golden file as it was written. */
export interface RecordedGolden {
  readonly path: string;
  readonly prompts: readonly { readonly ids: readonly number[]; readonly positions: number }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly device: DeviceKind;
  readonly compute: ComputeDtype;
  readonly seconds: number;
  readonly notes: readonly string[];
}

/**
 * Records what this runtime computes as a golden file. It names its weights and its tokenizer, so that it is not taken for
 * another model's later.
 * @throws WbError of the readers and the runtime; WB2801 for prompts that cannot be.
 */
export async function recordGolden(
  path: string,
  out: string,
  options: RecordGoldenOptions = {},
): Promise<RecordedGolden> {
  const begin = performance.now();
  const source = await openSource(path, options);
  const { config, model } = source;
  const greedyTokens = options.greedyTokens ?? (config.encoder === undefined ? 16 : 0);
  const chosen = await planning(source, () => choose(config, model.folder, options));
  const work = workloadOf(config, chosen, greedyTokens);
  const runtime = await startRuntime(source, work, options);
  try {
    const outputs = await forward(new LayerwiseModel(runtime.decoder), chosen.ids, {
      positions: chosen.positions,
      hiddenStates: options.hiddenStates ?? true,
      signal: options.signal,
      ...(options.onProgress === undefined ? {} : { onLayer: options.onProgress }),
    });
    const tensors: TensorToWrite[] = [
      ...goldenTensors(runtime.config, chosen.ids, chosen.positions, outputs),
      ...(greedyTokens > 0 ? await greedyTensors(runtime, chosen.ids, greedyTokens, options) : []),
    ];
    const metadata = await metadataOf(runtime, chosen.prompts, options);
    await writeSafetensors(out, tensors, metadata);
    return {
      path: out,
      prompts: chosen.ids.map((ids, index) => ({
        ids,
        positions: chosen.positions[index]?.length ?? 0,
      })),
      metadata: Object.fromEntries(metadata),
      device: runtime.ops.device,
      compute: runtime.ops.compute,
      seconds: (performance.now() - begin) / 1000,
      notes: runtime.notes,
    };
  } finally {
    await runtime.close();
  }
}

interface Chosen {
  readonly prompts: readonly Prompt[];
  readonly ids: readonly (readonly number[])[];
  readonly positions: readonly (readonly number[])[];
}

async function choose(
  config: ModelConfig,
  folder: string,
  options: RecordGoldenOptions,
): Promise<Chosen> {
  const prompts = options.prompts ?? (await defaultPrompts(config, folder, options.tokenizer));
  const ids = await encodePrompts(folder, prompts, undefined, options.tokenizer);
  const rows = Math.max(1, Math.floor(MAX_LOGIT_BYTES / (4 * outputWidth(config))));
  const positions = ids.map((list) =>
    options.positions === undefined
      ? outputPositions(config, list.length).slice(-rows)
      : wantedPositions(config, list.length, options.positions),
  );
  return { prompts, ids, positions };
}

async function defaultPrompts(
  config: ModelConfig,
  folder: string,
  form: RecordGoldenOptions["tokenizer"],
): Promise<readonly Prompt[]> {
  if ((await tokenizerDigest(folder)) !== undefined) {
    const texts = DEFAULT_PROMPTS.map((text): Prompt => ({ kind: "text", text }));
    const ids = await encodePrompts(folder, texts, undefined, form);
    if (ids.every((list) => list.every((id) => id < config.vocabSize))) return texts;
  }
  return idPrompts(config.vocabSize, config.maxPositions, BOS_ID).map((ids): Prompt => ({
    kind: "ids",
    ids,
  }));
}

function workloadOf(
  config: ModelConfig,
  { ids, positions }: Chosen,
  greedyTokens: number,
): Workload {
  const tokens = ids.reduce((total, list) => total + list.length, 0);
  const longest = ids.reduce((most, list) => Math.max(most, list.length), 0);
  return {
    passes: greedyTokens > 0 ? "many" : "one",
    batch: 1,
    tokens: longest,
    cachedTokens: greedyTokens > 0 ? longest + greedyTokens : 0,
    hostTokens: tokens * (config.layers + 1),
    logitRows: positions.reduce((total, list) => total + list.length, 0),
  };
}

async function greedyTensors(
  { decoder }: Runtime,
  prompts: readonly (readonly number[])[],
  maxNewTokens: number,
  { signal }: RecordGoldenOptions,
): Promise<readonly TensorToWrite[]> {
  const tensors: TensorToWrite[] = [];
  for (const [index, prompt] of prompts.entries()) {
    for (const [name, repetitionPenalty] of [
      ["greedy_ids", 1],
      ["greedy_rp1.1_ids", 1.1],
    ] as const) {
      const ids = [...prompt];
      const steps = generateIds(decoder, [prompt], {
        maxNewTokens,
        stopIds: [],
        padId: 0,
        samplerOf: () => createSampler({ ...DEFAULT_SAMPLING, repetitionPenalty }),
        signal,
      });
      for await (const { id } of steps) ids.push(id);
      tensors.push(integers(`prompt.${index}.${name}`, ids));
    }
  }
  return tensors;
}

async function metadataOf(
  runtime: Runtime,
  prompts: readonly Prompt[],
  { signal, sourceLayout }: RecordGoldenOptions,
): Promise<ReadonlyMap<string, string>> {
  const { model, config, ops } = runtime;
  const identity = await weightsIdentity(
    canonicalTensors(model.checkpoint, config, { sourceLayout }),
    signal,
  );
  const metadata = new Map(goldenMetadata(ops));
  metadata.set(WEIGHTS_KEY, identity.sha256);
  metadata.set(VALUES_KEY, identity.valuesSha256);
  const tokenizer = await tokenizerDigest(model.folder);
  if (tokenizer !== undefined) metadata.set(TOKENIZER_KEY, tokenizer);
  for (const [index, prompt] of prompts.entries()) {
    if (prompt.kind === "text") metadata.set(`prompt.${index}.text`, prompt.text);
  }
  return metadata;
}

/** Frameworks that `goldenScript` has a script for. */
export const SCRIPT_FRAMEWORKS = ["transformers", "paddle"] as const;

/**
 * The Python that records a golden file from the framework that a model comes from.
 * @throws WbError WB2001 for another framework.
 */
export async function goldenScript(framework: string): Promise<string> {
  switch (framework) {
    case "transformers":
      return (await import("./scripts/transformers.ts")).TRANSFORMERS_SCRIPT;
    case "paddle":
      return (await import("./scripts/paddle.ts")).PADDLE_SCRIPT;
    default:
      throw new WbError(
        "WB2001",
        `--framework: expected one of ${SCRIPT_FRAMEWORKS.join(", ")}, found ${JSON.stringify(framework)}`,
        { details: { option: "--framework", found: JSON.stringify(framework) } },
      );
  }
}
