import type { Axis } from "./axes.ts";
import type { NetworkConfig } from "./config/model-config.ts";

/**
 * What a writer may store another way round than others do: `linear` is the weight [out, in] of a Linear, `head` that of the
 * Linear that gives the logits, `router` that of the one that chooses experts. Tables and vectors are the same everywhere.
 */
export type TensorClass = "linear" | "head" | "router" | "table" | "vector";

/** How the weights of one class are stored: torch has [out, in], Paddle [in, out]. */
export type LinearLayout = "torch" | "paddle";

/** What a parameter does in its network. */
export type Role =
  | "embedding"
  | "positionEmbedding"
  | "embeddingProjection"
  | "outputProjection"
  | "typeEmbedding"
  | "taskTypeEmbedding"
  | "pooler"
  | "nextSentence"
  | "headDense"
  | "headNorm"
  | "headBias"
  | "classifierDense"
  | "classifier"
  | "start"
  | "end"
  | "embeddingNorm"
  | "query"
  | "key"
  | "value"
  | "output"
  | "gate"
  | "up"
  | "gateUp"
  | "down"
  | "router"
  | "routerBias"
  | "sharedGate"
  | "queryLatent"
  | "queryLatentNorm"
  | "latent"
  | "latentNorm"
  | "keyValue"
  | "queryNorm"
  | "keyNorm"
  | "attentionNorm"
  | "attentionOutputNorm"
  | "mlpNorm"
  | "mlpOutputNorm"
  | "finalNorm"
  | "head";

/** One parameter of a network, for all layers at once. */
export interface Parameter {
  /** Canonical, as stock transformers spells it, with `{i}` for the layer and `{e}` for the expert. */
  readonly name: string;
  readonly role: Role;
  readonly kind: "weight" | "bias";
  readonly class: TensorClass;
  /** In torch's order. */
  readonly axes: readonly Axis[];
  /** Which of the axes tensor-parallel ranks cut; undefined where every rank has all of it, or for tables, either. */
  readonly cut?: 0 | 1;
  /** What the model adds to the stored numbers before it uses them: Gemma's norms are stored as their difference from 1. */
  readonly offset?: 1;
  /** Half dtypes would choose other experts: a cast leaves it as it is. */
  readonly keepsFloat32?: boolean;
  /** Whether a model has it; always where left out. */
  readonly when?: (config: NetworkConfig, layer: number) => boolean;
}

/** Classes whose weights are matrices that a writer may store as [in, out]. */
export const TRANSPOSABLE: ReadonlySet<TensorClass> = new Set(["linear", "head", "router"]);
