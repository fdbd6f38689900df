/** Numbers below `count` sorted as text, as converters have sorted layers and experts: 10 comes before 2. */
export function textOrder(count: number): readonly number[] {
  const numbers = Array.from({ length: count }, (_unused, number) => number);
  return numbers.toSorted((left, right) => (String(left) < String(right) ? -1 : 1));
}
