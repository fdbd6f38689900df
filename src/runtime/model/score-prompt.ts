import type { Decoder } from "./decoder.ts";
import { LayerwiseModel } from "./layerwise.ts";

/** Positions that meet the head at a time: of a vocabulary of 100,000, their logits are 6.4 MB. */
const ROWS = 16;

/** The logits [vocab] after each token of a prompt, from one pass over the layers, a few positions in memory at a time. */
export async function scorePrompt(
  decoder: Decoder,
  ids: readonly number[],
  onLogits: (position: number, logits: Float32Array) => void,
  signal?: AbortSignal,
): Promise<void> {
  const model = new LayerwiseModel(decoder);
  let states = await model.embed([ids]);
  for (let layer = 0; layer < model.layers; layer++) {
    signal?.throwIfAborted();
    states = await model.runLayer(layer, states);
  }
  const normed = await model.finalNorm(states);
  for (let begin = 0; begin < ids.length; begin += ROWS) {
    signal?.throwIfAborted();
    const count = Math.min(ROWS, ids.length - begin);
    const positions = Array.from({ length: count }, (_, row) => begin + row);
    const [logits] = await model.head(normed, [positions]);
    for (const [row, position] of positions.entries()) {
      onLogits(
        position,
        logits?.subarray(row * model.outputWidth, (row + 1) * model.outputWidth) ??
          new Float32Array(0),
      );
    }
  }
}
