import { WbError } from "../../errors/wb-error.ts";
import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import {
  BAICHUAN_NAMES,
  LLAMA_DECODER,
  LLAMA_NAMES,
  LLAMA_PREFIXES,
  ROTARY_BUFFERS,
} from "../names/llama-names.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

/**
 * Baichuan-7B: LLaMA's network, with queries, keys and values in one Linear, `W_pack`. The larger models under the same
 * `model_type` are others and are refused.
 */
export const BAICHUAN: Family = {
  name: "baichuan",
  architectures: ["BaiChuanForCausalLM", "BaichuanForCausalLM"],
  modelType: "baichuan",
  checkedAgainst: "transformers 5.23, `LlamaForCausalLM`",
  readConfig: (config) => {
    refuseAlibi(config);
    refuseNormHead(config);
    return readLlamaConfig(config, { attentionBias: false, rotatesWholeCache: false });
  },
  network: LLAMA_DECODER,
  names: {
    ...LLAMA_NAMES,
    authors: BAICHUAN_NAMES,
    gguf: ggufNames(LLAMA_DECODER, { interleaved: true }),
  },
  prefixes: [...LLAMA_PREFIXES, "baichuan"],
  drops: ROTARY_BUFFERS,
  stock: STOCK_LLAMA,
};

/** The hidden size of both generations' 13B. */
const ALIBI_HIDDEN = 5120;

/**
 * The 13B models know positions by ALiBi. No field says so: their configuration class has `model_max_length` where that of the
 * rotary ones has `max_position_embeddings` (configuration_baichuan.py of either). Where somebody added that field, the
 * hidden size still tells.
 */
function refuseAlibi(config: ConfigFields): void {
  const isRotary = config.has("max_position_embeddings") || !config.has("model_max_length");
  if (isRotary && config.find("hidden_size") !== ALIBI_HIDDEN) return;
  const evidence = isRotary
    ? `hidden_size ${ALIBI_HIDDEN}`
    : "model_max_length without max_position_embeddings";
  throw new WbError(
    "WB4702",
    `${config.path}: ${evidence} is Baichuan-13B, whose ALiBi positions are not supported`,
    { details: { path: config.path, field: isRotary ? "hidden_size" : "model_max_length" } },
  );
}

/** Baichuan2's vocabulary, by which vLLM too tells it (model_executor/models/baichuan.py, `lm_head_weight_loader`). */
const BAICHUAN2_VOCAB = 125_696;

/** Baichuan2 scales every row of lm_head to length 1 before it multiplies. */
function refuseNormHead(config: ConfigFields): void {
  const vocab = config.find("vocab_size");
  if (vocab !== BAICHUAN2_VOCAB && !config.has("z_loss_weight")) return;
  const [field, value] = config.has("z_loss_weight")
    ? ["z_loss_weight", config.find("z_loss_weight")]
    : ["vocab_size", vocab];
  throw new WbError(
    "WB4702",
    `${config.path}: ${field} ${JSON.stringify(value)} is Baichuan2, whose normalised lm_head is not supported`,
    { details: { path: config.path, field } },
  );
}
