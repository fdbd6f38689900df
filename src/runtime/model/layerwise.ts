import { embeddingSize } from "../../model/axes.ts";
import { outputWidth } from "../../model/encoder-heads.ts";
import type { Ops, Value } from "../backends/ops.ts";
import type { SubBlock } from "./block.ts";
import type { Decoder } from "./decoder.ts";
import { Sequence } from "./sequence.ts";

/** Hidden states of one prompt in host memory, [tokens, C] row-major. */
export interface HiddenStates {
  readonly data: Float32Array;
  readonly tokens: number;
  /** As in `SequenceFacts`. */
  readonly prefill?: number | undefined;
}

/** Is given each result inside a layer, of each prompt; the array may be kept. */
export type LayerObserver = (prompt: number, name: SubBlock, data: Float32Array) => void;

/**
 * A model as a sequence of steps over all prompts at once, so that streamed weights pass once. States are in host memory
 * between the steps (float32 holds half dtypes exactly), so that two models can walk in step, and one be fed with the
 * other's states. Each prompt is computed on its own: no padding.
 */
export class LayerwiseModel {
  readonly layers: number;
  readonly hiddenSize: number;
  /** Numbers of a row of outputs: logits of the vocabulary, or what an encoder's head gives. */
  readonly outputWidth: number;
  readonly #decoder: Decoder;
  readonly #ops: Ops;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
    this.#ops = decoder.ops;
    this.layers = decoder.config.layers;
    this.hiddenSize = decoder.config.hiddenSize;
    this.outputWidth = outputWidth(decoder.config);
  }

  /** Token ids -> embeddings. @throws WbError WB3804 for an id outside the vocabulary. */
  async embed(prompts: readonly (readonly number[])[]): Promise<readonly HiddenStates[]> {
    const states: HiddenStates[] = [];
    for (const ids of prompts) {
      const x = await this.#decoder.embed([ids]); // [1, T, C]
      states.push(this.#take(x));
    }
    return states;
  }

  /** Layer `index` on every prompt. Go from 0 upwards: the next layer's weights are read meanwhile. */
  async runLayer(
    index: number,
    states: readonly HiddenStates[],
    observe?: LayerObserver,
  ): Promise<readonly HiddenStates[]> {
    const results: HiddenStates[] = [];
    try {
      for (const [prompt, state] of states.entries()) {
        results.push(await this.#runPrompt(index, prompt, state, observe));
      }
    } finally {
      this.#decoder.weights.release(index);
    }
    return results;
  }

  async #runPrompt(
    index: number,
    prompt: number,
    state: HiddenStates,
    observe: LayerObserver | undefined,
  ): Promise<HiddenStates> {
    const positions = [Int32Array.from({ length: state.tokens }, (_, position) => position)];
    const visible = [new Uint8Array(state.tokens).fill(1)];
    const sequence = new Sequence(this.#ops, this.#decoder.config, {
      positions,
      allPositions: positions,
      visible,
      cache: undefined,
      prefill: state.prefill,
    });
    const x = this.#ops.upload(state.data, [1, state.tokens, this.hiddenSize]);
    try {
      const watch =
        observe === undefined
          ? undefined
          : (name: SubBlock, value: Value): void => {
              observe(prompt, name, this.#ops.read(value));
            };
      const result = this.#take(await this.#decoder.block(index, x, sequence, watch));
      return { ...result, prefill: state.prefill };
    } finally {
      this.#ops.free(x);
      sequence.dispose();
    }
  }

  /** The norm after the last layer. */
  async finalNorm(states: readonly HiddenStates[]): Promise<readonly HiddenStates[]> {
    const results: HiddenStates[] = [];
    for (const { data, tokens } of states) {
      const x = this.#ops.upload(data, [1, tokens, this.hiddenSize]);
      try {
        results.push(this.#take(await this.#decoder.finalNorm(x)));
      } finally {
        this.#ops.free(x);
      }
    }
    return results;
  }

  /**
   * Normed states -> logits [positions, `outputWidth`] of each prompt, in one pass over the head.
   * @param positions which tokens of each prompt; all when left out.
   */
  async head(
    states: readonly HiddenStates[],
    positions?: readonly (readonly number[])[],
  ): Promise<readonly Float32Array[]> {
    const chosen = states.map(
      ({ tokens }, prompt) =>
        positions?.[prompt] ?? Array.from({ length: tokens }, (_, position) => position),
    );
    const rows = chosen.reduce((sum, list) => sum + list.length, 0);
    const width = embeddingSize(this.#decoder.config);
    const data = new Float32Array(rows * width);
    let row = 0;
    for (const [prompt, list] of chosen.entries()) {
      for (const position of list) {
        const begin = position * width;
        const state = states[prompt]?.data.subarray(begin, begin + width);
        data.set(state ?? [], row * width);
        row++;
      }
    }
    const x = this.#ops.upload(data, [rows, width]);
    try {
      const logits = await this.#decoder.head(x);
      let begin = 0;
      return chosen.map((list) => {
        const end = begin + list.length * this.outputWidth;
        const part = logits.subarray(begin, end);
        begin = end;
        return part;
      });
    } finally {
      this.#ops.free(x);
    }
  }

  /** Frees the model's memory on the device. */
  async close(): Promise<void> {
    await this.#decoder.dispose();
  }

  /** Reads [1, T, C] into host memory and frees it. */
  #take(x: Value): HiddenStates {
    const data = this.#ops.read(x);
    this.#ops.free(x);
    return { data, tokens: x.shape[1] ?? 0 };
  }
}
