import { writeSafetensors, type TensorToWrite } from "../checkpoint/safetensors-write.ts";
import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../mapping/model-config.ts";
import type { Workload } from "../runtime/memory-plan.ts";
import { forward, type PromptOutput } from "../runtime/model/forward.ts";
import { LayerwiseModel } from "../runtime/model/layerwise.ts";
import type { ComputeDtype, DeviceKind } from "../runtime/ops.ts";
import { topLogits } from "../runtime/top-logits.ts";
import { openTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { openRuntime, type Runtime, type RuntimeOptions } from "./open-runtime.ts";

/** How many of the largest logits `top` holds where the caller does not say. */
const DEFAULT_TOP = 5;

/** A prompt as text, which the model's tokenizer encodes, or as token ids. */
export type Prompt =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "ids"; readonly ids: readonly number[] };

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
  readonly onProgress?: (done: number, total: number) => void;
}

export interface PositionTop {
  readonly prompt: number;
  readonly position: number;
  /** Largest logit first; the lower id first on ties. */
  readonly ids: readonly number[];
  readonly logits: readonly number[];
}

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
  let prompts: readonly (readonly number[])[] = [];
  let positions: readonly (readonly number[])[] = [];
  const runtime = await openRuntime(path, options, async (config, { folder }) => {
    prompts = await encodePrompts(folder, options.prompts);
    positions = prompts.map((ids) => positionsOf(ids.length, options.positions ?? "all"));
    return workloadOf(config, prompts, positions, options.hiddenStates === true);
  });
  try {
    const outputs = await forward(new LayerwiseModel(runtime.decoder), prompts, {
      positions,
      hiddenStates: options.hiddenStates === true,
      signal: options.signal,
      ...(options.onProgress === undefined ? {} : { onLayer: options.onProgress }),
    });
    if (options.out !== undefined) {
      const tensors = goldenTensors(runtime.config, prompts, positions, outputs);
      await writeSafetensors(options.out, tensors, goldenMetadata(runtime));
    }
    return resultOf(runtime, prompts, positions, outputs, {
      top: options.top ?? DEFAULT_TOP,
      seconds: (performance.now() - begin) / 1000,
    });
  } finally {
    await runtime.close();
  }
}

async function encodePrompts(
  folder: string,
  prompts: readonly Prompt[],
): Promise<readonly (readonly number[])[]> {
  if (prompts.length === 0) throw new WbError("WB2801", "expected at least one prompt");
  const needsTokenizer = prompts.some(({ kind }) => kind === "text");
  const tokenizer = needsTokenizer ? await openTokenizer(folder) : undefined;
  const encoded = prompts.map((prompt) =>
    prompt.kind === "ids" ? prompt.ids : (tokenizer?.encode(prompt.text) ?? []),
  );
  const empty = encoded.findIndex((ids) => ids.length === 0);
  if (empty !== -1) throw new WbError("WB2801", `prompt ${empty}: expected at least one token`);
  return encoded;
}

function positionsOf(
  tokens: number,
  wanted: "all" | "last" | readonly number[],
): readonly number[] {
  if (wanted === "last") return [tokens - 1];
  if (wanted === "all") return Array.from({ length: tokens }, (_, index) => index);
  return wanted.map((position) => {
    const index = position < 0 ? tokens + position : position;
    if (Number.isSafeInteger(index) && index >= 0 && index < tokens) return index;
    throw new WbError(
      "WB2801",
      `position ${position}: the prompt has ${tokens} tokens, 0 to ${tokens - 1}`,
    );
  });
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

function goldenTensors(
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  outputs: readonly PromptOutput[],
): readonly TensorToWrite[] {
  return outputs.flatMap(({ logits: values, hiddenStates }, index) => {
    const ids = prompts[index] ?? [];
    const rows = positions[index] ?? [];
    const at = `prompt.${index}`;
    const tensors: TensorToWrite[] = [
      integers(`${at}.input_ids`, ids),
      floats(`${at}.logits`, [rows.length, config.vocabSize], values),
    ];
    if (rows.length !== ids.length) tensors.push(integers(`${at}.positions`, rows));
    for (const [layer, states] of hiddenStates.entries()) {
      const shape = [ids.length, config.hiddenSize];
      tensors.push(floats(`${at}.hidden_states.${layer}`, shape, states));
    }
    return tensors;
  });
}

function integers(name: string, values: readonly number[]): TensorToWrite {
  const bytes = new Uint8Array(Int32Array.from(values).buffer);
  return { name, dtype: "I32", shape: [values.length], bytes };
}

function floats(name: string, shape: readonly number[], values: Float32Array): TensorToWrite {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype: "F32", shape, bytes };
}

const TORCH_NAME: Readonly<Record<ComputeDtype, string>> = {
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
};

function goldenMetadata({ ops }: Runtime): ReadonlyMap<string, string> {
  return new Map([
    ["producer", `weighbridge, ${ops.description}`],
    ["dtype", TORCH_NAME[ops.compute]],
    ["device", ops.device],
  ]);
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
