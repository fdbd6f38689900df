import type { ModelConfig } from "../../model/config/model-config.ts";
import { familyOf } from "../../model/families.ts";
import type { BlockName } from "../../model/network.ts";
import { LLAMA_BLOCK, type BlockKind } from "./block.ts";
import { GLM_BLOCK } from "./glm-block.ts";
import { normParameters } from "./norm.ts";
import { nested, type ParameterSpec } from "./parameters.ts";

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
  embedding: "model.embed_tokens.weight",
  layer: (index) => `model.layers.${index}`,
  norm: "model.norm",
  head: "lm_head.weight",
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

/** Every parameter that the model needs, by its full name. */
export function modelParameters(config: ModelConfig): readonly ParameterSpec[] {
  const architecture = architectureOf(config);
  const matrix = [config.vocabSize, config.hiddenSize];
  const layers = Array.from({ length: config.layers }, (_, index) =>
    nested(architecture.layer(index), architecture.block.parameters(config)),
  );
  return [
    { name: architecture.embedding, shape: matrix },
    ...layers.flat(),
    ...nested(architecture.norm, normParameters(config)),
    ...(config.tieWordEmbeddings ? [] : [{ name: architecture.head, shape: matrix }]),
  ];
}
