/**
 * McNemar's exact test, two-sided: how likely the answers that are right in one model alone fall at least so unevenly, if each were as
 * likely to be the one's as the other's (McNemar 1947; the binomial form for small counts). 1 where there are none.
 */
export function mcnemar(onlyLeft: number, onlyRight: number): number {
  const count = onlyLeft + onlyRight;
  const fewer = Math.min(onlyLeft, onlyRight);
  // In logarithms, since 2^-count is below the smallest float64 from 1075 on.
  let term = -count * Math.LN2;
  let tail = Math.exp(term);
  for (let index = 1; index <= fewer; index++) {
    term += Math.log((count - index + 1) / index);
    tail += Math.exp(term);
  }
  return Math.min(1, 2 * tail);
}

/** The fewest answers lost one way that the test calls more than chance at this level; 6 at 0.05. */
export function fewestTold(level: number): number {
  let count = 1;
  while (mcnemar(count, 0) >= level) count++;
  return count;
}
