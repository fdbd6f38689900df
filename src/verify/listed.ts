/** The first `most` of a list, and how many more there are. */
export function listed(items: readonly (number | string)[], most: number): string {
  const rest = items.length - most;
  return `${items.slice(0, most).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
