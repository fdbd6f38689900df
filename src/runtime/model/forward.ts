import type { HiddenStates, LayerwiseModel } from "./layerwise.ts";

export interface ForwardOptions {
  /** Which tokens' logits are wanted, prompt by prompt; all when left out. */
  readonly positions?: readonly (readonly number[])[] | undefined;
  /** Also the hidden states: embeddings, each layer's output, the last one after the final norm. */
  readonly hiddenStates?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called after each layer. */
  readonly onLayer?: (done: number, total: number) => void;
}

export interface PromptOutput {
  /** [positions, vocab] row-major. */
  readonly logits: Float32Array;
  /** L + 1 arrays [T, C], as transformers' `output_hidden_states` gives them; empty unless asked for. */
  readonly hiddenStates: readonly Float32Array[];
}

/** The whole model on every prompt, layer by layer. @throws WbError WB3804, WB6003, WB62xx. */
export async function forward(
  model: LayerwiseModel,
  prompts: readonly (readonly number[])[],
  options: ForwardOptions = {},
): Promise<readonly PromptOutput[]> {
  const collected: Float32Array[][] = prompts.map(() => []);
  const collect = (states: readonly HiddenStates[]): void => {
    if (options.hiddenStates !== true) return;
    for (const [prompt, { data }] of states.entries()) collected[prompt]?.push(data);
  };
  let states = await model.embed(prompts);
  for (let layer = 0; layer < model.layers; layer++) {
    options.signal?.throwIfAborted();
    collect(states);
    states = await model.runLayer(layer, states);
    options.onLayer?.(layer + 1, model.layers);
  }
  const normed = await model.finalNorm(states);
  collect(normed);
  const logits = await model.head(normed, options.positions);
  return prompts.map((_, prompt) => ({
    logits: logits[prompt] ?? new Float32Array(0),
    hiddenStates: collected[prompt] ?? [],
  }));
}
