import { writeSafetensors } from "../formats/safetensors/save.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { Workload } from "../runtime/memory-plan.ts";
import { forward, type PromptOutput } from "../runtime/model/forward.ts";
import { LayerwiseModel } from "../runtime/model/layerwise.ts";
import type { ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
import { topLogits } from "../runtime/top-logits.ts";
import { goldenMetadata, goldenTensors } from "../verify/golden/write.ts";
import { encodePrompts, positionsOf, type Prompt } from "../session/prompts.ts";
import {
  openSource,
  planning,
  startRuntime,
  type Runtime,
  type RuntimeOptions,
} from "../session/open-runtime.ts";

/** How many of the largest logits `top` holds where the caller does not say. */
const DEFAULT_TOP = 5;

export interface LogitsOptions extends RuntimeOptions {
  /** At least one. */
  readonly prompts: readonly Prompt[];
  /** "all", "last", or token indices, from the end where negative; "all" when left out. */
  readonly positions?: "all" | "last" | readonly number[] | undefined;
  /** Largest logits of each position; 5 when left out. */
  readonly top?: number | undefined;
  /** A safetensors file in the shape of a golden file. */
  readonly out?: string | undefined;
  /** Also write the hidden states of every layer. */
  readonly hiddenStates?: boolean | undefined;
  /** Told how far the work is. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The largest logits at one position of a prompt. */
export interface PositionTop {
  readonly prompt: number;
  readonly position: number;
  /** Largest logit first; the lower id first on ties. */
  readonly ids: readonly number[];
  readonly logits: readonly number[];
}

/** The logits of all prompts, and the device that computed them. */
export interface LogitsResult {
  readonly architecture: string;
  readonly prompts: readonly {
    readonly ids: readonly number[];
    readonly positions: readonly number[];
    /** [positions, vocab] row-major. */
    readonly logits: Float32Array;
  }[];
  readonly vocabSize: number;
  readonly top: readonly PositionTop[];
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  readonly residence: "resident" | "streamed";
  readonly seconds: number;
  readonly notes: readonly string[];
}

/**
 * Logits of a model on prompts, in one pass over its weights.
 * @param path A file of weights, an index, or a model folder, in any format.
 * @throws WbError of the readers and the runtime; WB2801 for an empty prompt; WB3804 for an id outside the vocabulary.
 */
export async function logits(path: string, options: LogitsOptions): Promise<LogitsResult> {
  const begin = performance.now();
  const source = await openSource(path, options);
  const { prompts, positions } = await planning(source, async () => {
    const encoded = await encodePrompts(source.model.folder, options.prompts);
    const wanted = encoded.map((ids) => positionsOf(ids.length, options.positions ?? "all"));
    return { prompts: encoded, positions: wanted };
  });
  const work = workloadOf(source.config, prompts, positions, options.hiddenStates === true);
  const runtime = await startRuntime(source, work, options);
  try {
    const outputs = await forward(new LayerwiseModel(runtime.decoder), prompts, {
      positions,
      hiddenStates: options.hiddenStates === true,
      signal: options.signal,
      ...(options.onProgress === undefined ? {} : { onLayer: options.onProgress }),
    });
    if (options.out !== undefined) {
      const tensors = goldenTensors(runtime.config, prompts, positions, outputs);
      await writeSafetensors(options.out, tensors, goldenMetadata(runtime.ops));
    }
    return resultOf(runtime, prompts, positions, outputs, {
      top: options.top ?? DEFAULT_TOP,
      seconds: (performance.now() - begin) / 1000,
    });
  } finally {
    await runtime.close();
  }
}

function workloadOf(
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  hiddenStates: boolean,
): Workload {
  const tokens = prompts.reduce((total, ids) => total + ids.length, 0);
  return {
    passes: "one",
    batch: 1,
    tokens: prompts.reduce((longest, ids) => Math.max(longest, ids.length), 0),
    cachedTokens: 0,
    hostTokens: tokens * (hiddenStates ? config.layers + 1 : 1),
    logitRows: positions.reduce((total, list) => total + list.length, 0),
  };
}

function resultOf(
  runtime: Runtime,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  outputs: readonly PromptOutput[],
  { top, seconds }: { readonly top: number; readonly seconds: number },
): LogitsResult {
  const { vocabSize, architecture } = runtime.config;
  return {
    architecture,
    vocabSize,
    prompts: outputs.map(({ logits: values }, index) => ({
      ids: prompts[index] ?? [],
      positions: positions[index] ?? [],
      logits: values,
    })),
    top: outputs.flatMap(({ logits: values }, prompt) =>
      (positions[prompt] ?? []).map((position, row) => ({
        prompt,
        position,
        ...topLogits(values.subarray(row * vocabSize, (row + 1) * vocabSize), top),
      })),
    ),
    device: runtime.ops.device,
    backend: runtime.ops.description,
    compute: runtime.ops.compute,
    residence: runtime.plan.residence,
    seconds,
    notes: runtime.notes,
  };
}
