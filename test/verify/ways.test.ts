import { describe, expect, it } from "vitest";
import { quantise } from "../../src/formats/gguf/quantise.ts";
import { roundedThrough, type Way } from "../../src/verify/quantised/half-way.ts";
import { WaysOfBand, WaysOfTensor } from "../../src/verify/quantised/ways.ts";
import { Noise } from "../support/noise.ts";

const BLOCK_BYTES = 34;
const BLOCKS = 256;

function drawn(seed: number): Float32Array {
  return Float32Array.from(new Noise(seed).values(32 * BLOCKS));
}

function learnt(
  originals: Float32Array,
  through: Way,
): { ways: WaysOfTensor; band: WaysOfBand; made: Uint8Array } {
  const read = through === undefined ? originals : roundedThrough(originals, through);
  const made = quantise(read, "Q8_0", "w");
  const band = new WaysOfBand(originals, "Q8_0", "w");
  const ways = new WaysOfTensor();
  ways.learn(band, made, BLOCK_BYTES);
  return { ways, band, made };
}

describe("the way in which a quantiser read a tensor", () => {
  it.each<Way>([undefined, "F16", "BF16"])("%s is told from the others by its blocks", (way) => {
    expect(learnt(drawn(3), way).ways.possible).toEqual([way]);
  });

  it("leaves a block out that another way alone makes, as one with a changed scale may be", () => {
    const originals = drawn(4);
    const { ways, band, made } = learnt(originals, undefined);
    const other = quantise(roundedThrough(originals, "F16"), "Q8_0", "w");
    const places = Array.from({ length: BLOCKS }, (_unused, block) => block * BLOCK_BYTES);
    const differing = places.filter((at) =>
      made.subarray(at, at + BLOCK_BYTES).some((byte, index) => byte !== other[at + index]),
    );
    expect(differing.length).toBeGreaterThan(BLOCKS / 10);
    for (const at of differing) {
      expect(band.isMade("F16", other, at, BLOCK_BYTES)).toBe(true);
      expect(ways.possible.some((way) => band.isMade(way, other, at, BLOCK_BYTES))).toBe(false);
    }
  });

  it("stays open where all give the same blocks", () => {
    const originals = roundedThrough(drawn(5), "BF16");
    const { ways } = learnt(originals, undefined);
    expect(ways.possible).toHaveLength(3);
  });
});
