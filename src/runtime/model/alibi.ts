/**
 * What scores fall by with every key further back, head by head (Press et al. 2021, arXiv 2108.12409, section 3): 2^(−8/n), 2^(−16/n), …
 * for n heads where that is a power of two. Else as the paper's code has it: those of the power of two below, then every other one of the
 * power above, from the first on.
 */
export function alibiSlopes(heads: number): readonly number[] {
  const below = 2 ** Math.floor(Math.log2(heads));
  return Array.from({ length: heads }, (_unused, head) =>
    head < below ? slope(head + 1, below) : slope(2 * (head - below) + 1, 2 * below),
  );
}

function slope(number: number, heads: number): number {
  return 2 ** ((-8 * number) / heads);
}
