import type { ModelConfig } from "../../model/config/model-config.ts";
import { layerTensors } from "../../model/tensors.ts";
import type { Ops, Weight } from "../backends/ops.ts";
import { bytesOnDevice, readWeight, toDevice, type HostWeight } from "./host-weight.ts";
import type { SharedWeights } from "./weight-pool.ts";
import type { WeightSource } from "./weights.ts";

/** Bytes on the device that the routed experts of one layer may take. One expert is there while it is used, whatever the bound. */
export interface ExpertBounds {
  /** While the layer runs. */
  readonly running: number;
  /** After it, for the next token; 0 where each layer runs once. */
  readonly kept: number;
}

/** Every expert that was ever chosen stays. */
export const ALL_EXPERTS: ExpertBounds = {
  running: Number.POSITIVE_INFINITY,
  kept: Number.POSITIVE_INFINITY,
};

/** Those of a layer stay while it runs. */
export const EXPERTS_OF_A_LAYER: ExpertBounds = { running: Number.POSITIVE_INFINITY, kept: 0 };

/** An expert's parameters on the device. */
interface Held {
  readonly weights: ReadonlyMap<string, Weight>;
  readonly bytes: number;
}

/**
 * The routed experts of a model: each is read when it is chosen, and stays on the device as long as the bounds have room for it. In
 * each layer the one that was used longest ago is let go first; a layer never takes the room of another, since each token passes all
 * of them in turn, and the one that comes next would be the first to go.
 */
export class ExpertStore {
  readonly #ops: Ops;
  readonly #config: ModelConfig;
  readonly #source: WeightSource;
  readonly #bounds: ExpertBounds;
  readonly #shared: SharedWeights | undefined;
  /** By layer and expert, the one used last at the end. */
  readonly #held = new Map<number, Map<number, Held>>();
  readonly #names = new Map<number, ReadonlyMap<number, readonly string[]>>();
  #reading: Promise<unknown> | undefined;

  constructor(
    ops: Ops,
    config: ModelConfig,
    source: WeightSource,
    bounds: ExpertBounds,
    shared?: SharedWeights,
  ) {
    this.#ops = ops;
    this.#config = config;
    this.#source = source;
    this.#bounds = bounds;
    this.#shared = shared;
  }

  /**
   * Calls `use` with the parameters of each of these experts by their whole names, in the given order; they are only good during the
   * call. The next expert is read while one is used, so that two are in host memory at most.
   */
  async each(
    layer: number,
    experts: readonly number[],
    use: (expert: number, weights: ReadonlyMap<string, Weight>) => void,
  ): Promise<void> {
    // What is used now goes last when room is made, and of that what is used first.
    for (const expert of experts.toReversed()) this.#touch(layer, expert);
    let pending = this.#read(layer, experts[0]);
    for (const [index, expert] of experts.entries()) {
      const early = await pending;
      // One that was there when its turn was prepared may have made room for the one before it.
      const isGone = early.length === 0 && this.#held.get(layer)?.has(expert) !== true;
      const bytes = isGone ? await this.#read(layer, expert) : early;
      pending = this.#read(layer, experts[index + 1]);
      use(expert, this.#onDevice(layer, expert, bytes));
    }
  }

  /** Says that a layer was used: what exceeds the bound between layers is let go. */
  release(layer: number): void {
    this.#shrink(layer, this.#bounds.kept);
  }

  /** Frees everything on the device. A read that is under way is awaited. */
  async dispose(): Promise<void> {
    for (const layer of this.#held.keys()) this.#shrink(layer, 0);
    this.#held.clear();
    await Promise.allSettled([this.#reading]);
  }

  /** Reads what is not on the device; nothing of an expert that is. */
  #read(layer: number, expert: number | undefined): Promise<readonly HostWeight[]> {
    if (expert === undefined || this.#held.get(layer)?.has(expert) === true)
      return Promise.resolve([]);
    const missing = this.#namesOf(layer, expert).filter(
      (name) => this.#shared?.get(name) === undefined,
    );
    const bytes = Promise.all(missing.map((name) => readWeight(this.#ops, this.#source, name)));
    // Its failure is reported when the expert is used; until then nobody waits for it.
    bytes.catch(() => undefined);
    this.#reading = bytes;
    return bytes;
  }

  #touch(layer: number, expert: number): void {
    const own = this.#heldOf(layer);
    const held = own.get(expert);
    if (held === undefined) return;
    own.delete(expert);
    own.set(expert, held);
  }

  #onDevice(
    layer: number,
    expert: number,
    bytes: readonly HostWeight[],
  ): ReadonlyMap<string, Weight> {
    const own = this.#heldOf(layer);
    const held = own.get(expert) ?? this.#upload(layer, bytes);
    own.set(expert, held);
    this.#touch(layer, expert);
    if (this.#shared === undefined) return held.weights;
    const all = new Map(held.weights);
    for (const name of this.#namesOf(layer, expert)) {
      const weight = this.#shared.get(name);
      if (weight !== undefined) all.set(name, weight);
    }
    return all;
  }

  #upload(layer: number, parameters: readonly HostWeight[]): Held {
    const size = parameters.reduce((sum, one) => sum + bytesOnDevice(this.#ops, one), 0);
    this.#shrink(layer, Math.max(0, this.#bounds.running - size));
    const weights = new Map<string, Weight>();
    let bytes = 0;
    try {
      for (const parameter of parameters) {
        const weight = toDevice(this.#ops, parameter);
        if (this.#shared?.keep(parameter.name, weight) === true) continue;
        weights.set(parameter.name, weight);
        bytes += weight.byteLength;
      }
    } catch (error) {
      this.#free({ weights, bytes });
      throw error;
    }
    return { weights, bytes };
  }

  /** Lets experts of a layer go until the others take no more than so many bytes. */
  #shrink(layer: number, limit: number): void {
    const own = this.#heldOf(layer);
    let bytes = [...own.values()].reduce((sum, held) => sum + held.bytes, 0);
    for (const [expert, held] of own) {
      if (bytes <= limit) return;
      this.#free(held);
      own.delete(expert);
      bytes -= held.bytes;
    }
  }

  #free({ weights }: Held): void {
    for (const weight of weights.values()) this.#ops.releaseWeight(weight);
  }

  #heldOf(layer: number): Map<number, Held> {
    const held = this.#held.get(layer) ?? new Map<number, Held>();
    this.#held.set(layer, held);
    return held;
  }

  /** The names of an expert's parameters; a layer's are worked out once. */
  #namesOf(layer: number, expert: number): readonly string[] {
    const names = this.#names.get(layer) ?? namesByExpert(this.#config, layer);
    this.#names.set(layer, names);
    return names.get(expert) ?? [];
  }
}

function namesByExpert(config: ModelConfig, layer: number): ReadonlyMap<number, readonly string[]> {
  const names = new Map<number, string[]>();
  for (const { name, expert } of layerTensors(config, layer)) {
    const own = names.get(expert);
    if (own === undefined) names.set(expert, [name]);
    else own.push(name);
  }
  return names;
}
