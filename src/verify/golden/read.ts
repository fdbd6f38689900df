import { WbError } from "../../errors/wb-error.ts";
import { assemblyOf, wholeView } from "../../mapping/assembly.ts";
import { embeddingSize } from "../../model/axes.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { givesTokens, hasOneRow, headGives, outputWidth } from "../../model/encoder-heads.ts";
import { readAssembly } from "../../mapping/read-assembly.ts";
import { decodeFloats } from "../../tensor/decode.ts";
import { renderShape, sameShape } from "../../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";

/** What the original framework computed for one prompt. */
export interface GoldenPrompt {
  readonly name: string;
  readonly ids: readonly number[];
  /** Token indices that `logits` has rows for. */
  readonly positions: readonly number[];
  /** [positions, vocab] row-major. */
  readonly logits: Float32Array;
  /** The same computed in float64, where the golden has them, rounded once to float32. */
  readonly exactLogits: Float32Array | undefined;
  /** Embeddings, then each layer's output, the last one after the final norm; empty where the golden has none. */
  readonly hiddenStates: readonly Float32Array[];
  /** Prompt and greedily chosen ids. */
  readonly greedyIds: readonly number[] | undefined;
  /** The same with repetition penalties, by penalty. */
  readonly penalizedIds: ReadonlyMap<number, readonly number[]>;
}

export interface Golden {
  readonly path: string;
  readonly vocabSize: number;
  readonly prompts: readonly GoldenPrompt[];
  /** Provenance: producer, dtype, weights_sha256, versions. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Reads a golden file, whole. @throws WbError WB3911. */
export async function readGolden(checkpoint: Checkpoint): Promise<Golden> {
  const { path } = checkpoint;
  const byName = new Map(checkpoint.tensors.map((tensor) => [tensor.name, tensor]));
  const prompts: GoldenPrompt[] = [];
  let vocabSize = 0;
  for (let index = 0; byName.has(`prompt.${index}.input_ids`); index++) {
    const prompt = await readPrompt(byName, index, path);
    const width = byName.get(`prompt.${index}.logits`)?.shape[1] ?? 0;
    if (vocabSize !== 0 && width !== vocabSize)
      throw damaged(path, `its prompts have vocabularies ${vocabSize} and ${width}`);
    vocabSize = width;
    prompts.push(prompt);
  }
  if (prompts.length === 0) throw damaged(path, "it has no prompt.0.input_ids");
  // A prompt behind a gap would never be compared, and nobody would notice.
  const unread = [...byName.keys()].find(
    (name) => Number(/^prompt\.(\d+)\./.exec(name)?.[1] ?? -1) >= prompts.length,
  );
  if (unread !== undefined)
    throw damaged(path, `it has ${unread} and no prompt.${prompts.length}.input_ids`);
  return { path, vocabSize, prompts, metadata: checkpoint.metadata };
}

type Tensors = ReadonlyMap<string, StoredTensor>;

async function readPrompt(tensors: Tensors, index: number, path: string): Promise<GoldenPrompt> {
  const at = `prompt.${index}`;
  const ids = await readIds(tensors, `${at}.input_ids`, path);
  const logits = tensors.get(`${at}.logits`);
  if (logits === undefined || logits.dtype !== "F32" || logits.shape.length !== 2) {
    throw damaged(path, `${at}.logits is missing, or not F32 [positions, vocab]`);
  }
  const positions = tensors.has(`${at}.positions`)
    ? await readIds(tensors, `${at}.positions`, path)
    : Array.from({ length: ids.length }, (_unused, position) => position);
  if (
    logits.shape[0] !== positions.length ||
    positions.some((position) => position < 0 || position >= ids.length)
  ) {
    throw damaged(
      path,
      `${at}.logits ${renderShape(logits.shape)} does not fit ${positions.length} positions of ${ids.length} tokens`,
    );
  }
  const penalizedIds = new Map<number, readonly number[]>();
  for (const name of tensors.keys()) {
    const penalty = name.startsWith(`${at}.greedy_rp`)
      ? /greedy_rp([\d.]+)_ids$/.exec(name)?.[1]
      : undefined;
    if (penalty !== undefined)
      penalizedIds.set(Number(penalty), await readIds(tensors, name, path));
  }
  return {
    name: at,
    ids,
    positions,
    logits: await readFloats(logits),
    exactLogits: await readExact(tensors, `${at}.logits_f64`, logits.shape, path),
    hiddenStates: await readStates(tensors, at, ids.length, path),
    greedyIds: tensors.has(`${at}.greedy_ids`)
      ? await readIds(tensors, `${at}.greedy_ids`, path)
      : undefined,
    penalizedIds,
  };
}

async function readStates(
  tensors: Tensors,
  at: string,
  tokens: number,
  path: string,
): Promise<readonly Float32Array[]> {
  const states: Float32Array[] = [];
  for (let layer = 0; ; layer++) {
    const tensor = tensors.get(`${at}.hidden_states.${layer}`);
    if (tensor === undefined) return states;
    if (tensor.dtype !== "F32" || tensor.shape.length !== 2 || tensor.shape[0] !== tokens) {
      throw damaged(
        path,
        `${tensor.name} is ${tensor.dtype} ${renderShape(tensor.shape)}, expected F32 [${tokens}, hidden]`,
      );
    }
    states.push(await readFloats(tensor));
  }
}

async function readIds(tensors: Tensors, name: string, path: string): Promise<readonly number[]> {
  const tensor = tensors.get(name);
  if (tensor === undefined || tensor.dtype !== "I32" || tensor.shape.length !== 1) {
    throw damaged(path, `${name} is missing, or not I32 [tokens]`);
  }
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  return [...new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)];
}

