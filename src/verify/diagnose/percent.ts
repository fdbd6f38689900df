/** A share as a sentence has it. */
export function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}
