import { toLength, type Input } from "../decode/input.ts";
import { DecodeFault } from "../decode/output.ts";

/** A number of 7z: the ones that its first byte begins with say how many bytes follow it, the lowest first. */
export function sevenNumber(input: Input): number {
  const first = input.byte();
  let value = 0n;
  let mask = 0x80;
  for (let shift = 0n; shift < 64n; shift += 8n) {
    if ((first & mask) === 0) {
      value |= BigInt(first & (mask - 1)) << shift;
      break;
    }
    value |= BigInt(input.byte()) << shift;
    mask >>= 1;
  }
  return toLength(value, "a number");
}

/** How many there are of something that takes at least a byte each. */
export function sevenCount(input: Input): number {
  const count = sevenNumber(input);
  if (count > input.left) throw new DecodeFault("ends too early");
  return count;
}

/** A bit each, the highest of a byte first. */
export function sevenBits(input: Input, count: number): readonly boolean[] {
  const bytes = input.take(Math.ceil(count / 8));
  return Array.from(
    { length: count },
    (_, at) => ((bytes[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0,
  );
}

/** Checksums of some of `count` things. */
export function sevenDigests(input: Input, count: number): readonly (number | undefined)[] {
  const isAll = input.byte() !== 0;
  const has = isAll ? Array.from({ length: count }, () => true) : sevenBits(input, count);
  return has.map((isThere) => (isThere ? input.u32() : undefined));
}
