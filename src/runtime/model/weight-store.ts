import { WbError } from "../../errors/wb-error.ts";
import { embeddingSize } from "../../model/axes.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { checkWeightDtype, toFloat32 } from "../backends/cast.ts";
import type { Ops, Weight } from "../backends/ops.ts";
import { architectureOf, type Architecture } from "./architecture.ts";
import { expectedTensors, layerTensors } from "../../model/tensors.ts";
import { ALL_EXPERTS, EXPERTS_OF_A_LAYER, ExpertStore, type ExpertBounds } from "./expert-store.ts";
import { readWeight, toDevice, type HostWeight } from "./host-weight.ts";
import { ModuleWeights } from "./parameters.ts";
import type { SharedWeights } from "./weight-pool.ts";
import { EmbeddingTable } from "./embedding-table.ts";
import { deviceElementBytes, type RowRange, type WeightSource } from "./weights.ts";

/**
 * Resident: each layer is uploaded once and stays. Streamed: it is read (the next one meanwhile), uploaded, used and let go. Routed
 * experts are no part of either: `ExpertStore` reads those that are chosen.
 */
export type Residence = "resident" | "streamed";

/** Bytes on the device of one band of the head's rows; the same for both residences, so that both sum alike. */
export const HEAD_BAND_BYTES = 64 * 2 ** 20;

/** Rows of the embedding matrix that are read at once. */
const ROWS_IN_FLIGHT = 32;

/** Holds a model's parameters on the device, or lets them pass through it. */
export class WeightStore {
  readonly residence: Residence;
  readonly source: WeightSource;
  readonly #ops: Ops;
  readonly #config: ModelConfig;
  readonly #architecture: Architecture;
  readonly #shared: SharedWeights | undefined;
  readonly #blocks = new Map<number, ReadonlyMap<string, Weight>>();
  /** Names of a layer's parameters that every token takes: asked for once a layer and token, and slow to work out of many experts. */
  readonly #common = new Map<number, readonly string[]>();
  readonly #headBands = new Map<number, Weight>();
  readonly #modules = new Map<string, ReadonlyMap<string, Weight>>();
  readonly #tables = new Map<string, EmbeddingTable>();
  readonly #experts: ExpertStore;
  #next: { readonly index: number; readonly bytes: Promise<readonly HostWeight[]> } | undefined;

  /**
   * @param shared Parameters of layers that are on the device already; with them no layer is read ahead.
   * @param experts When left out, resident all that were chosen stay, and streamed those of a layer while it runs.
   */
  constructor(
    ops: Ops,
    config: ModelConfig,
    source: WeightSource,
    residence: Residence,
    shared?: SharedWeights,
    experts: ExpertBounds = residence === "resident" ? ALL_EXPERTS : EXPERTS_OF_A_LAYER,
  ) {
    this.#ops = ops;
    this.#shared = shared;
    this.#config = config;
    this.source = source;
    this.#architecture = architectureOf(config);
    this.residence = residence;
    this.#experts = new ExpertStore(ops, config, source, experts, shared);
    const expertsPass = config.experts !== undefined && experts.kept < Number.POSITIVE_INFINITY;
    if (residence === "streamed" || expertsPass) ops.weightsPass?.();
  }

