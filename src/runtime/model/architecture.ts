import type { ModelConfig } from "../../model/config/model-config.ts";
import { familyOf } from "../../model/families.ts";
import { layerName } from "../../model/canonical-names.ts";
import { ENCODER_BLOCK, PLAIN_MLP_BLOCK } from "./plain-block.ts";
import {
  EMBEDDING_NORM,
  EMBEDDINGS,
  HEAD,
  PROJECT_IN,
  PROJECT_OUT,
  type BlockName,
} from "../../model/network.ts";
import { LLAMA_BLOCK, PLAIN_BLOCK, type BlockKind, type PreNormBlock } from "./block.ts";
import { EXPERTS_BLOCK } from "./experts-block.ts";
import { GEMMA2_BLOCK } from "./gemma-block.ts";
import { GLM4_BLOCK, GLM_BLOCK } from "./glm-block.ts";
import { LATENT_BLOCK } from "./latent-attention.ts";

/** A decoder as data: what its parts are called in the checkpoint, and what its block computes. */
export interface Architecture {
  /** Matrix [vocab, C] whose rows are the tokens' embeddings. */
  readonly embedding: string;
  /** Module of the norm of embeddings, where there is one. */
  readonly embeddingNorm: string | undefined;
  /** Modules of the Linears behind the embeddings and before the head, where those are of another size than the states. */
  readonly projections: { readonly input: string; readonly output: string } | undefined;
  /** Module of layer `index`. */
  layer(index: number): string;
  /** Module of the norm after the last layer; undefined where layers end in a norm. */
  readonly norm: string | undefined;
  /** Matrix [vocab, C] that gives the logits. */
  readonly head: string;
  readonly block: BlockKind;
  /** The block in two halves, for the layers whose experts are chosen by a router; undefined where none has any. */
  readonly routed: PreNormBlock | undefined;
}

const DECODER: Pick<Architecture, "embedding" | "layer" | "norm" | "head"> = {
  embedding: EMBEDDINGS,
  layer: (index) => layerName(index, "").slice(0, -1),
  norm: "model.norm",
  head: HEAD,
};

const BLOCKS: Readonly<Record<BlockName, BlockKind>> = {
  llama: LLAMA_BLOCK,
  glm: GLM_BLOCK,
  qwen3: PLAIN_BLOCK,
  gemma: PLAIN_BLOCK,
  gemma2: GEMMA2_BLOCK,
  glm4: GLM4_BLOCK,
  experts: EXPERTS_BLOCK,
  latent: LATENT_BLOCK,
  plain: PLAIN_MLP_BLOCK,
  encoder: ENCODER_BLOCK,
};

const ROUTED: Partial<Record<BlockName, PreNormBlock>> = {
  experts: EXPERTS_BLOCK,
  latent: LATENT_BLOCK,
};

/** Blocks that a graph of TensorFlow's can be written of. */
const IN_GRAPHS: ReadonlySet<BlockName> = new Set(["llama", "glm", "qwen3", "glm4"]);

/** Whether the whole model can be one graph: nothing in it is limited to a window or computed by the processor. */
export function runsAsGraph(config: ModelConfig): boolean {
  const { window, windowRope, attentionCap, activation } = config;
  return (
    IN_GRAPHS.has(familyOf(config.family).network.block) &&
    window === undefined &&
    windowRope === undefined &&
    attentionCap === undefined &&
    activation === undefined
  );
}

/** The architecture of a model; with tied embeddings the head is the embedding matrix. */
export function architectureOf(config: ModelConfig): Architecture {
  const { network } = familyOf(config.family);
  const roles = new Set(network.parameters.map(({ role }) => role));
  const architecture: Architecture = {
    ...DECODER,
    block: BLOCKS[network.block],
    routed: ROUTED[network.block],
    norm: roles.has("finalNorm") && config.lacksFinalNorm !== true ? DECODER.norm : undefined,
    projections:
      config.embeddingSize === undefined ? undefined : { input: PROJECT_IN, output: PROJECT_OUT },
    embeddingNorm: roles.has("embeddingNorm") ? EMBEDDING_NORM : undefined,
  };
  return config.tieWordEmbeddings
    ? { ...architecture, head: architecture.embedding }
    : architecture;
}
