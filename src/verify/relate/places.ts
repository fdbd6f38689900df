import { commonLayer, type Diagnosis } from "../diagnose/diagnosis.ts";
import { textOrder } from "./text-order.ts";

/** Entries of a message. */
const LISTED = 6;

/** Some of the parameters of layers: what they are called together, and their names with `{i}` for the layer. */
export interface MovedPart {
  readonly name: string;
  readonly modules: readonly string[];
}

/**
 * Layers in other layers' places as one diagnosis.
 * @param held Which layer's parameters stand in each place.
 * @param part What of the layers, where it is not all.
 * @param layers How many layers the other side has.
 */
export function describePlaces(
  held: readonly number[],
  tensors: readonly string[],
  part?: MovedPart,
  layers: number = held.length,
): Diagnosis {
  const what = part === undefined ? "" : `the ${part.name} of `;
  const moved = held.flatMap((source, place) => (source === place ? [] : [{ place, source }]));
  const isOrder = new Set(held).size === held.length;
  const isSwap = moved.length === 2 && isOrder;
  const all = Array.from({ length: layers }, (_unused, layer) => layer);
  const lost = all.filter((layer) => !held.includes(layer));
  const list = moved
    .slice(0, LISTED)
    .map(({ place, source }) => `place ${place} holds ${what}layer ${source}`)
    .join(", ");
  const rest = moved.length > LISTED ? ` and ${moved.length - LISTED} more` : "";
  return {
    cause: isSwap ? "swapped" : isOrder ? "layer-order" : "duplicated",
    tensors,
    ...commonLayer(tensors),
    evidence: isSwap
      ? `${what}layers ${moved.map(({ place }) => place).join(" and ")} are stored in each other's place`
      : `${list}${rest}${lost.length === 0 ? "" : `; ${lostText(lost, part)} nowhere`}${pattern(held)}`,
    relation: `layers [${held.join(", ")}]`,
    claims: [
      {
        tensor: "",
        kind: "places",
        held,
        ...(part === undefined ? {} : { modules: part.modules }),
      },
    ],
    after: 0,
  };
}

function lostText(layers: readonly number[], part: MovedPart | undefined): string {
  const listed = layers.slice(0, LISTED).join(", ") + (layers.length > LISTED ? " and more" : "");
  const text = layers.length === 1 ? `layer ${listed}` : `layers ${listed}`;
  if (part !== undefined) return `the same of ${text} is`;
  return layers.length === 1 ? `${text} is` : `${text} are`;
}

/** What the whole order is, where it is something that converters do. */
function pattern(held: readonly number[]): string {
  const order = Array.from({ length: held.length }, (_unused, layer) => layer);
  const is = (wanted: readonly number[]): boolean => held.join() === wanted.join();
  if (is(textOrder(held.length))) return ": the layers are sorted as text";
  if (is(order.toReversed())) return ": the layers stand in reverse";
  const first = held.findIndex((source, place) => source !== place);
  // One place alone is no pattern.
  if (first === held.length - 1) return "";
  const [source = 0] = held.slice(first);
  const isLocal = held.slice(first).every((one, index) => one === index);
  if (first > 0 && source === 0 && isLocal)
    return `: from place ${first} on the numbers begin again`;
  const shift = source - first;
  if (held.every((one, place) => one === (place < first ? place : place + shift)))
    return `: from place ${first} on every layer stands ${Math.abs(shift)} ${shift < 0 ? "further" : "earlier"}`;
  const { length } = held;
  if (held.every((one, place) => one === (place + shift + length) % length))
    return `: every place holds the layer ${Math.abs(shift)} ${shift > 0 ? "further" : "earlier"}, round the end`;
  return "";
}
