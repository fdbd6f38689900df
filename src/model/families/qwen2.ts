import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { layerTypes, readWindow } from "../config/window.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { llamaNames, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { decoder, gated, grouped } from "../network.ts";
import { llamaFields } from "./stock-llama.ts";

const NETWORK = decoder({ block: "llama", attention: grouped({ bias: "qkv" }), mlp: gated });

/**
 * Qwen2 and Qwen2.5: LLaMA's network with biases on queries, keys and values, which no field of config.json tells
 * (transformers v5.23.0, models/qwen2/modeling_qwen2.py).
 */
export const QWEN2: Family = {
  name: "qwen2",
  architectures: ["Qwen2ForCausalLM"],
  modelType: "qwen2",
  checkedAgainst: "transformers 5.23, `Qwen2ForCausalLM`",
  readConfig,
  network: NETWORK,
  names: { ...llamaNames(NETWORK, "qwen2."), gguf: ggufNames(NETWORK) },
  prefixes: ["qwen2", "model"],
  drops: ROTARY_BUFFERS,
  stock: { architecture: "Qwen2ForCausalLM", modelType: "qwen2", fields: qwenFields },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const traits = { attentionBias: true, rotatesWholeCache: false, judged: ["sliding_window"] };
  const network = { ...readLlamaConfig(config, traits), attentionBias: true, mlpBias: false };
  return { ...network, ...readQwenWindow(config, network.layers) };
}

/** `sliding_window` is written even where it is not used; it is by the layers from `max_window_layers` on. */
export function readQwenWindow(
  config: ConfigFields,
  layers: number,
): Pick<NetworkConfig, "window"> {
  const isUsed = config.flag(false, "use_sliding_window");
  const written = config.raw["sliding_window"] === undefined ? DEFAULT_WINDOW : undefined;
  const size = isUsed ? (config.optionalCount("sliding_window") ?? written) : undefined;
  const first = config.find("max_window_layers") ?? DEFAULT_WINDOW_LAYERS;
  if (typeof first !== "number" || !Number.isSafeInteger(first) || first < 0)
    throw config.problem("max_window_layers", "a whole number", first);
  return readWindow(config, layers, size, (layer) => layer >= first);
}

/** The classes' defaults. */
const DEFAULT_WINDOW = 4096;
const DEFAULT_WINDOW_LAYERS = 28;

/** The fields that Qwen2 and Qwen3 share. */
export function qwenFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { window } = config;
  if (window === undefined) return { ...llamaFields(config), use_sliding_window: false };
  return {
    ...llamaFields(config),
    use_sliding_window: true,
    sliding_window: window.size,
    max_window_layers: window.layers.indexOf(true),
    ...layerTypes(window, config.layers),
  };
}
