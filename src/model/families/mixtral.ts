import type { ConfigFields } from "../config/fields.ts";
import { readExperts } from "../config/experts.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import { readWindow } from "../config/window.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, paddleformers, paddlenlp, STACKED_EXPERTS } from "../names/naming.ts";
import { sparse } from "../experts-network.ts";
import { decoder, grouped } from "../network.ts";
import { llamaFields } from "./stock-llama.ts";

const NETWORK = decoder({
  block: "experts",
  attention: grouped({ bias: "qkv" }),
  mlp: sparse({}),
});

/** Its own names of the router and of the experts: w1 is the gate, w3 the up projection. */
const ROWS = [
  ".mlp.gate.weight | .block_sparse_moe.gate.weight",
  ".mlp.experts.{e}.gate_proj.weight | .block_sparse_moe.experts.{e}.w1.weight",
  ".mlp.experts.{e}.up_proj.weight | .block_sparse_moe.experts.{e}.w3.weight",
  ".mlp.experts.{e}.down_proj.weight | .block_sparse_moe.experts.{e}.w2.weight",
];

/**
 * Mixtral: Mistral's network with experts in every layer, of which each token takes two (transformers v5.23.0,
 * models/mixtral/modeling_mixtral.py).
 */
export const MIXTRAL: Family = {
  name: "mixtral",
  architectures: ["MixtralForCausalLM"],
  modelType: "mixtral",
  checkedAgainst: "transformers 5.23, `MixtralForCausalLM`",
  readConfig,
  network: NETWORK,
  names: {
    huggingface: naming(NETWORK, { rows: ROWS }),
    paddlenlp: paddlenlp(NETWORK, { prefix: "mixtral.", rows: ROWS }),
    paddleformers: paddleformers(NETWORK, { rows: ROWS }),
    gguf: ggufNames(NETWORK, { interleaved: true }),
    transformersStacked: naming(NETWORK, { rows: STACKED_EXPERTS }),
    /** Nobody's files have them, but messages call the tensors so. */
    canonical: naming(NETWORK),
  },
  prefixes: ["mixtral", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "MixtralForCausalLM",
    modelType: "mixtral",
    fields: (config) => ({
      ...llamaFields(config),
      sliding_window: config.window?.size ?? null,
      num_local_experts: config.experts?.count,
      num_experts_per_tok: config.experts?.perToken,
    }),
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["sliding_window"],
    defaults: { kvHeads: 8, rmsNormEps: 1e-5, maxPositions: 131_072 },
  });
  const usual = { count: 8, perToken: 2, size: network.intermediateSize, isNormalised: true };
  return {
    ...network,
    attentionBias: false,
    mlpBias: false,
    experts: { ...readExperts(config, network.layers, usual), isNormalised: true },
    ...readWindow(config, network.layers, config.optionalCount("sliding_window"), () => true),
  };
}
