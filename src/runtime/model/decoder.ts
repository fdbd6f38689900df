import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { embeddingSize } from "../../model/axes.ts";
import { givesTokens } from "../../model/encoder-heads.ts";
import type { Backend } from "../backends/backend.ts";
import type { Ops, Value } from "../backends/ops.ts";
import { capped } from "../backends/steps/host.ts";
import type { Steps, TokenContext } from "../backends/steps/steps.ts";
import { architectureOf, type Architecture } from "./architecture.ts";
import type { Observer } from "./block.ts";
import { embeddingsOf } from "./embed.ts";
import { KvCache } from "./kv-cache.ts";
import { encoderOutput } from "./encoder-output.ts";
import type { ExpertBounds } from "./expert-store.ts";
import { routedLayer, type RoutedLayer } from "./experts-block.ts";
import { norm } from "./norm.ts";
import { linear, type ModuleWeights } from "./parameters.ts";
import { Sequence } from "./sequence.ts";
import { Breather } from "./breather.ts";
import { announceStep, type StepInput, type TextStep, type TokenModel } from "./token-model.ts";
import { withOffsets } from "./offset-weights.ts";
import type { SharedWeights } from "./weight-pool.ts";
import { WeightStore, type Residence } from "./weight-store.ts";
import { checkWeights, type WeightSource } from "./weights.ts";

/** Tokens that meet one band of the head at a time. */
const HEAD_ROWS = 512;

/** Tokens of one text that pass with those of others. */
export interface TokenPart {
  readonly ids: Int32Array;
  /** Tokens of the text that are cached before them; those behind leave the cache. */
  readonly keep: number;
}

/** A decoder on a device: embedding, blocks, norm, head. Values that it gives belong to the caller. */
export class Decoder implements TokenModel {
  readonly config: ModelConfig;
  readonly ops: Ops;
  readonly steps: Steps;
  readonly weights: WeightStore;
  readonly keepsRows: boolean;
  readonly #architecture: Architecture;
  readonly #breather = new Breather();

  /**
   * @param shared As `WeightStore` has it, and so `experts`.
   * @throws WbError WB3780, WB4780 when the source does not have the parameters of the config.
   */
  constructor(
    { ops, steps, keepsRows }: Omit<Backend, "graphs">,
    config: ModelConfig,
    source: WeightSource,
    residence: Residence,
    shared?: SharedWeights,
    experts?: ExpertBounds,
  ) {
    checkWeights(config, source);
    this.ops = ops;
    this.steps = steps;
    this.config = config;
    this.#architecture = architectureOf(config);
    this.weights = new WeightStore(
      ops,
      config,
      withOffsets(source, config),
      residence,
      shared,
      experts,
    );
    this.keepsRows = keepsRows === true;
  }