async function readFloats(tensor: StoredTensor): Promise<Float32Array> {
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

async function readExact(
  tensors: Tensors,
  name: string,
  shape: readonly number[],
  path: string,
): Promise<Float32Array | undefined> {
  const tensor = tensors.get(name);
  if (tensor === undefined) return undefined;
  if (tensor.dtype !== "F64" || !sameShape(tensor.shape, shape))
    throw damaged(
      path,
      `${name} is ${tensor.dtype} ${renderShape(tensor.shape)}, expected F64 ${renderShape(shape)}`,
    );
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  return decodeFloats(bytes, tensor.dtype);
}

/**
 * A golden that was made for another hidden size, or for tokens that this model has not, proves nothing about it. Vocabularies of
 * other sizes are compared as far as both go.
 * @throws WbError WB3912, WB3911 for states of other widths than the model's.
 */
export function refuseStale(golden: Golden, config: ModelConfig): void {
  const stale = (problem: string): WbError =>
    new WbError("WB3912", `${golden.path}: ${problem}`, { details: { path: golden.path } });
  const width = outputWidth(config);
  if (!givesTokens(config) && golden.vocabSize !== width)
    throw stale(
      `made for rows of ${golden.vocabSize} numbers; ${config.architecture} gives ${width} (${headGives(config)})`,
    );
  for (const { name, ids, positions, hiddenStates } of golden.prompts) {
    const hidden = (hiddenStates[0]?.length ?? 0) / ids.length;
    if (hiddenStates.length > 0 && hidden !== config.hiddenSize) {
      throw stale(
        `${name}: made for a hidden size of ${hidden}, the model's is ${config.hiddenSize}`,
      );
    }
    for (const [layer, { length }] of hiddenStates.entries()) {
      // A model may make its last states as wide as its head takes them.
      const expected = layer === config.layers ? embeddingSize(config) : config.hiddenSize;
      if (length !== ids.length * expected)
        throw damaged(
          golden.path,
          `${name}.hidden_states.${layer} is ${length / ids.length} wide, expected ${expected}`,
        );
    }
    const text = hasOneRow(config) ? positions.filter((position) => position !== 0) : [];
    if (text.length > 0)
      throw stale(
        `${name}: it has a row for token ${text[0] ?? 0}; ${config.architecture} gives one for the whole text, at token 0`,
      );
    const outside = ids.find((id) => id < 0 || id >= config.vocabSize);
    if (outside !== undefined)
      throw stale(
        `${name}: token id ${outside} is outside the model's vocabulary of ${config.vocabSize}`,
      );
  }
}

function damaged(path: string, problem: string): WbError {
  return new WbError("WB3911", `${path}: expected a golden file, but ${problem}`, {
    details: { path },
  });
}
