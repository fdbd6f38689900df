import { settingOf, type Axis, type AxisSetting } from "../../model/axes.ts";
import { isBias, layerName } from "../../model/canonical-names.ts";
import { layerOf } from "../../model/layer-number.ts";
import { NORMS } from "../../model/network.ts";
import type { Misshapen } from "../../mapping/canonical.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { familyOf } from "../../model/families.ts";
import { expectedTensors } from "../../model/tensors.ts";
import type { MappingProblem } from "../../mapping/problems.ts";
import { commonLayer, type Diagnosis } from "./diagnosis.ts";

/**
 * Names and shapes that do not fit config.json, where they do not for one reason: biases or layers that are missing or too
 * many, or one size. Anything else has no name.
 */
export function nameMismatch(
  problems: readonly MappingProblem[],
  misshapen: ReadonlyMap<string, Misshapen>,
  config: ModelConfig,
): readonly Diagnosis[] {
  if (problems.every(({ kind }) => kind === "shape")) return nameSize(problems, misshapen, config);
  const missing = problems.filter(({ kind }) => kind === "missing").map(({ tensor }) => tensor);
  const unknown = problems.filter(({ kind }) => kind === "unknown").map(({ tensor }) => tensor);
  if (missing.length + unknown.length !== problems.length) return [];
  const layers = layersIn(missing.length > 0 ? missing : unknown);
  const allLayers = [...missing, ...unknown].every((name) => layerOf(name) !== undefined);
  // Of layers that config.json has, a tensor too many is no layer too many.
  const areWhole =
    missing.length > 0 ? hasNorms(missing) : layers.every((layer) => layer >= config.layers);
  const wholeLayers = allLayers && layers.length > 0 && areWhole;
  if (wholeLayers && (missing.length === 0) !== (unknown.length === 0)) {
    const stored =
      missing.length > 0 ? config.layers - layers.length : config.layers + layers.length;
    return [
      {
        cause: "config-mismatch",
        tensors: [],
        evidence: `num_hidden_layers is ${config.layers}, the file has ${stored} layers`,
      },
    ];
  }
  if (unknown.length === 0 && missing.every(isBias)) {
    return [
      {
        cause: "bias-missing",
        tensors: missing,
        ...commonLayer(missing),
        evidence: `config.json asks for biases, the file has none under ${missing.length === 1 ? "this name" : `these ${missing.length} names`}`,
      },
    ];
  }
  if (missing.length === 0 && unknown.every(isBias)) {
    const [first = ""] = unknown;
    const evidence =
      unknown.length === 1
        ? `config.json asks for no such bias as the file's ${first}`
        : `config.json asks for no such biases, the file has ${unknown.length}: ${first} and so on`;
    return [{ cause: "config-mismatch", tensors: [], evidence }];
  }
  return [];
}

/** One size that all misshapen tensors agree on. */
function nameSize(
  problems: readonly MappingProblem[],
  misshapen: ReadonlyMap<string, Misshapen>,
  config: ModelConfig,
): readonly Diagnosis[] {
  const fields = new Set([
    ...Object.keys(familyOf(config.family).stock.fields(config)),
    ...Object.keys(config.raw),
  ]);
  const implied = new Map<string, number>();
  const axes = new Set<Axis>();
  for (const { tensor } of problems) {
    const found = misshapen.get(tensor);
    const size = found === undefined ? undefined : sizeGivenAway(found, config, fields);
    if (found === undefined || size === undefined) return [];
    const value = (alongAxis(found, size.axis) ?? Number.NaN) / size.unit;
    const line = `${size.field} is ${size.ours}`;
    if (!Number.isSafeInteger(value) || (implied.get(line) ?? value) !== value) return [];
    implied.set(line, value);
    axes.add(size.name);
  }
  const [only] = implied;
  if (only === undefined || implied.size > 1) return [];
  // Where some have the size that config.json says, the others are wrong.
  const isContradicted = expectedTensors(config).some(
    ({ name, parameter }) => !misshapen.has(name) && parameter.axes.some((axis) => axes.has(axis)),
  );
  if (isContradicted) return [];
  const evidence = `${only[0]}, the shapes of all ${problems.length} tensors that do not fit ask for ${only[1]}`;
  return [{ cause: "config-mismatch", tensors: [], evidence }];
}

/** The axis of a tensor whose length is a setting of config.json. */
function sizeGivenAway(
  { spec }: Misshapen,
  config: ModelConfig,
  fields: ReadonlySet<string>,
): (AxisSetting & { readonly axis: 0 | 1; readonly name: Axis }) | undefined {
  for (const axis of [0, 1] as const) {
    const name = spec.parameter.axes[axis];
    if (name === undefined) continue;
    const setting = settingOf(name, config, (field) => fields.has(field));
    if (setting !== undefined) return { ...setting, axis, name };
  }
  return undefined;
}

/** The elements along one axis of a tensor whose other axis is as it should be, whatever its layout. */
function alongAxis({ stored, spec }: Misshapen, axis: 0 | 1): number | undefined {
  if (stored.shape.length !== spec.shape.length) return undefined;
  if (stored.shape.length === 1) return stored.shape[0];
  const [other, wanted] = [1 - axis, spec.shape[1 - axis]];
  if (stored.shape[other] === wanted) return stored.shape[axis];
  return stored.shape[axis] === wanted ? stored.shape[other] : undefined;
}

function layersIn(names: readonly string[]): readonly number[] {
  return [...new Set(names.flatMap((name) => layerOf(name) ?? []))];
}

function hasNorms(names: readonly string[]): boolean {
  const all = new Set(names);
  return layersIn(names).every((layer) => all.has(layerName(layer, `${NORMS[0]}.weight`)));
}
