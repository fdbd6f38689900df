import type { Dtype } from "../../tensor/dtype.ts";
import type { RawConfig } from "./fields.ts";
import type { RopeConfig } from "./rope.ts";

/** Dimension j is rotated with j + D/2 (LLaMA in transformers), or 2j with 2j + 1 (the original rotary, GLM). */
export type RotaryPairs = "halves" | "neighbours";

/** GELU, its approximations by tanh and by a sigmoid, ReLU, its square, SiLU. */
export type Activation = "gelu" | "geluTanh" | "quickGelu" | "relu" | "relu2" | "silu";

/** Layers in which a query sees its own key and those before it, `size` in all. */
export interface AttentionWindow {
  readonly size: number;
  /** For each layer, whether it has the window. */
  readonly layers: readonly boolean[];
}

/**
 * What stands on an encoder's states: logits of masked tokens, nothing, classes of a text, classes of each token, where an answer starts
 * and ends, whether the second sentence follows the first, and UIE's two heads, one for starts and one for ends.
 */
export type EncoderHead =
  "maskedTokens" | "none" | "sequence" | "tokens" | "spans" | "nextSentence" | "extraction";

/** What an encoder has beside its layers. */
export interface EncoderConfig {
  readonly head: EncoderHead;
  /** Classes that a head for classes tells apart. */
  readonly labels: number;
  /** Whether config.json says how many; else the tensors do. */
  readonly saysLabels: boolean;
  /** Whether classes of a text are told by a dense layer of the head's own (RoBERTa), not by the pooler. */
  readonly hasHeadDense: boolean;
  /** What the head for masked tokens has between its dense layer and its norm, where it is not the layers' activation. */
  readonly headActivation?: Activation;
  /** Kinds of texts that a token may be of. */
  readonly types: number;
  /** Kinds of tasks, 0 where there are no embeddings of them. */
  readonly taskTypes: number;
  /** Whether the weights have a pooler of the first token, and a head that tells whether one sentence follows the other. */
  readonly hasPooler: boolean;
  readonly hasNextSentence: boolean;
}

/** Groups of experts, of which each token takes those that score most. */
export interface ExpertGroups {
  readonly count: number;
  readonly perToken: number;
  /** What a group scores: as its best expert, or as its best two together. */
  readonly score: "best" | "bestTwo";
}

/** Feed-forward networks of which each token takes a few. */
export interface ExpertsConfig {
  readonly count: number;
  /** How many each token takes. */
  readonly perToken: number;
  /** Inner size of each. */
  readonly size: number;
  /** Inner size of the one that every token takes, where there is one. */
  readonly sharedSize?: number;
  /** What a router's outputs become before they are compared: all of them together, the usual, or each by itself. */
  readonly scoring?: "softmax" | "sigmoid";
  /** Whether each expert has a number that is added to its score where experts are chosen, and only there. */
  readonly isCorrected?: boolean;
  /** Experts in groups of one size, of which a token takes some; undefined where it may take any expert. */
  readonly groups?: ExpertGroups;
  /** What sums of weights are at least when they are made 1. */
  readonly leastSum?: number;
  /** What the weights are multiplied by in the end. */
  readonly scale?: number;
  /** Whether the weights of those that a token takes are made to sum up to 1. */
  readonly isNormalised: boolean;
  /** For each layer, whether it has experts or one network. */
  readonly layers: readonly boolean[];
}

/**
 * Attention whose keys and values are made of a latent (DeepSeek-V2, arXiv 2405.04434, section 2.1): each head has dimensions without
 * positions and, the same for all heads in keys, `rotaryDims` that are rotated.
 */
export interface LatentConfig {
  /** Size of the latent that queries are made of; undefined where they are made of the hidden state. */
  readonly queryRank?: number;
  /** Size of the latent that keys and values are made of. */
  readonly rank: number;
  /** A head's dimensions that are not rotated, in queries and keys. */
  readonly plainDims: number;
  /** A head's dimensions in values. */
  readonly valueDims: number;
  /** What scores are multiplied by, beside one over the root of a query's dimensions: the square of YaRN's magnitude. */
  readonly scoreScale: number;
  /** What config.json says of YaRN's factors, by which others compute the one on cos and sin. */
  readonly mscale?: number;
  readonly mscaleAllDim?: number;
}

