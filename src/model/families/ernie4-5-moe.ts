import type { ConfigFields } from "../config/fields.ts";
import { expertCount } from "../config/experts.ts";
import { unsupported } from "../config/unsupported.ts";
import type { ExpertsConfig, ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { refuseOthers } from "../config/plain.ts";
import type { DroppedName, Family } from "../family.ts";
import { ggufCorrection, ggufNames } from "../names/gguf-names.ts";
import { ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, paddleformers, paddlenlp, STACKED_EXPERTS } from "../names/naming.ts";
import { sparse } from "../experts-network.ts";
import { decoder, grouped, LAYER } from "../network.ts";
import { ERNIEKIT_ROWS, readErnieConfig } from "./ernie4-5.ts";
import { llamaFields } from "./stock-llama.ts";

const CORRECTION = "mlp.moe_statics.e_score_correction_bias";

const NETWORK = decoder({
  block: "experts",
  attention: grouped({ bias: "qkv" }),
  mlp: sparse({
    shared: "plain",
    correction: { name: CORRECTION, axes: ["one", "experts"], class: "table" },
    exactRouter: true,
  }),
});

const NAMES: Family["names"] = {
  huggingface: naming(NETWORK),
  transformersStacked: naming(NETWORK, {
    rows: [...STACKED_EXPERTS, `.${CORRECTION} | .mlp.gate.moe_statics.e_score_correction_bias`],
  }),
  erniekit: paddlenlp(NETWORK, {
    prefix: "ernie.",
    rows: [
      ...ERNIEKIT_ROWS,
      ".mlp.experts.{e}.gate_proj, .mlp.experts.{e}.up_proj | .mlp.experts.{e}.up_gate_proj | concatenate",
      ".mlp.shared_experts.gate_proj, .mlp.shared_experts.up_proj | .mlp.shared_experts.up_gate_proj | concatenate",
    ],
  }),
  paddleformers: paddleformers(NETWORK),
  gguf: ggufNames(NETWORK, { rows: [ggufCorrection(CORRECTION)] }),
};

/**
 * ERNIE 4.5 with experts, 21B-A3B and 300B-A47B (transformers v5.23.0, models/ernie4_5_moe/modeling_ernie4_5_moe.py). Its files by
 * ERNIEKit as those of ERNIE 4.5; routers are transposed, too, and float32 (PaddlePaddle/ERNIE, tools/paddle2torch/tran_4_5t.py,
 * f46ea04a).
 */
export const ERNIE4_5_MOE: Family = {
  name: "ernie4_5_moe",
  architectures: ["Ernie4_5_MoeForCausalLM"],
  modelType: "ernie4_5_moe",
  checkedAgainst: "transformers 5.23, `Ernie4_5_MoeForCausalLM`",
  readConfig,
  network: NETWORK,
  names: NAMES,
  paddleWriter: "erniekit",
  prefixes: ["ernie", "model"],
  drops: [...ROTARY_BUFFERS, ...predictingNames()],
  stock: { architecture: "Ernie4_5_MoeForCausalLM", modelType: "ernie4_5_moe", fields },
};

/** The block that predicts tokens further ahead, which transformers leaves out, too (`_keys_to_ignore_on_load_unexpected`). */
function predictingNames(): readonly DroppedName[] {
  const names = Object.values(NAMES).flatMap(({ statements, prefix }) =>
    statements.flatMap(({ stored }) => {
      const layer = LAYER.replace("model.", prefix);
      return stored.startsWith(layer) ? [`mtp_block.{i}.${stored.slice(layer.length)}`] : [];
    }),
  );
  const others = ["mtp_emb_norm", "mtp_hidden_norm", "mtp_linear_proj"].flatMap((module) =>
    ["weight", "bias"].map((part) => `${module}.{i}.${part}`),
  );
  const why = "part of the block that predicts tokens further ahead; the model is complete without";
  return [...new Set([...names, ...others])].map((stored) => ({ stored, why }));
}

function fields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { experts } = config;
  const numbers = (experts?.layers ?? []).flatMap((isSparse, layer) => (isSparse ? [layer] : []));
  const [first = config.layers, second = first + 1] = numbers;
  return {
    use_bias: config.attentionBias,
    ...llamaFields(config),
    moe_num_experts: experts?.count,
    moe_k: experts?.perToken,
    moe_intermediate_size: experts?.size,
    moe_num_shared_experts: (experts?.sharedSize ?? 0) / (experts?.size ?? 1),
    moe_layer_start_index: first,
    moe_layer_end_index: numbers.at(-1) ?? -1,
    moe_layer_interval: second - first,
    moe_norm_min: experts?.leastSum,
    moe_use_aux_free: true,
    moe_gate_act: "softmax",
    num_nextn_predict_layers: 0,
  };
}

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readErnieConfig(config);
  // transformers' experts have no biases.
  if (network.attentionBias) throw unsupported(config.path, "use_bias", true);
  refuseOthers(config, { moe_gate_act: ["softmax"], moe_use_aux_free: [true] });
  return { ...network, experts: readExperts(config, network.layers) };
}

function readExperts(config: ConfigFields, layers: number): ExpertsConfig {
  const names = ["moe_num_experts", "num_experts"];
  const count = expertCount(config, layers, 64, ...names);
  const perToken = config.optionalCount("moe_k", "num_experts_per_tok") ?? 6;
  if (perToken > count)
    throw config.problem(
      config.spelling("moe_k", "num_experts_per_tok"),
      `at most ${config.spelling(...names)} ${count}`,
      perToken,
    );
  const size = config.optionalCount("moe_intermediate_size") ?? 1536;
  const shared =
    config.find("moe_num_shared_experts") === 0
      ? 0
      : (config.optionalCount("moe_num_shared_experts") ?? 2);
  return {
    count,
    perToken,
    size,
    ...(shared === 0 ? {} : { sharedSize: shared * size }),
    isCorrected: true,
    isNormalised: true,
    leastSum: config.positive(1e-12, "moe_norm_min"),
    layers: sparseLayers(config, layers),
  };
}

/** Every so many layers, from one layer to another; −1 is the last. */
function sparseLayers(config: ConfigFields, layers: number): readonly boolean[] {
  const numberOf = (field: string, usual: number): number => {
    const found = config.find(field) ?? usual;
    if (typeof found === "number" && Number.isSafeInteger(found) && found >= -1) return found;
    throw config.problem(field, "the number of a layer, or -1", found);
  };
  const first = numberOf("moe_layer_start_index", 1);
  const last = numberOf("moe_layer_end_index", -1);
  const interval = config.optionalCount("moe_layer_interval") ?? 1;
  return Array.from(
    { length: layers },
    (_unused, layer) =>
      (layer + 1) % interval === 0 && layer >= first && (last === -1 || layer <= last),
  );
}
