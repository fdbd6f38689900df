import type { ConfigFields } from "./fields.ts";
import { unsupported } from "./unsupported.ts";
import type { AttentionWindow } from "./model-config.ts";

/** What transformers 5 calls the kinds of layers in `layer_types`. */
const FULL = "full_attention";
const SLIDING = "sliding_attention";

/**
 * The window of the layers that have one, or nothing where none has.
 * @param size Keys that a query sees, its own among them; undefined where config.json tells that there is no window.
 * @param usual Whether a layer has it where no `layer_types` tells.
 */
export function readWindow(
  config: ConfigFields,
  count: number,
  size: number | undefined,
  usual: (layer: number) => boolean,
): { readonly window?: AttentionWindow } {
  if (size === undefined) return {};
  const layers =
    readLayerTypes(config, count) ??
    Array.from({ length: count }, (_unused, layer) => usual(layer));
  return layers.includes(true) ? { window: { size, layers } } : {};
}

/** Whether each layer has the window, as `layer_types` says. @throws WbError WB3701, WB4702. */
function readLayerTypes(config: ConfigFields, count: number): readonly boolean[] | undefined {
  const found = config.find("layer_types");
  if (found === undefined) return undefined;
  const types: readonly unknown[] = Array.isArray(found) ? found : [];
  if (types.length !== count)
    throw config.problem("layer_types", `a list of num_hidden_layers ${count}`, found);
  const other = types.find((type) => type !== FULL && type !== SLIDING);
  if (other !== undefined) throw unsupported(config.path, "layer_types", other);
  return types.map((type) => type === SLIDING);
}

/** The fields of a stock class that say each layer's kind. */
export function layerTypes(
  window: AttentionWindow | undefined,
  count: number,
): Readonly<Record<string, unknown>> {
  return {
    layer_types: Array.from({ length: count }, (_unused, layer) =>
      window?.layers[layer] === true ? SLIDING : FULL,
    ),
  };
}
