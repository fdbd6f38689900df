import type { Dtype } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/shape.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";

/** Hidden states of one prompt, [tokens, hidden] row-major. */
export interface RunnerStates {
  readonly data: Float32Array;
  readonly tokens: number;
  /** How many of the tokens came at once, where the rest came one by one; all when left out. */
  readonly prefill?: number | undefined;
}

/** Named results inside a layer, as the runtime reports them. */
export type RunnerObserver = (prompt: number, name: string, data: Float32Array) => void;

/** A model as a sequence of steps over all prompts at once; what the runtime's LayerwiseModel is. */
export interface ModelRunner {
  readonly layers: number;
  readonly hiddenSize: number;
  /** Numbers of a row of outputs: logits of the vocabulary, or what an encoder's head gives. */
  readonly outputWidth: number;
  embed(prompts: readonly (readonly number[])[]): Promise<readonly RunnerStates[]>;
  runLayer(
    index: number,
    states: readonly RunnerStates[],
    observe?: RunnerObserver,
  ): Promise<readonly RunnerStates[]>;
  finalNorm(states: readonly RunnerStates[]): Promise<readonly RunnerStates[]>;
  /** Logits [positions, `outputWidth`] of each prompt. */
  head(
    states: readonly RunnerStates[],
    positions?: readonly (readonly number[])[],
  ): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

/** A parameter in memory as float32: [out, in] of a matrix, [size] of a vector. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Indices along the first axis, `end` not included. */
export interface Rows {
  readonly begin: number;
  readonly end: number;
}

/** Reads a parameter, or some of its rows. */
export type ReadRows = (rows?: Rows) => Promise<HostTensor>;

/**
 * What takes the place of stored parameters, by Hugging Face name: undefined leaves one as it is. Read when the model asks for
 * it, so that a changed 7B model need not be in memory.
 */
export type Override = (name: string) => ReadRows | undefined;

/** Puts tensors that are in memory in the place of stored ones. */
export function overrideWith(changes: ReadonlyMap<string, HostTensor>): Override {
  return (name) => {
    const tensor = changes.get(name);
    return tensor === undefined ? undefined : (rows) => Promise.resolve(rowsOf(tensor, rows));
  };
}

/** Some rows of a tensor, in its memory; all when left out. */
export function rowsOf(tensor: HostTensor, rows: Rows | undefined): HostTensor {
  if (rows === undefined) return tensor;
  const { shape, data } = tensor;
  const width = data.length / (shape[0] ?? 1);
  return {
    shape: [rows.end - rows.begin, ...shape.slice(1)],
    data: data.subarray(rows.begin * width, rows.end * width),
  };
}

/** A model that can be run again and again with something changed: how a hypothesis is tested. */
export interface Laboratory {
  readonly config: ModelConfig;
  /** Facts of the stored parameters, by Hugging Face name. */
  facts(name: string): { readonly dtype: Dtype; readonly shape: readonly number[] } | undefined;
  names(): readonly string[];
  /** A stored parameter, or some of its rows, decoded. */
  read(name: string, rows?: Rows): Promise<HostTensor>;
  /** A stored parameter's little-endian row-major bytes. */
  readBytes(name: string): Promise<Uint8Array>;
  /** The model with some parameters or the configuration changed. */
  open(override?: Override, config?: ModelConfig): Promise<ModelRunner>;
  /** The same, to run one layer again and again: what is not changed stays on the device until `forget`. */
  openAgain(override?: Override, config?: ModelConfig): Promise<ModelRunner>;
  /** Lets go of what `openAgain` keeps. No runner of it may be open. */
  forget(): void;
}

/** Elements of all stored parameters. */
export function parametersIn(laboratory: Laboratory): number {
  return laboratory
    .names()
    .reduce((sum, name) => sum + (elementCount(laboratory.facts(name)?.shape ?? []) ?? 0), 0);
}