  /** Resident, reads the tables of embeddings into host memory, where rows are looked up; streamed, nothing of them is held. */
  async loadEmbeddings(): Promise<void> {
    if (this.residence === "streamed") return;
    for (const name of tablesOf(this.#config)) {
      const table = await EmbeddingTable.read(this.source, name);
      if (table !== undefined) this.#tables.set(name, table);
    }
  }

  /** Embeddings of tokens, [ids, C]; of a decoder that has no others. */
  async embeddings(ids: readonly number[]): Promise<Float32Array> {
    return this.rowsOf(this.#architecture.embedding, ids);
  }

  /** Rows of a table of embeddings, [ids, C]. */
  async rowsOf(table: string, ids: readonly number[]): Promise<Float32Array> {
    const width =
      table === this.#architecture.embedding
        ? embeddingSize(this.#config)
        : this.#config.hiddenSize;
    const data = new Float32Array(ids.length * width);
    const unique = [...new Set(ids)];
    const rows = new Map<number, Float32Array>();
    for (let begin = 0; begin < unique.length; begin += ROWS_IN_FLIGHT) {
      const batch = unique.slice(begin, begin + ROWS_IN_FLIGHT);
      const read = await Promise.all(batch.map((id) => this.#row(table, id)));
      for (const [index, id] of batch.entries()) rows.set(id, read[index] ?? new Float32Array(0));
    }
    for (const [index, id] of ids.entries()) {
      data.set(rows.get(id) ?? new Float32Array(0), index * width);
    }
    return data;
  }

  async #row(name: string, id: number): Promise<Float32Array> {
    const held = this.#tables.get(name);
    if (held !== undefined) return held.row(id);
    const { bytes, dtype } = await this.source.read(name, { begin: id, end: id + 1 });
    return toFloat32(bytes, checkWeightDtype(dtype, name));
  }

  /** Calls `use` with the parameters of each of a layer's routed experts, by their names in the layer, as `ExpertStore.each` has it. */
  eachExpert(
    index: number,
    experts: readonly number[],
    use: (expert: number, weights: ReadonlyMap<string, Weight>) => void,
  ): Promise<void> {
    const prefix = `${this.#architecture.layer(index)}.`;
    return this.#experts.each(index, experts, (expert, weights) => {
      const named = [...weights].map(([name, one]) => [name.slice(prefix.length), one] as const);
      use(expert, new Map(named));
    });
  }

  /** The parameters of layer `index` but for its routed experts, valid until `release`. */
  async block(index: number): Promise<ModuleWeights> {
    const held = this.#blocks.get(index);
    if (held !== undefined) {
      if (this.#shared === undefined) return new ModuleWeights(held);
      const prefix = `${this.#architecture.layer(index)}.`;
      return new ModuleWeights(new Map([...this.#sharedOf(index, prefix), ...held]));
    }
    const pending = this.#next?.index === index ? this.#next.bytes : this.#readBlock(index);
    this.#next = undefined;
    const bytes = await pending;
    const isNext = index + 1 < this.#config.layers && !this.#blocks.has(index + 1);
    if (isNext && this.#shared === undefined) this.#prefetch(index + 1);
    const prefix = `${this.#architecture.layer(index)}.`;
    const uploaded = this.#upload(bytes, prefix);
    const shared = this.#sharedOf(index, prefix);
    this.#blocks.set(index, this.#kept(uploaded, prefix));
    return new ModuleWeights(new Map([...shared, ...uploaded]));
  }

  /** Says that layer `index` was used; streamed, its memory is given back, and of its experts what is beyond the bound. */
  release(index: number): void {
    this.#experts.release(index);
    if (this.residence === "resident") return;
    this.#free(this.#blocks.get(index));
    this.#blocks.delete(index);
  }

  /** The parameters of a module outside of the layers; always resident. */
  async module(name: string): Promise<ModuleWeights> {
    const prefix = `${name}.`;
    const held = this.#modules.get(name);
    if (held !== undefined) return new ModuleWeights(held);
    const own = expectedTensors(this.#config).filter((tensor) => tensor.name.startsWith(prefix));
    const bytes = await Promise.all(
      own.map((tensor) => readWeight(this.#ops, this.source, tensor.name)),
    );
    const uploaded = this.#modules.get(name) ?? this.#upload(bytes, prefix);
    this.#modules.set(name, uploaded);
    return new ModuleWeights(uploaded);
  }

  /** Calls `use` with the head's rows, band by band; the weight is only valid during the call. */
  async eachHeadBand(use: (rows: RowRange, weight: Weight) => void): Promise<void> {
    const bands = this.headBands();
    let pending = this.#readBand(bands[0]);
    for (const [index, rows] of bands.entries()) {
      const bytes = await pending;
      pending = this.#readBand(bands[index + 1]);
      const shared = this.#sharedBand(rows);
      const weight = shared ?? this.#headBands.get(rows.begin) ?? this.#uploadBand(rows, bytes);
      const isKept =
        shared !== undefined ||
        this.#shared?.keep(this.#architecture.head, weight, rows.begin) === true;
      try {
        use(rows, weight);
      } finally {
        const isDone = this.residence === "streamed";
        if (isKept || isDone) this.#headBands.delete(rows.begin);
        if (isDone && !isKept) this.#ops.releaseWeight(weight);
      }
    }
  }

  /** Frees everything on the device. A read that is under way is awaited, so that the checkpoint may be closed after. */
  async dispose(): Promise<void> {
    const reading = this.#next?.bytes;
    this.#next = undefined;
    for (const block of this.#blocks.values()) this.#free(block);
    this.#blocks.clear();
    for (const weight of this.#headBands.values()) this.#ops.releaseWeight(weight);
    this.#headBands.clear();
    for (const module of this.#modules.values()) this.#free(module);
    this.#modules.clear();
    this.#tables.clear();
    await Promise.allSettled([reading, this.#experts.dispose()]);
  }

  #prefetch(index: number): void {
    const bytes = this.#readBlock(index);
    // Its failure is reported when the layer is asked for; until then nobody waits for it.
    bytes.catch(() => undefined);
    this.#next = { index, bytes };
  }

  /** Parameters of a layer that are on the device for all. */
  #sharedOf(index: number, prefix: string): ReadonlyMap<string, Weight> {
    const found = new Map<string, Weight>();
    if (this.#shared === undefined) return found;
    for (const name of this.#commonOf(index)) {
      const weight = this.#shared.get(name);
      if (weight !== undefined) found.set(name.slice(prefix.length), weight);
    }
    return found;
  }

  /** Hands uploaded parameters over to be shared; gives those that stay this model's own. */
  #kept(uploaded: ReadonlyMap<string, Weight>, prefix: string): ReadonlyMap<string, Weight> {
    const own = [...uploaded].filter(
      ([name, weight]) => this.#shared?.keep(prefix + name, weight) !== true,
    );
    return new Map(own);
  }

  #readBlock(index: number): Promise<readonly HostWeight[]> {
    const names = this.#commonOf(index).filter((name) => this.#shared?.get(name) === undefined);
    return Promise.all(names.map((name) => readWeight(this.#ops, this.source, name)));
  }

  #commonOf(index: number): readonly string[] {
    const known = this.#common.get(index);
    if (known !== undefined) return known;
    const names = layerTensors(this.#config, index).flatMap(({ name, expert }) =>
      expert === -1 ? [name] : [],
    );
    this.#common.set(index, names);
    return names;
  }

  #upload(parameters: readonly HostWeight[], prefix: string): ReadonlyMap<string, Weight> {
    const uploaded = new Map<string, Weight>();
    try {
      for (const parameter of parameters) {
        uploaded.set(parameter.name.slice(prefix.length), toDevice(this.#ops, parameter));
      }
    } catch (error) {
      this.#free(uploaded);
      throw error;
    }
    return uploaded;
  }

  /** The head's rows in order, so many at a time that a band's product stays small. */
  headBands(): readonly RowRange[] {
    const { vocabSize } = this.#config;
    const facts = this.source.facts(this.#architecture.head);
    const rowBytes = embeddingSize(this.#config) * deviceElementBytes(this.#ops, facts);
    const limit = Math.min(HEAD_BAND_BYTES, this.#ops.maxWeightBytes);
    const size = Math.max(1, Math.floor(limit / rowBytes));
    return Array.from({ length: Math.ceil(vocabSize / size) }, (_, band) => ({
      begin: band * size,
      end: Math.min(vocabSize, (band + 1) * size),
    }));
  }

  #sharedBand({ begin }: RowRange): Weight | undefined {
    return this.#shared?.get(this.#architecture.head, begin);
  }

  /** Reads a band unless it is already on the device or there is none. */
  #readBand(rows: RowRange | undefined): Promise<HostWeight | undefined> {
    if (
      rows === undefined ||
      this.#headBands.has(rows.begin) ||
      this.#sharedBand(rows) !== undefined
    )
      return Promise.resolve(undefined);
    const bytes = readWeight(this.#ops, this.source, this.#architecture.head, rows);
    bytes.catch(() => undefined); // as in #prefetch
    return bytes;
  }

  #uploadBand(rows: RowRange, bytes: HostWeight | undefined): Weight {
    if (bytes === undefined)
      throw new WbError("WB7001", `no bytes for the head's rows from ${rows.begin}`);
    const weight = toDevice(this.#ops, bytes);
    this.#headBands.set(rows.begin, weight);
    return weight;
  }

  #free(weights: ReadonlyMap<string, Weight> | undefined): void {
    for (const weight of weights?.values() ?? []) this.#ops.releaseWeight(weight);
  }
}

/** Tables of embeddings, by name. */
function tablesOf(config: ModelConfig): readonly string[] {
  return expectedTensors(config).flatMap(({ name, parameter }) =>
    parameter.role.toLowerCase().endsWith("embedding") ? [name] : [],
  );
}
