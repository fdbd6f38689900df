import { writeSafetensors } from "../formats/safetensors/save.ts";
import { headGives, labelNames, outputWidth } from "../model/encoder-heads.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { Workload } from "../runtime/memory-plan.ts";
import { forward, type PromptOutput } from "../runtime/model/forward.ts";
import { LayerwiseModel } from "../runtime/model/layerwise.ts";
import type { ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
import { topLogits } from "../runtime/top-logits.ts";
import { goldenMetadata, goldenTensors } from "../verify/golden/write.ts";
import { encodePrompts, wantedPositions, type Prompt } from "../session/prompts.ts";
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
  /** Of UIE's heads, whose classes answer for themselves: the sigmoid of each logit. */
  readonly probabilities?: readonly number[];
}

/** The logits of all prompts, and the device that computed them. */
export interface LogitsResult {
  readonly architecture: string;
  readonly prompts: readonly {
    readonly ids: readonly number[];
    readonly positions: readonly number[];
    /** [positions, `outputs.width`] row-major. */
    readonly logits: Float32Array;
  }[];
  readonly vocabSize: number;
  /** What a row of `logits` is: how many numbers, and what they are called where they are not those of tokens. */
  readonly outputs: {
    /** Whether it is a decoder, whose logits are of the token that follows. */
    readonly isDecoder: boolean;
    readonly gives: string;
    readonly width: number;
    readonly labels: readonly string[] | null;
  };
  readonly top: readonly PositionTop[];
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  /** What matrices are multiplied by: the compute dtype, or int8. */
  readonly activations: Runtime["activations"];
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
  const notes: string[] = [];
  const { prompts, positions } = await planning(source, async () => {
    const encoded = await encodePrompts(
      source.model.folder,
      options.prompts,
      (more) => notes.push(...more),
      options.tokenizer,
    );
    const wanted = encoded.map((ids) =>
      wantedPositions(source.config, ids.length, options.positions),
    );
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
    const result = resultOf(runtime, prompts, positions, outputs, {
      top: options.top ?? DEFAULT_TOP,
      seconds: (performance.now() - begin) / 1000,
    });
    return { ...result, notes: [...result.notes, ...notes] };
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

function withProbabilities<T extends { readonly logits: readonly number[] }>(
  { encoder }: ModelConfig,
  top: T,
): T & Pick<PositionTop, "probabilities"> {
  if (encoder?.head !== "extraction") return top;
  return { ...top, probabilities: top.logits.map((logit) => 1 / (1 + Math.exp(-logit))) };
}

function resultOf(
  runtime: Runtime,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  outputs: readonly PromptOutput[],
  { top, seconds }: { readonly top: number; readonly seconds: number },
): LogitsResult {
  const { config } = runtime;
  const { vocabSize, architecture } = config;
  const width = outputWidth(config);
  return {
    architecture,
    vocabSize,
    outputs: {
      isDecoder: config.encoder === undefined,
      gives: headGives(config),
      width,
      labels: labelNames(config) ?? null,
    },
    prompts: outputs.map(({ logits: values }, index) => ({
      ids: prompts[index] ?? [],
      positions: positions[index] ?? [],
      logits: values,
    })),
    top: outputs.flatMap(({ logits: values }, prompt) =>
      (positions[prompt] ?? []).map((position, row) => ({
        prompt,
        position,
        ...withProbabilities(
          config,
          topLogits(values.subarray(row * width, (row + 1) * width), top),
        ),
      })),
    ),
    device: runtime.ops.device,
    backend: runtime.ops.description,
    compute: runtime.ops.compute,
    activations: runtime.activations,
    residence: runtime.plan.residence,
    seconds,
    notes: runtime.notes,
  };
}
