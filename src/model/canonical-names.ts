import type { NetworkConfig } from "./config/model-config.ts";
import { familyOf } from "./families.ts";
import { inLayer } from "./layer-number.ts";
import { ATTENTION, LAYER, MLP } from "./network.ts";
import type { Parameter } from "./parameter.ts";

/** An expert's number in a canonical name. */
const EXPERT_NUMBER = /(?<=\.experts\.)\d+(?=\.)/;

/** The canonical name of what is called `name` inside a layer. */
export function layerName(layer: number, name: string): string {
  return LAYER.replace("{i}", String(layer)) + name;
}

/** The canonical name of an expert's weight. @param module With "{e}" in its number's place. */
export function expertWeight(layer: number, module: string, expert: number): string {
  return layerName(layer, `${module.replace("{e}", String(expert))}.weight`);
}

/** The module that a parameter is of; "" for one of the model itself. */
export function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

export function isBias(name: string): boolean {
  return name.endsWith(".bias");
}

/** The name in each of so many experts; none of a parameter that is of no expert. */
export function inExperts(name: string, count: number): readonly string[] {
  if (!EXPERT_NUMBER.test(name)) return [];
  return Array.from({ length: count }, (_unused, expert) =>
    name.replace(EXPERT_NUMBER, String(expert)),
  );
}

/** Whether a canonical name is one of attention's. */
export function isOfAttention(name: string): boolean {
  return Object.values(ATTENTION).some((module) => name.includes(`.${module}.`));
}

/** Whether a canonical name is one of the feed-forward network's. */
export function isOfMlp(name: string): boolean {
  return Object.values(MLP).some((module) => name.includes(`.${module}.`));
}

/** Whether a canonical name is one of an expert's. */
export function isOfExpert(name: string): boolean {
  return EXPERT_NUMBER.test(name);
}

/** The parameter that a canonical name is of, in a network of the family; undefined for any other name. */
export function parameterOf(
  name: string,
  config: NetworkConfig & { readonly family: string },
): Parameter | undefined {
  const pattern = inLayer(name, "{i}").replace(EXPERT_NUMBER, "{e}");
  return familyOf(config.family).network.parameters.find((parameter) => parameter.name === pattern);
}
