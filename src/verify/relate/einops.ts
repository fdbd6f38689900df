import type { Digit } from "./row-order.ts";

/** A size of the model that an axis may be. */
export interface NamedSize {
  readonly name: string;
  readonly size: number;
}

const LETTERS = "abcdefgh";

/**
 * A permutation of axes as einops writes it, from the reference to ours: `(heads half two) c -> (heads two half) c, heads=4,
 * two=2`. Axes that have a size of the model are called by it.
 */
export function einops(
  digits: readonly Digit[],
  axis: "rows" | "columns",
  known: readonly NamedSize[],
): { readonly forward: string; readonly backward: string } {
  const names = namesOf(digits, known);
  const stored = digits.map((digit) => names.get(digit) ?? "");
  const reference = digits
    .toSorted((left, right) => right.stride - left.stride)
    .map((digit) => names.get(digit) ?? "");
  const sizes = digits.map((digit) => `${names.get(digit) ?? ""}=${digit.size}`).join(", ");
  const of = (list: readonly string[]): string =>
    axis === "rows" ? `(${list.join(" ")}) c` : `r (${list.join(" ")})`;
  return {
    forward: `${of(reference)} -> ${of(stored)}, ${sizes}`,
    backward: `rearrange(w, "${of(stored)} -> ${of(reference)}", ${sizes})`,
  };
}

function namesOf(
  digits: readonly Digit[],
  known: readonly NamedSize[],
): ReadonlyMap<Digit, string> {
  const names = new Map<Digit, string>();
  const taken = new Set<string>();
  let letter = 0;
  for (const digit of digits) {
    const named = known.find(({ name, size }) => size === digit.size && !taken.has(name));
    const name = named?.name ?? LETTERS[letter++] ?? `x${letter}`;
    taken.add(name);
    names.set(digit, name);
  }
  return names;
}
