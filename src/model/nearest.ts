/** Names beyond this distance are no likely slip. */
const MAX_DISTANCE = 12;

/**
 * The candidate that takes the fewest insertions, deletions and replacements to become `name`, unless all are far.
 * @param most Changes that still count as near; half the name's letters when left out.
 */
export function nearestName(
  name: string,
  candidates: readonly string[],
  most = Math.floor(name.length / 2),
): string | undefined {
  let best: string | undefined;
  let least = Math.min(MAX_DISTANCE, most) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(name, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein distance, one row at a time. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_unused, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
