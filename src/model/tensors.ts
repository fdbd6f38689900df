import { axisSize } from "./axes.ts";
import type { ModelConfig } from "./config/model-config.ts";
import { givesTokens } from "./encoder-heads.ts";
import { familyOf } from "./families.ts";
import { HEAD } from "./network.ts";
import type { Parameter } from "./parameter.ts";

/** One tensor that a model has, under its canonical name and in torch's layout. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly parameter: Parameter;
  /** -1 outside of layers. */
  readonly layer: number;
  /** -1 outside of experts. */
  readonly expert: number;
}

/** Where a tensor stands in a model; -1 for what it does not stand in. */
export type Place = Pick<TensorSpec, "layer" | "expert">;

/** A parameter in one layer and expert, or outside of them. */
export function tensorOf(
  parameter: Parameter,
  config: ModelConfig,
  { layer, expert }: Place,
): TensorSpec {
  return {
    name: nameIn(parameter.name, { layer, expert }),
    shape: parameter.axes.map((axis) => axisSize(axis, config)),
    parameter,
    layer,
    expert,
  };
}

/** A name with the layer's number for `{i}` and the expert's for `{e}`. */
export function nameIn(name: string, { layer, expert }: Place): string {
  return name.replace("{i}", String(layer)).replace("{e}", String(expert));
}

export function isInLayer({ name }: Pick<Parameter, "name">): boolean {
  return name.includes("{i}");
}

/** What a search asks for again and again. */
const expected = new WeakMap<ModelConfig, readonly TensorSpec[]>();

/** Every tensor of a model under its canonical name, in the model's order. */
export function expectedTensors(config: ModelConfig): readonly TensorSpec[] {
  const tensors = expected.get(config) ?? allTensors(config);
  expected.set(config, tensors);
  return tensors;
}

function allTensors(config: ModelConfig): readonly TensorSpec[] {
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

/** The head of a model that ties it to its embeddings, and so has no tensor of it; undefined for others, and for those without. */
export function tiedHead(config: ModelConfig): TensorSpec | undefined {
  if (!config.tieWordEmbeddings || !givesTokens(config)) return undefined;
  const { parameters } = familyOf(config.family).network;
  const head = parameters.find((parameter) => parameter.name === HEAD);
  return head === undefined ? undefined : tensorOf(head, config, { layer: -1, expert: -1 });
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
    .flatMap((parameter) =>
      expertsOf(parameter, config).map((expert) => tensorOf(parameter, config, { layer, expert })),
    );
}

/** The experts that a parameter is of, by number; -1 alone where it is of none. */
function expertsOf({ name }: Parameter, { experts }: ModelConfig): readonly number[] {
  if (!name.includes("{e}")) return [-1];
  return Array.from({ length: experts?.count ?? 0 }, (_unused, expert) => expert);
}
