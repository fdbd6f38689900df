/** How alike two names are: numbers in common count most, then how many characters they share at their ends. */
export function likeness(left: string, right: string): number {
  let count = 0;
  while (count < left.length && left.at(-1 - count) === right.at(-1 - count)) count++;
  return count + (haveSameNumbers(left, right) ? 1000 : 0);
}

/** Whether two names have the same numbers in the same order, as those of one layer have. */
export function haveSameNumbers(left: string, right: string): boolean {
  return numbersIn(left) === numbersIn(right);
}

function numbersIn(name: string): string {
  return (name.match(/\d+/g) ?? []).join(".");
}
