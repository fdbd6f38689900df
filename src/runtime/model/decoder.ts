import { setImmediate } from "node:timers/promises";
import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Backend } from "../backends/backend.ts";
import type { Ops, Value } from "../backends/ops.ts";
import type { Steps } from "../backends/steps/steps.ts";
import { architectureOf, type Architecture } from "./architecture.ts";
import type { Observer } from "./block.ts";
import { KvCache } from "./kv-cache.ts";
import { norm } from "./norm.ts";
import { Sequence } from "./sequence.ts";
import { announceStep, type StepInput, type TokenModel } from "./token-model.ts";
import { WeightStore, type Residence } from "./weight-store.ts";
import { checkWeights, type WeightSource } from "./weights.ts";

/** Tokens that meet one band of the head at a time. */
const HEAD_ROWS = 512;

/** A decoder on a device: embedding, blocks, norm, head. Values that it gives belong to the caller. */
export class Decoder implements TokenModel {
  readonly config: ModelConfig;
  readonly ops: Ops;
  readonly steps: Steps;
  readonly weights: WeightStore;
  readonly #architecture: Architecture;

  /** @throws WbError WB3780, WB4780 when the source does not have the parameters of the config. */
  constructor(
    { ops, steps }: Omit<Backend, "graphs">,
    config: ModelConfig,
    source: WeightSource,
    residence: Residence,
  ) {
    checkWeights(config, source);
    this.ops = ops;
    this.steps = steps;
    this.config = config;
    this.#architecture = architectureOf(config);
    this.weights = new WeightStore(ops, config, source, residence);
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
    await this.weights.norm();
    await this.weights.eachHeadBand(() => undefined);
  }

  checkIds(ids: Iterable<number>): void {
    for (const id of ids) checkId(id, this.config.vocabSize);
  }

  /** Tokens [B, T] -> their embeddings [B, T, C]. @throws WbError WB3804 for an id outside the vocabulary. */
  async embed(ids: readonly (Int32Array | readonly number[])[]): Promise<Value> {
    for (const row of ids) this.checkIds(row);
    const flat = ids.flatMap((row) => [...row]);
    const data = await this.weights.embeddings(flat);
    return this.ops.upload(data, [ids.length, ids[0]?.length ?? 0, this.config.hiddenSize]);
  }

  /** One layer, [B, T, C] -> [B, T, C]; x is not freed. Layers come in order from 0, since the next is read ahead. */
  async block(index: number, x: Value, sequence: Sequence, observe?: Observer): Promise<Value> {
    const weights = await this.weights.block(index);
    return this.steps.scope(() =>
      this.#architecture.block.forward(
        this.steps,
        weights,
        this.config,
        x,
        sequence.context(index),
        observe,
      ),
    );
  }

  /** The norm after the last layer, [B, T, C] -> [B, T, C]. */
  async finalNorm(x: Value): Promise<Value> {
    const weights = await this.weights.norm();
    return norm(this.steps, weights, this.config, x);
  }

  /** Normed hidden states [N, C] -> logits [N, vocab] in host memory; the head passes in bands of vocabulary. */
  async head(x: Value): Promise<Float32Array> {
    const { ops } = this;
    const { vocabSize } = this.config;
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
    const { ops } = this;
    const past = cache.length;
    announceStep(cache.rows, input);
    let x = await this.embed(input.ids); // [B, T, C]
    const sequence = new Sequence(ops, this.config, {
      positions: cache.rows.positions.map((row) => row.subarray(past)),
      allPositions: cache.rows.positions,
      visible: cache.rows.visible,
      cache,
    });
    try {
      const isPrefill = (input.ids[0]?.length ?? 0) > 1;
      for (let index = 0; index < this.config.layers; index++) {
        input.signal?.throwIfAborted();
        const next = await this.block(index, x, sequence);
        ops.free(x);
        x = next;
        this.weights.release(index);
        // A layer of a long prompt takes seconds in a large model: signals, timers and other requests get their turn between.
        if (isPrefill) await setImmediate();
      }
      const [b = 0, t = 0, c = 0] = x.shape;
      const last = x;
      x = ops.scope(() => ops.reshape(ops.slice(last, 1, t - 1, 1), [b, c])); // [B, C]
      ops.free(last);
      const normed = await this.finalNorm(x); // [B, C]
      ops.free(x);
      x = normed;
      const logits = await this.head(x); // [B, vocab]
      const { vocabSize } = this.config;
      return input.ids.map((_, row) => logits.subarray(row * vocabSize, (row + 1) * vocabSize));
    } finally {
      ops.free(x);
      sequence.dispose();
    }
  }

  createCache(batch: number): KvCache {
    return new KvCache(this.ops, batch);
  }

  /** Frees every parameter on the device. */
  async dispose(): Promise<void> {
    await this.weights.dispose();
  }
}

function checkId(id: number, vocabSize: number): void {
  if (Number.isSafeInteger(id) && id >= 0 && id < vocabSize) return;
  throw new WbError("WB3804", `expected token ids from 0 to ${vocabSize - 1}, found ${id}`, {
    details: { id, vocabSize },
  });
}
