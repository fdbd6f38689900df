import { setImmediate } from "node:timers/promises";
import { WbError } from "../../../errors/wb-error.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { SCORE_BYTES } from "../steps/attention.ts";
import type { Decoder } from "../../model/decoder.ts";
import type { RowRange } from "../../model/weights.ts";
import { announceStep, type StepInput, type TokenModel } from "../../model/token-model.ts";
import { loadGraph, type LoadOptions } from "./load.ts";
import { allRotary, cacheRows, maskOf, newRotary } from "./inputs.ts";
import { logitsOf } from "./plan.ts";
import type { Feed, GraphSession, GraphSessions } from "./session.ts";
import { GraphText } from "./text.ts";

/** Positions whose logits are fetched at once: of a vocabulary of 100,000, they take 26 MB. */
const SCORED_AT_ONCE = 64;

/**
 * A decoder as a graph of TensorFlow's: weights, keys and values are variables of its session, and a step is one call. Its
 * variables hold one text at a time, of at most the batch that the graph was written for.
 */
export class GraphDecoder implements TokenModel {
  readonly config: ModelConfig;
  /** Its variables hold one text. */
  readonly keepsRows = false;
  readonly #decoder: Decoder;
  readonly #session: GraphSession;
  readonly #batch: number;
  #text: GraphText | undefined;

  private constructor(decoder: Decoder, session: GraphSession, batch: number) {
    this.config = decoder.config;
    this.#decoder = decoder;
    this.#session = session;
    this.#batch = batch;
  }

  /**
   * Loads the weights of a decoder that has none on the device itself, and gives embeddings to this one.
   * @param batch rows of a step at most.
   */
  static async open(
    decoder: Decoder,
    sessions: GraphSessions,
    batch: number,
    options: LoadOptions = {},
  ): Promise<GraphDecoder> {
    await decoder.weights.loadEmbeddings();
    const session = await loadGraph(decoder, sessions, batch, options);
    return new GraphDecoder(decoder, session, batch);
  }

  checkIds(ids: Iterable<number>): void {
    this.#decoder.checkIds(ids);
  }

  /** @throws WbError WB2801 while another text is not ended, WB7001 for a larger batch than the graph's. */
  createCache(batch: number): GraphText {
    if (this.#text !== undefined) {
      throw new WbError(
        "WB2801",
        "one generation at a time: another one of this model has not ended",
      );
    }
    if (batch > this.#batch) {
      throw new WbError("WB7001", `a graph of ${this.#batch} rows was given ${batch}`);
    }
    this.#text = new GraphText(this.#session, batch, () => {
      this.#text = undefined;
    });
    return this.#text;
  }

  async step(input: StepInput, text: GraphText): Promise<readonly Float32Array[]> {
    const { ids, signal } = input;
    for (const row of ids) this.checkIds(row);
    const past = text.length;
    announceStep(text.rows, input);
    const total = text.length - past;
    const atOnce = this.#tokensAtOnce(text);
    let logits: readonly Float32Array[] = [];
    for (let first = 0; first < total; first += atOnce) {
      signal?.throwIfAborted();
      const count = Math.min(atOnce, total - first);
      const part = ids.map((row) => row.subarray(first, first + count));
      logits = await this.#run(text, past + first, part, [count - 1]);
      // A long prompt takes seconds in a large model: signals, timers and other requests get their turn between.
      if (total > 1) await setImmediate();
    }
    return logits;
  }

  /** Shows the logits [vocab] after each token of a prompt, in order. */
  async score(
    ids: readonly number[],
    onLogits: (position: number, logits: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    this.checkIds(ids);
    const text = this.createCache(1);
    try {
      const row = Int32Array.from(ids);
      announceStep(text.rows, { ids: [row] });
      const atOnce = Math.min(SCORED_AT_ONCE, this.#tokensAtOnce(text));
      for (let begin = 0; begin < row.length; begin += atOnce) {
        signal?.throwIfAborted();
        const part = row.subarray(begin, begin + atOnce);
        const picked = Array.from(part, (_, index) => index);
        const logits = await this.#run(text, begin, [part], picked);
        for (const [index, found] of logits.entries()) onLogits(begin + index, found);
        await setImmediate();
      }
    } finally {
      text.dispose();
    }
  }

  /** So few that one layer's scores stay within `SCORE_BYTES`. */
  #tokensAtOnce(text: GraphText): number {
    const bytes = 4 * this.#batch * this.config.heads * text.room();
    return Math.max(1, Math.floor(SCORE_BYTES / bytes));
  }

  /** Tokens from `begin` on of the text's rows. @returns logits [vocab], row by row, of each row's `picked` tokens. */
  async #run(
    text: GraphText,
    begin: number,
    ids: readonly Int32Array[],
    picked: readonly number[],
  ): Promise<readonly Float32Array[]> {
    const { hiddenSize } = this.config;
    const count = ids[0]?.length ?? 0;
    const sizes = { config: this.config, batch: this.#batch, room: text.room() };
    const { positions, visible } = text.rows;
    const tokens = { begin, count, positions, visible };
    const embeddings = new Float32Array(this.#batch * count * hiddenSize);
    embeddings.set(await this.#decoder.weights.embeddings(ids.flatMap((row) => [...row])));
    const feeds: readonly Feed[] = [
      { name: "embeddings", shape: [this.#batch * count, hiddenSize], data: embeddings },
      { name: "picked", shape: [picked.length], data: Int32Array.from(picked) },
      cacheRows(sizes, begin, count),
      maskOf(sizes, tokens),
      ...newRotary(sizes, tokens),
      ...allRotary(sizes, tokens),
    ];
    const bands = this.#decoder.weights.headBands();
    const parts = this.#session.read(
      feeds,
      bands.map((_, band) => logitsOf(band)),
    );
    return joinedBands(parts, bands, ids.length * picked.length);
  }

  /** Frees the variables; the decoder is its owner's. */
  dispose(): void {
    this.#session.dispose();
  }
}

/** Rows of the vocabulary out of the bands of its columns. */
function joinedBands(
  parts: readonly Float32Array[],
  bands: readonly RowRange[],
  rows: number,
): readonly Float32Array[] {
  const vocabSize = bands.at(-1)?.end ?? 0;
  return Array.from({ length: rows }, (_, row) => {
    const logits = new Float32Array(vocabSize);
    for (const [band, { begin, end }] of bands.entries()) {
      const size = end - begin;
      logits.set(parts[band]?.subarray(row * size, (row + 1) * size) ?? [], begin);
    }
    return logits;
  });
}
