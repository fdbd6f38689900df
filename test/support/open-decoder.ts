import { openModel, requireConfig } from "../../src/session/open-model.ts";
import { modelWeights } from "../../src/session/open-runtime.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { Decoder } from "../../src/runtime/model/decoder.ts";
import { LayerwiseModel } from "../../src/runtime/model/layerwise.ts";
import type { Residence } from "../../src/runtime/model/weight-store.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";

export interface OpenedDecoder {
  readonly decoder: Decoder;
  readonly layerwise: LayerwiseModel;
  readonly close: () => Promise<void>;
}

/** A model of any format on a device; `change` edits its config, for instance to leave layers out. */
export async function openDecoderOf(
  path: string,
  backend: Backend,
  residence: Residence = "streamed",
  change: (config: ModelConfig) => ModelConfig = (config) => config,
): Promise<OpenedDecoder> {
  const model = await openModel(path);
  const config = requireConfig(model);
  const decoder = new Decoder(backend, change(config), modelWeights(model, config), residence);
  return {
    decoder,
    layerwise: new LayerwiseModel(decoder),
    close: async () => {
      await decoder.dispose();
      await model.checkpoint.close();
    },
  };
}
