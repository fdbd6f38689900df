import { readGate } from "./activation.ts";
import type { ConfigFields } from "./fields.ts";
import { readLlamaConfig } from "./llama-like.ts";
import { unsupported } from "./unsupported.ts";
import type { NetworkConfig } from "./model-config.ts";
import { parseRope, type RopeConfig } from "./rope.ts";

/** What Gemma's classes take where config.json does not say. */
const GELU_TANH = "gelu_pytorch_tanh";

/** "gelu" of the first folders of Gemma 1 means the approximation (transformers v5.23.0, models/gemma/configuration_gemma.py). */
export function readFirstGate(config: ConfigFields): Pick<NetworkConfig, "activation"> {
  const fields = ["hidden_activation", "hidden_act"] as const;
  return config.find(...fields) === "gelu"
    ? { activation: "geluTanh" }
    : readGate(config.with("hidden_act", config.find(...fields) ?? GELU_TANH), "hidden_act");
}

/** Of Gemma 2 and 3, whose names of activations are meant as they stand. */
export function readLaterGate(config: ConfigFields): Pick<NetworkConfig, "activation"> {
  const field = "hidden_activation";
  return readGate(config.with(field, config.find(field) ?? GELU_TANH), field);
}

/** What the classes of Gemma 2 and 3 take where config.json does not say. */
const DEFAULT_WINDOW = 4096;

/** Tokens that a window of Gemma 2 and 3 sees; undefined where config.json says null. @throws WbError WB3701. */
export function windowSize(config: ConfigFields): number | undefined {
  return "sliding_window" in config.raw ? config.optionalCount("sliding_window") : DEFAULT_WINDOW;
}

/** Their code makes the mask of a window even where no layer has one. */
export function writtenWindow({ window }: Pick<NetworkConfig, "window">): number {
  return window?.size ?? DEFAULT_WINDOW;
}

/** What Gemma's classes share. @throws WbError WB3701, WB4702. */
export function readGemmaConfig(
  config: ConfigFields,
  defaults: { readonly kvHeads: number; readonly maxPositions: number },
): NetworkConfig {
  if (config.find("use_bidirectional_attention") === true)
    throw unsupported(config.path, "use_bidirectional_attention", true);
  const network = readLlamaConfig(withOneRope(config), {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["hidden_act", "sliding_window"],
    defaults: { ...defaults, headDim: 256, tied: true },
  });
  // Rounded as a float32 tensor holds it (models/gemma/modeling_gemma.py, `GemmaTextScaledWordEmbedding`).
  const embeddingScale = Math.fround(Math.sqrt(network.hiddenSize));
  return { ...network, mlpBias: false, embeddingScale };
}

/** Without the two rotaries of Gemma 3, which `gemma3Ropes` reads. */
function withOneRope(config: ConfigFields): ConfigFields {
  const parameters = config.object("rope_parameters");
  if (parameters?.has("full_attention", "sliding_attention") !== true) return config;
  return config.without("rope_parameters");
}

/** Bases of the layers that see all keys, and of those with a window, where config.json says nothing. */
const GLOBAL_THETA = 1_000_000;
const LOCAL_THETA = 10_000;

/**
 * The rotary of the layers that see all keys, and of those with a window, in the spelling of transformers 5 (`rope_parameters` by
 * kind of layer) or 4 (`rope_theta`, `rope_scaling`, `rope_local_base_freq`).
 */
export function gemma3Ropes(
  config: ConfigFields,
  maxPositions: number,
): { readonly rope: RopeConfig; readonly windowRope: RopeConfig } {
  const byKind = config.object("rope_parameters");
  const written = (kind: string, usual: number): RopeConfig | undefined => {
    const settings = byKind?.object(kind);
    return settings === undefined
      ? undefined
      : parseRope(
          config.without("rope_scaling").with("rope_parameters", settings.raw),
          maxPositions,
          false,
          usual,
        );
  };
  const local = config.positive(LOCAL_THETA, "rope_local_base_freq");
  const rest = config.without("rope_parameters");
  return {
    rope:
      written("full_attention", config.positive(GLOBAL_THETA, "rope_theta")) ??
      parseRope(rest, maxPositions, false, GLOBAL_THETA),
    windowRope: written("sliding_attention", local) ?? { theta: local, scaling: { kind: "none" } },
  };
}
