import { axisSize } from "./axes.ts";
import type { ModelConfig } from "./config/model-config.ts";
import { familyOf } from "./families.ts";
import type { Parameter } from "./parameter.ts";

/** One tensor that a model has, under its canonical name and in torch's layout. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly parameter: Parameter;
  /** -1 outside of layers. */
  readonly layer: number;
}

/** A parameter in one layer, or outside of layers. */
export function tensorOf(parameter: Parameter, config: ModelConfig, layer: number): TensorSpec {
  return {
    name: nameIn(parameter.name, layer),
    shape: parameter.axes.map((axis) => axisSize(axis, config)),
    parameter,
    layer,
  };
}

/** A name with the layer's number for `{i}`. */
export function nameIn(name: string, layer: number): string {
  return name.replace("{i}", String(layer));
}

export function isInLayer({ name }: Pick<Parameter, "name">): boolean {
  return name.includes("{i}");
}

/** Every tensor of a model under its canonical name, in the model's order. */
export function expectedTensors(config: ModelConfig): readonly TensorSpec[] {
  const { parameters } = familyOf(config.family).network;
  const first = parameters.findIndex(isInLayer);
  const end = parameters.findLastIndex(isInLayer) + 1;
  const layers = Array.from({ length: config.layers }, (_unused, layer) =>
    layerTensors(config, layer),
  );
  return [
    ...present(parameters.slice(0, first), config, -1),
    ...layers.flat(),
    ...present(parameters.slice(end), config, -1),
  ];
}

/** The tensors of one layer, in the model's order. */
export function layerTensors(config: ModelConfig, layer: number): readonly TensorSpec[] {
  return present(familyOf(config.family).network.parameters.filter(isInLayer), config, layer);
}

/** Those of the parameters that this configuration has in this layer. */
function present(
  parameters: readonly Parameter[],
  config: ModelConfig,
  layer: number,
): readonly TensorSpec[] {
  return parameters
    .filter(({ when }) => when?.(config, layer) ?? true)
    .map((parameter) => tensorOf(parameter, config, layer));
}
