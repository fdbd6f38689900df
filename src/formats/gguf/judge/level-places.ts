/** Where a quantised type keeps its levels, and which levels there are. */
export interface LevelPlaces {
  /** Bytes of a block that hold nothing but levels: begin and end. */
  readonly spans: readonly (readonly [begin: number, end: number])[];
  /** The levels in ascending order, before scale and offset. */
  readonly levels: readonly number[];
  /** The levels that bytes of 0 and of 255 stand for: two points of the line from levels to numbers. */
  readonly ofZeros: number;
  readonly ofOnes: number;
  /** How many levels beyond the first and the last one a number may be that its quantiser cuts off; see `level-ranges.ts`. */
  readonly cut: number;
  /** Where the groups' own scales are whole numbers of a shared step: the byte of that binary16, and of the one for offsets. */
  readonly shared?: { readonly scale: number; readonly offset?: number };
  /** Whether the stored scale is the one that levels were chosen by, and not one fitted or rounded to binary16 afterwards. */
  readonly isChosenByStored: boolean;
  /** Whether the offset is stored and fitted, too. */
  readonly hasOffset: boolean;
}

function whole(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_unused, index) => first + index);
}

/** Ascending levels of IQ4_NL and IQ4_XS, and twice the numbers of FP4 E2M1. */
const IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
const E2M1 = [-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12];

function small(
  begin: number,
  end: number,
  levels: readonly number[],
  rest: Pick<LevelPlaces, "ofZeros" | "ofOnes" | "cut"> & { readonly hasOffset?: boolean },
): LevelPlaces {
  return { spans: [[begin, end]], levels, isChosenByStored: false, hasOffset: false, ...rest };
}

function large(
  end: number,
  begin: number,
  levels: readonly number[],
  shared: NonNullable<LevelPlaces["shared"]>,
): LevelPlaces {
  const [ofZeros = 0, ofOnes = 0] = [levels[0], levels.at(-1)];
  const hasOffset = shared.offset !== undefined;
  return {
    spans: [[begin, end]],
    levels,
    ofZeros,
    ofOnes,
    cut: 2,
    shared,
    isChosenByStored: true,
    hasOffset,
  };
}

/** By name of the type (block layouts: ggml-common.h at llama.cpp b4500). */
export const LEVEL_PLACES: ReadonlyMap<string, LevelPlaces> = new Map([
  ["Q4_0", small(2, 18, whole(-8, 16), { ofZeros: -8, ofOnes: 7, cut: 1 })],
  ["Q4_1", small(4, 20, whole(0, 16), { ofZeros: 0, ofOnes: 15, cut: 0, hasOffset: true })],
  ["Q5_0", small(2, 22, whole(-16, 32), { ofZeros: -16, ofOnes: 15, cut: 1 })],
  ["Q5_1", small(4, 24, whole(0, 32), { ofZeros: 0, ofOnes: 31, cut: 0, hasOffset: true })],
  ["Q8_0", small(2, 34, whole(-128, 256), { ofZeros: 0, ofOnes: -1, cut: 0 })],
  // Its fit gives a number the weight of its size, so that zeros count for nothing (`quantize_row_q2_K_ref`).
  ["Q2_K", { ...large(80, 16, whole(0, 4), { scale: 80, offset: 82 }), cut: 8 }],
  ["Q3_K", large(96, 0, whole(-4, 8), { scale: 108 })],
  ["Q4_K", large(144, 16, whole(0, 16), { scale: 0, offset: 2 })],
  ["Q5_K", large(176, 16, whole(0, 32), { scale: 0, offset: 2 })],
  ["Q6_K", large(192, 0, whole(-32, 64), { scale: 208 })],
  ["IQ4_NL", small(2, 18, IQ4, { ofZeros: -127, ofOnes: 113, cut: 40 })],
  ["IQ4_XS", { ...large(136, 8, IQ4, { scale: 0 }), cut: 40, isChosenByStored: false }],
  ["MXFP4", small(1, 17, E2M1, { ofZeros: 0, ofOnes: -12, cut: 4 })],
]);
