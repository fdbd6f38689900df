import type { ConfigFields } from "./config/fields.ts";
import type { ModelConfig, NetworkConfig } from "./config/model-config.ts";
import type { HeadTraits } from "./encoder-parts.ts";
import type { Naming } from "./names/naming.ts";
import type { PaddleWriter } from "./names/paddle-writers.ts";
import type { Network } from "./network.ts";

/** The class of stock transformers that a family's converted folders are for. */
export interface StockClass {
  readonly architecture: string;
  /** Of a family whose models have classes of their own for what stands on them. */
  architectureOf?(config: ModelConfig): string;
  /** Its `model_type`. */
  readonly modelType: string;
  /** The fields of its config.json, but for those that every config.json has. */
  fields(config: ModelConfig): Readonly<Record<string, unknown>>;
}

/** A stored tensor that a model has no need of. */
export interface DroppedName {
  readonly stored: string;
  readonly why: string;
}

/**
 * A model family: how its config.json is read, its network, the names under which each writer stores it, and what it is
 * converted to. Canonical names are those of the stock class.
 */
export interface Family {
  readonly name: string;
  /** What config.json calls its classes, the usual one first. */
  readonly architectures: readonly [string, ...string[]];
  readonly modelType: string;
  /** The implementation whose logits ours were held against, on small models of random weights. */
  readonly checkedAgainst: string;
  /** @throws WbError WB3701 naming the field that is missing or contradicts another, WB4702 for what is not implemented. */
  readConfig(config: ConfigFields): NetworkConfig;
  readonly network: Network;
  /** By writer; a checkpoint may have any of them, conversions write those that have their writer's name here. */
  readonly names: {
    readonly huggingface: Naming;
    readonly [writer: string]: Naming;
  };
  /** Whose names it gets in Paddle where nobody says; PaddleNLP's when left out. */
  readonly paddleWriter?: PaddleWriter;
  /** What any stored name may have in front, each followed by a dot. */
  readonly prefixes: readonly string[];
  readonly drops: readonly DroppedName[];
  readonly stock: StockClass;
  /** Ids that end a text where config.json names none; the stock class may have others. */
  readonly eosIds?: readonly number[];
  /** Of an encoder: how its heads are told. */
  readonly heads?: HeadTraits;
  /** The class of the usual writer of Paddle's files that reads them, where it is not the stock class's namesake. */
  readonly paddleClass?: StockClass;
}
