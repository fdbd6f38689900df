import { WbError } from "../errors/wb-error.ts";
import { ConfigFields, type RawConfig } from "../model/config/fields.ts";
import type { NetworkConfig } from "../model/config/model-config.ts";
import { resolveModelConfig } from "../model/config/parse.ts";
import { headGives } from "../model/encoder-heads.ts";

type Described = NetworkConfig & { readonly architecture: string };

/** @throws WbError WB4707 for an encoder, which continues no text. */
export function refuseEncoder(config: Described, path: string): void {
  if (config.encoder === undefined) return;
  throw new WbError(
    "WB4707",
    `${path}: ${config.architecture} is an encoder: each of its tokens sees those behind it, so that it does not generate; logits and verify give ${headGives(config)}`,
    { details: { path, architecture: config.architecture } },
  );
}

/** As `refuseEncoder`, by config.json alone; one that is damaged or of an unknown model is reported where it is needed. */
export function refuseEncoderBy(config: RawConfig, path: string): void {
  let resolved: Described;
  try {
    resolved = resolveModelConfig(new ConfigFields(config, path));
  } catch (error) {
    if (error instanceof WbError) return;
    throw error;
  }
  refuseEncoder(resolved, path);
}
