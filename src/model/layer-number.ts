/** A layer's number in any name, canonical or stored, with what stands around it. */
const LAYER_NUMBER = /(?<=(?:^|\.)(?:layers?|blocks|h)\.)\d+(?=\.)/;

/** The layer that a tensor's name puts it in. */
export function layerOf(name: string): number | undefined {
  const number = LAYER_NUMBER.exec(name)?.[0];
  return number === undefined ? undefined : Number(number);
}

/** The name of the same tensor in another layer, or with `{i}` for the number. */
export function inLayer(name: string, layer: number | "{i}"): string {
  return name.replace(LAYER_NUMBER, String(layer));
}

/** What stands before a layer's number, the number and what stands after it; undefined outside of layers. */
export function splitLayer(
  name: string,
): { readonly before: string; readonly layer: number; readonly after: string } | undefined {
  const match = LAYER_NUMBER.exec(name);
  if (match === null) return undefined;
  const [number] = match;
  return {
    before: name.slice(0, match.index),
    layer: Number(number),
    after: name.slice(match.index + number.length),
  };
}
