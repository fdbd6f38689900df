import type { ModelConfig } from "../../model/config/model-config.ts";
import { familyOf } from "../../model/families.ts";
import { layerName } from "../../model/canonical-names.ts";
import { EMBEDDINGS, HEAD, type BlockName } from "../../model/network.ts";
import { LLAMA_BLOCK, type BlockKind } from "./block.ts";
import { GLM_BLOCK } from "./glm-block.ts";

/** A decoder as data: what its parts are called in the checkpoint, and what its block computes. */
export interface Architecture {
  /** Matrix [vocab, C] whose rows are the tokens' embeddings. */
  readonly embedding: string;
  /** Module of layer `index`. */
  layer(index: number): string;
  /** Module of the norm after the last layer. */
  readonly norm: string;
  /** Matrix [vocab, C] that gives the logits. */
  readonly head: string;
  readonly block: BlockKind;
}

const LLAMA: Architecture = {
  embedding: EMBEDDINGS,
  layer: (index) => layerName(index, "").slice(0, -1),
  norm: "model.norm",
  head: HEAD,
  block: LLAMA_BLOCK,
};

const GLM: Architecture = { ...LLAMA, block: GLM_BLOCK };

const ARCHITECTURES: Readonly<Record<BlockName, Architecture>> = { llama: LLAMA, glm: GLM };

/** The architecture of a model; with tied embeddings the head is the embedding matrix. */
export function architectureOf(config: ModelConfig): Architecture {
  const architecture = ARCHITECTURES[familyOf(config.family).network.block];
  return config.tieWordEmbeddings
    ? { ...architecture, head: architecture.embedding }
    : architecture;
}