  /** Uploads all layers and the head, so that the first token need not wait for them; nothing when they are streamed. */
  async load(
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly onLayer?: ((done: number, total: number) => void) | undefined;
    } = {},
  ): Promise<void> {
    if (this.weights.residence === "streamed") return;
    await this.weights.loadEmbeddings();
    for (let index = 0; index < this.config.layers; index++) {
      options.signal?.throwIfAborted();
      await this.weights.block(index);
      options.onLayer?.(index + 1, this.config.layers);
    }
    await this.#finalNorm();
    await this.#projectionOut();
    if (givesTokens(this.config)) await this.weights.eachHeadBand(() => undefined);
  }

  checkIds(ids: Iterable<number>): void {
    for (const id of ids) checkId(id, this.config.vocabSize);
  }

  /**
   * Tokens [B, T] -> their embeddings [B, T, C].
   * @param positions Where each stands in its text; the count of tokens before it when left out.
   * @throws WbError WB3804 for an id outside the vocabulary, WB2806 for a position that the model has no embedding of.
   */
  async embed(
    ids: readonly (Int32Array | readonly number[])[],
    positions: readonly (readonly number[] | Int32Array)[] = ids.map((row) => [...row.keys()]),
  ): Promise<Value> {
    for (const row of ids) this.checkIds(row);
    const data = await embeddingsOf(this.weights, this.config, { ids, positions }, (rows) =>
      this.#projectedIn(rows),
    );
    const x = this.ops.upload(data, [ids.length, ids[0]?.length ?? 0, this.config.hiddenSize]);
    return this.#normEmbeddings(x);
  }

  /** Embeddings [N, E] in host memory -> [N, C], where the two are not the same. */
  async #projectedIn(rows: Float32Array): Promise<Float32Array> {
    const { projections } = this.#architecture;
    if (projections === undefined) return rows;
    const { ops, steps } = this;
    const weights = await this.weights.module(projections.input);
    const size = embeddingSize(this.config);
    const x = ops.upload(rows, [rows.length / size, size]);
    const projected = steps.scope(() => linear(steps, weights, x));
    const data = ops.read(projected);
    for (const value of [x, projected]) ops.free(value);
    return data;
  }

  /** Frees what it is given where it gives another. */
  async #normEmbeddings(x: Value): Promise<Value> {
    const { embeddingNorm } = this.#architecture;
    if (embeddingNorm === undefined) return x;
    try {
      const weights = await this.weights.module(embeddingNorm);
      return norm(this.steps, weights, this.config, x);
    } finally {
      this.ops.free(x);
    }
  }

  /** One layer, [B, T, C] -> [B, T, C]; x is not freed. Layers come in order from 0, since the next is read ahead. */
  async block(index: number, x: Value, sequence: Sequence, observe?: Observer): Promise<Value> {
    return this.#layer(index, x, sequence.context(index), observe);
  }

  async #layer(index: number, x: Value, context: TokenContext, observe?: Observer): Promise<Value> {
    const { ops, steps } = this;
    const config = ofLayer(this.config, index);
    const weights = await this.weights.block(index);
    const { block, routed } = this.#architecture;
    if (routed === undefined || config.experts?.layers[index] !== true)
      return steps.scope(() => block.forward(steps, weights, config, x, context, observe));
    const each: RoutedLayer["each"] = (experts, use) =>
      this.weights.eachExpert(index, experts, use);
    return routedLayer({ ops, steps, config, block: routed, weights, each }, x, context, observe);
  }

  /** The norm after the last layer, and what makes its states as wide as the head takes them, [B, T, C] -> [B, T, E]. */
  async finalNorm(x: Value): Promise<Value> {
    const { steps, config } = this;
    const weights = await this.#finalNorm();
    const output = await this.#projectionOut();
    if (weights === undefined && output === undefined) return this.ops.reshape(x, x.shape);
    return steps.scope(() => {
      const normed = weights === undefined ? x : norm(steps, weights, config, x);
      return output === undefined ? normed : linear(steps, output, normed);
    });
  }

  async #projectionOut(): Promise<ModuleWeights | undefined> {
    const { projections } = this.#architecture;
    return projections === undefined ? undefined : this.weights.module(projections.output);
  }

  async #finalNorm(): Promise<ModuleWeights | undefined> {
    const { norm: module } = this.#architecture;
    return module === undefined ? undefined : this.weights.module(module);
  }

  /** Normed hidden states [N, C] -> logits [N, vocab] in host memory, or what else an encoder's head gives. */
  async head(x: Value): Promise<Float32Array> {
    const { ops, steps, weights, config } = this;
    if (config.encoder === undefined) return this.#vocabularyOf(x);
    const vocabularyOf = (states: Value): Promise<Float32Array> => this.#vocabularyOf(states);
    return encoderOutput({ ops, steps, weights, config, vocabularyOf }, x);
  }

  /** The head passes in bands of vocabulary. */
  async #vocabularyOf(x: Value): Promise<Float32Array> {
    const { ops } = this;
    const { vocabSize, logitCap } = this.config;
    const rows = x.shape[0] ?? 0;
    let logits: Float32Array | undefined;
    await this.weights.eachHeadBand(({ begin, end }, weight) => {
      for (let first = 0; first < rows; first += HEAD_ROWS) {
        const size = Math.min(HEAD_ROWS, rows - first);
        const band = ops.scope(() =>
          this.steps.linear(ops.slice(x, 0, first, size), { weight, bias: undefined }),
        ); // [n, end − begin]
        const data = ops.read(band);
        ops.free(band);
        if (logitCap !== undefined) capAll(data, logitCap);
        if (data.length === rows * vocabSize) {
          logits = data;
          return;
        }
        logits ??= new Float32Array(rows * vocabSize);
        for (let row = 0; row < size; row++) {
          const part = data.subarray(row * (end - begin), (row + 1) * (end - begin));
          logits.set(part, (first + row) * vocabSize + begin);
        }
      }
    });
    return logits ?? new Float32Array(0);
  }

  async step(input: StepInput, cache: KvCache): Promise<readonly Float32Array[]> {
    const past = cache.length;
    announceStep(cache.rows, input);
    const x = await this.embed(
      input.ids,
      cache.rows.positions.map((row) => row.subarray(past)),
    ); // [B, T, C]
    const sequence = this.#sequenceOf(cache, past);
    try {
      const states = await this.#layers(x, (layer) => sequence.context(layer), input.signal);
      const last = (states.shape[1] ?? 0) - 1;
      return await this.#logitsOf(states, (all) => this.ops.slice(all, 1, last, 1)); // [B, 1, C]
    } finally {
      sequence.dispose();
    }
  }

  async stepEach(texts: readonly TextStep<KvCache>[]): Promise<readonly Float32Array[]> {
    const parts = texts.map(({ id, cache }) => ({
      ids: Int32Array.of(id),
      keep: cache.length,
      cache,
    }));
    const states = await this.#together(parts, undefined); // [1, B, C]
    return this.#logitsOf(states, (x) => x);
  }

  /**
   * Tokens of several texts in one pass: their states [1, T, C] after the last layer, part after part. Each part goes behind the tokens of
   * the cache that it keeps, once the part before has been appended; so parts that begin alike share what is cached. Where it
   * fails, the cache is only good for `dispose`.
   */
  async states(parts: readonly TokenPart[], cache: KvCache, signal?: AbortSignal): Promise<Value> {
    return this.#together(
      parts.map((part) => ({ ...part, cache })),
      signal,
    );
  }

  async #together(
    parts: readonly (TokenPart & { readonly cache: KvCache })[],
    signal: AbortSignal | undefined,
  ): Promise<Value> {
    const ids = parts.flatMap((part) => [...part.ids]);
    const at = parts.flatMap(({ ids: own, keep }) => Array.from(own, (_, index) => keep + index));
    const x = await this.embed([ids], [at]); // [1, T, C]
    const texts: { readonly tokens: number; readonly sequence: Sequence }[] = [];
    try {
      for (const { ids: own, keep, cache } of parts) {
        cache.rows.truncate(keep);
        announceStep(cache.rows, { ids: [own] });
        texts.push({ tokens: own.length, sequence: this.#sequenceOf(cache, keep) });
      }
      return await this.#layers(x, (layer) => sharedContext(texts, layer), signal);
    } finally {
      for (const { sequence } of texts) sequence.dispose();
    }
  }

  /** The new tokens of a cache that has been told of them, behind `past` ones. */
  #sequenceOf(cache: KvCache, past: number): Sequence {
    return new Sequence(this.ops, this.config, {
      positions: cache.rows.positions.map((row) => row.subarray(past)),
      allPositions: cache.rows.positions,
      visible: cache.rows.visible,
      cache,
      keep: past,
    });
  }

  /** The logits [vocab] of the tokens that `chosen` takes of states [B, T, C], which are freed. */
  async #logitsOf(
    states: Value,
    chosen: (states: Value) => Value,
  ): Promise<readonly Float32Array[]> {
    const { ops } = this;
    let x = states;
    try {
      x = ops.scope(() => {
        const some = chosen(states);
        const [b = 0, t = 0, c = 0] = some.shape;
        return ops.reshape(some, [b * t, c]);
      }); // [N, C]
      ops.free(states);
      const normed = await this.finalNorm(x); // [N, C]
      ops.free(x);
      x = normed;
      const logits = await this.head(x); // [N, vocab]
      const { vocabSize } = this.config;
      return Array.from({ length: x.shape[0] ?? 0 }, (_, row) =>
        logits.subarray(row * vocabSize, (row + 1) * vocabSize),
      );
    } finally {
      ops.free(x);
    }
  }

  /** Embeddings [B, T, C], which are freed, through all layers -> [B, T, C]. */
  async #layers(
    embeddings: Value,
    contextOf: (layer: number) => TokenContext,
    signal: AbortSignal | undefined,
  ): Promise<Value> {
    const { ops } = this;
    let x = embeddings;
    try {
      for (let index = 0; index < this.config.layers;) {
        signal?.throwIfAborted();
        const several = await this.#severalFrom(index, x);
        const next =
          several === undefined
            ? await this.#layer(index, x, contextOf(index))
            : this.#inOneCall(several, index, x, contextOf);
        ops.free(x);
        x = next;
        for (const end = index + (several?.length ?? 1); index < end; index++)
          this.weights.release(index);
        // A layer of a long prompt takes seconds in a large model: signals, timers and other requests get their turn between.
        await this.#breather.breathe();
      }
      return x;
    } catch (error) {
      ops.free(x);
      throw error;
    }
  }

  /** Layers from `index` on that one call computes; undefined where it is one by one. */
  async #severalFrom(index: number, x: Value): Promise<readonly ModuleWeights[] | undefined> {
    const { residence } = this.weights;
    const [b = 0, t = 0] = x.shape;
    let room = this.steps.layerBytes / (b * t);
    if (this.#architecture.block.together === undefined || residence === "streamed" || room < 1)
      return undefined;
    const several: ModuleWeights[] = [];
    while (index + several.length < this.config.layers) {
      const weights = await this.weights.block(index + several.length);
      room -= weights.byteLength;
      if (room < 0) break;
      several.push(weights);
    }
    return several.length > 1 ? several : undefined;
  }

  #inOneCall(
    several: readonly ModuleWeights[],
    first: number,
    x: Value,
    contextOf: (layer: number) => TokenContext,
  ): Value {
    const { steps, config } = this;
    const { block } = this.#architecture;
    const layers = several.map((weights, place) => ({
      weights,
      context: contextOf(first + place),
    }));
    return steps.scope(() => {
      const next = block.together?.(steps, layers, config, x);
      if (next === undefined) throw new WbError("WB7001", "this block is computed one by one");
      return next;
    });
  }

  createCache(batch: number): KvCache {
    return new KvCache(this.ops, batch);
  }

  /** Frees every parameter on the device. */
  async dispose(): Promise<void> {
    await this.weights.dispose();
  }
}

