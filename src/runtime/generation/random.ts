/** A stream of uniform numbers in [0, 1) with 53 random bits each. */
export type Random = () => number;

/**
 * A small seeded generator, so that the same seed gives the same text on every machine: sfc32 (Chris Doty-Humphrey,
 * PractRand 0.94), seeded through splitmix32 steps so that near seeds give unrelated streams.
 */
export function seededRandom(seed: number): Random {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  const mix = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let word = state;
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
  let [a, b, c, counter] = [mix(), mix(), mix(), 1];
  const next = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) next();
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}
