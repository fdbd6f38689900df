import type { Input } from "./input.ts";
import { DecodeFault } from "./output.ts";
import { fseTable, oneSymbol, readFseTable, type FseTable } from "./zstd-fse.ts";

/* RFC 8878, whose sections the comments name. */

/** What one kind of number of the sequences is made of (3.1.1.3.2.1). */
export interface NumberKind {
  readonly accuracy: number;
  readonly symbol: number;
  readonly predefined: FseTable;
}

const repeat = (value: number, count: number): readonly number[] =>
  Array.from({ length: count }, () => value);

/** 3.1.1.3.2.2: the tables that blocks may use without having them. */
export const LITERALS: NumberKind = {
  accuracy: 9,
  symbol: 35,
  predefined: fseTable(
    [
      4,
      3,
      ...repeat(2, 6),
      ...repeat(2, 5),
      ...repeat(1, 3),
      ...repeat(2, 9),
      3,
      2,
      ...repeat(1, 5),
      ...repeat(-1, 4),
    ],
    6,
  ),
};
export const MATCHES: NumberKind = {
  accuracy: 9,
  symbol: 52,
  predefined: fseTable([1, 4, 3, 2, 2, 2, 2, 2, 2, ...repeat(1, 37), ...repeat(-1, 7)], 6),
};
export const OFFSETS: NumberKind = {
  accuracy: 8,
  symbol: 31,
  predefined: fseTable([...repeat(1, 6), 2, 2, 2, ...repeat(1, 15), ...repeat(-1, 5)], 5),
};

/** Extra bits of each code, and the base that follows from those before it. */
export const LITERAL_BITS = [
  ...repeat(0, 16),
  1,
  1,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  6,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  16,
];
export const MATCH_BITS = [
  ...repeat(0, 32),
  1,
  1,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  4,
  5,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  16,
];
export const LITERAL_BASES = bases(LITERAL_BITS, 0);
export const MATCH_BASES = bases(MATCH_BITS, 3);

function bases(bits: readonly number[], first: number): readonly number[] {
  let base = first;
  return bits.map((count) => {
    const own = base;
    base += 2 ** count;
    return own;
  });
}

/** The table that a block uses for one kind of number: known to all, of one symbol, its own, or that of the block before. */
export function numberTable(
  input: Input,
  mode: number,
  kind: NumberKind,
  before: FseTable | undefined,
): FseTable {
  if (mode === 0) return kind.predefined;
  if (mode === 1) {
    const symbol = input.byte();
    if (symbol > kind.symbol) throw new DecodeFault("is damaged: a table has too many symbols");
    return oneSymbol(symbol);
  }
  if (mode === 3) {
    if (before === undefined) throw new DecodeFault("is damaged: sequences without a table");
    return before;
  }
  const { table, byteLength } = readFseTable(input.bytes.subarray(input.position, input.end), kind);
  input.take(byteLength);
  return table;
}