/** What one layer is told of the model. */
function ofLayer(config: ModelConfig, index: number): ModelConfig {
  if (config.scoresFallByLayer !== true) return config;
  return { ...config, queryScalar: (config.queryScalar ?? config.headDim) * (index + 1) ** 2 };
}

/** What a layer is told of texts whose tokens pass it together. @throws WbError WB7001 without any. */
function sharedContext(
  texts: readonly { readonly tokens: number; readonly sequence: Sequence }[],
  layer: number,
): TokenContext {
  const parts = texts.map(({ tokens, sequence }) => ({ tokens, context: sequence.context(layer) }));
  const [first] = parts;
  if (first === undefined) throw new WbError("WB7001", "a step of no text");
  return parts.length === 1 ? first.context : { ...first.context, cache: undefined, parts };
}

/** Logits x as cap · tanh(x / cap) (Gemma 2). */
function capAll(logits: Float32Array, cap: number): void {
  for (let index = 0; index < logits.length; index++)
    logits[index] = capped(logits[index] ?? 0, cap);
}

function checkId(id: number, vocabSize: number): void {
  if (Number.isSafeInteger(id) && id >= 0 && id < vocabSize) return;
  throw new WbError("WB3804", `expected token ids from 0 to ${vocabSize - 1}, found ${id}`, {
    details: { id, vocabSize },
  });
}
