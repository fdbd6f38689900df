import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { naming, paddleformers } from "../names/naming.ts";
import { decoder, gatedInOne, GLM4_NORMS, grouped } from "../network.ts";
import { readGlmConfig, STOCK_GLM } from "./stock-glm.ts";

const NETWORK = decoder({
  block: "glm4",
  attention: grouped({ bias: "qkv" }),
  mlp: gatedInOne,
  norms: GLM4_NORMS,
});

/**
 * GLM-4-0414 and GLM-Z1: Glm's network with a norm behind attention and one behind the feed-forward network (transformers
 * v5.23.0, models/glm4/modeling_glm4.py).
 */
export const GLM4: Family = {
  name: "glm4",
  architectures: ["Glm4ForCausalLM"],
  modelType: "glm4",
  checkedAgainst: "transformers 5.23, `Glm4ForCausalLM`",
  readConfig: readGlmConfig,
  network: NETWORK,
  names: {
    huggingface: naming(NETWORK),
    paddleformers: paddleformers(NETWORK),
    gguf: ggufNames(NETWORK),
  },
  paddleWriter: "paddleformers",
  prefixes: ["model"],
  drops: [],
  stock: { ...STOCK_GLM, architecture: "Glm4ForCausalLM", modelType: "glm4" },
};
