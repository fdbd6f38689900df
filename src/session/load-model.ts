import { runsAsGraph } from "../runtime/model/architecture.ts";
import { GraphDecoder } from "../runtime/backends/graph/decoder.ts";
import { scorePrompt } from "../runtime/model/score-prompt.ts";
import type { TokenModel } from "../runtime/model/token-model.ts";
import type { Runtime } from "./open-runtime.ts";

/** A model whose weights are where they are used. */
export interface LoadedModel {
  readonly model: TokenModel;
  /** Shows the logits [vocab] after each token of a prompt, in order; arrays are only good during the call. */
  score(
    ids: readonly number[],
    onLogits: (position: number, logits: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** How it runs where there was a choice, one sentence each. */
  readonly notes: readonly string[];
  /** Frees what was loaded. */
  close(): void;
}

interface LoadModelOptions {
  /** Prompts that are generated together at most. */
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLoad?: ((done: number, total: number) => void) | undefined;
}

/**
 * Loads the layers that stay on the device: as one graph where the backend runs graphs and the weights stay, else for
 * operations that are called one by one.
 */
export async function loadModel(
  { decoder, graphs, plan }: Runtime,
  { batch, signal, onLoad }: LoadModelOptions,
): Promise<LoadedModel> {
  const canBeGraph = runsAsGraph(decoder.config);
  if (graphs === undefined || plan.residence === "streamed" || !canBeGraph) {
    await decoder.load({ signal, onLayer: onLoad });
    const reason = canBeGraph
      ? "the weights are streamed"
      : "a part of this model's equations is computed by the processor";
    const why = `calls: each operation is one, since ${reason}`;
    return {
      model: decoder,
      score: (ids, onLogits, stop) => scorePrompt(decoder, ids, onLogits, stop),
      notes: graphs === undefined ? [] : [why],
      close: () => undefined,
    };
  }
  const graph = await GraphDecoder.open(decoder, graphs, batch, { signal, onLayer: onLoad });
  return {
    model: graph,
    score: (ids, onLogits, stop) => graph.score(ids, onLogits, stop),
    notes: ["calls: one a token, since the whole model is a graph of TensorFlow's"],
    close: () => {
      graph.dispose();
    },
  };
}
