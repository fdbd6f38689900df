import { openSafetensors } from "../../src/formats/safetensors/read.ts";
import { openFileSource } from "../../src/sources/file.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";

/** One prompt of a golden file. */
export interface GoldenPrompt {
  readonly ids: readonly number[];
  readonly logits: Float32Array;
  readonly hiddenStates: readonly Float32Array[];
  /** Prompt and new ids, greedy. */
  readonly greedy: readonly number[];
  /** As `greedy`, with repetition penalty 1.1. */
  readonly penalized: readonly number[];
}

/** All prompts of a golden file, in order. */
export async function readGoldenPrompts(path: string): Promise<readonly GoldenPrompt[]> {
  const checkpoint = await openSafetensors(await openFileSource(path));
  try {
    const tensors = new Map(checkpoint.tensors.map((tensor) => [tensor.name, tensor]));
    const prompts: GoldenPrompt[] = [];
    while (tensors.has(`prompt.${prompts.length}.input_ids`)) {
      const at = `prompt.${prompts.length}.`;
      const hiddenStates: Float32Array[] = [];
      while (tensors.has(`${at}hidden_states.${hiddenStates.length}`)) {
        hiddenStates.push(await floats(tensors.get(`${at}hidden_states.${hiddenStates.length}`)));
      }
      prompts.push({
        ids: await integers(tensors.get(`${at}input_ids`)),
        logits: await floats(tensors.get(`${at}logits`)),
        hiddenStates,
        greedy: await integersOrNone(tensors.get(`${at}greedy_ids`)),
        penalized: await integersOrNone(tensors.get(`${at}greedy_rp1.1_ids`)),
      });
    }
    return prompts;
  } finally {
    await checkpoint.close();
  }
}

async function words(tensor: StoredTensor | undefined, dtype: string): Promise<ArrayBuffer> {
  if (tensor?.dtype !== dtype) throw new Error(`golden file: no ${dtype} tensor where one must be`);
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  const bytes = await tensor.source.read(tensor.byteOffset, 4 * count);
  return Uint8Array.from(bytes).buffer;
}

async function floats(tensor: StoredTensor | undefined): Promise<Float32Array> {
  return new Float32Array(await words(tensor, "F32"));
}

/** Encoders generate nothing. */
async function integersOrNone(tensor: StoredTensor | undefined): Promise<readonly number[]> {
  return tensor === undefined ? [] : integers(tensor);
}

async function integers(tensor: StoredTensor | undefined): Promise<readonly number[]> {
  return [...new Int32Array(await words(tensor, "I32"))];
}