/** What a family reads out of its config.json: dimensions and settings, defaults filled in and checked against each other. */
export interface NetworkConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key and value heads; fewer than `heads` for grouped-query attention. */
  readonly kvHeads: number;
  /** Size of one head. */
  readonly headDim: number;
  /** ε of the norms, RMSNorm or LayerNorm. */
  readonly rmsNormEps: number;
  /** Trained context, in tokens. */
  readonly maxPositions: number;
  readonly rope: RopeConfig;
  /** Rows of the table of learned positions before position 0's; undefined where the model has no such table. */
  readonly positionOffset?: number;
  /** The token that positions are not counted over, in RoBERTa its padding; its own is the row of its id. */
  readonly uncountedId?: number;
  /** Undefined for a decoder, whose tokens see those before them. */
  readonly encoder?: EncoderConfig;
  /** Whether scores fall with the distance of the key (ALiBi). */
  readonly hasAlibi?: boolean;
  /** Of feed-forward networks that are not gated, and of gates that are not SiLU. */
  readonly activation?: Activation;
  /** Of how many tokens keys are cached as they came: with the next one a text is computed anew, once (Phi-3's LongRoPE). */
  readonly recomputesAfter?: number;
  /** How many of a head's dimensions are rotated by the position, the first ones, and which two form a pair. */
  readonly rotaryDims: number;
  readonly rotaryPairs: RotaryPairs;
  /** Rotary of the layers with a window, where it is another than that of the others (Gemma 3). */
  readonly windowRope?: RopeConfig;
  /** Whether queries and keys have norms, in networks that have a switch for it. */
  readonly headNorms?: boolean;
  /** Layers behind the last that predict tokens further ahead: files have them, the model is complete without. */
  readonly predictingLayers?: number;
  /** Undefined where keys and values are projections of the hidden state. `headDim` is the larger of a key's and a value's. */
  readonly latent?: LatentConfig;
  /** Undefined where every layer has one feed-forward network. */
  readonly experts?: ExpertsConfig;
  /** Undefined where every query sees all keys before it. */
  readonly window?: AttentionWindow;
  /** S, where scores are q k / √S instead of q k / √headDim. */
  readonly queryScalar?: number;
  /** Whether layer i divides its scores by i + 1 besides (GPT-2's `scale_attn_by_inverse_layer_idx`). */
  readonly scoresFallByLayer?: boolean;
  /** Size of a row of the embeddings and of the head, where it is not the hidden size: a Linear stands between (OPT-350m). */
  readonly embeddingSize?: number;
  /** Whether a layer's norms are taken of the sums, as encoders have it (OPT-350m). */
  readonly normsSums?: boolean;
  /** Whether no norm stands after the last layer, in networks that may have one. */
  readonly lacksFinalNorm?: boolean;
  /** Whether sums keep what the norm before gives, not what it takes (Bloom's `apply_residual_connection_post_layernorm`). */
  readonly keepsNormed?: boolean;
  /** Scores s become cap · tanh(s / cap) before the softmax, where there is a cap. */
  readonly attentionCap?: number;
  /** The same of logits. */
  readonly logitCap?: number;
  /** What embeddings are multiplied by, where they are. */
  readonly embeddingScale?: number;
  /** Biases of q_proj, k_proj, v_proj and, in LLaMA's network, o_proj. */
  readonly attentionBias: boolean;
  /** The bias of o_proj, in networks that have a switch of its own for it. */
  readonly outputBias?: boolean;
  /** Biases of gate_proj, up_proj and down_proj. */
  readonly mlpBias: boolean;
  /** lm_head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
}

/** A model's dimensions and settings, and what every config.json says beside them. */
export interface ModelConfig extends NetworkConfig {
  /** The name of its description in `families`. */
  readonly family: string;
  /** `architectures[0]` as written, else the family's usual class. */
  readonly architecture: string;
  readonly bosTokenId: number | undefined;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | undefined;
  /** What config.json says the weights are stored as; the files decide. */
  readonly torchDtype: Dtype | undefined;
  /** config.json as written. */
  readonly raw: RawConfig;
}

/**
 * A field of our own in the config.json of converted folders: the family whose code the weights were made for. Its rotary
 * cache may differ from that of the class they are converted to; other programs take no notice of the field.
 */
export const SOURCE_FAMILY_FIELD = "weighbridge_source_family";
