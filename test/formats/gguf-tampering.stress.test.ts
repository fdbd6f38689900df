import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { blockType } from "../../src/formats/gguf/block-types.ts";
import { LEVEL_PLACES } from "../../src/formats/gguf/judge/level-places.ts";
import { isRequantised, requantised } from "../../src/verify/quantised/requantised.ts";
import { Noise } from "../support/noise.ts";

const VALUES = join(import.meta.dirname, "../../fixtures/gguf/blocks-values.bin");
const originals = new Float32Array(new Uint8Array(readFileSync(VALUES)).buffer);

/** Blocks that are changed, of each type. */
const TAMPERINGS = 100_000;

describe("one changed nibble in a block that can be made again", () => {
  it.each([...LEVEL_PLACES.keys()].filter(isRequantised))(
    "%s: 100,000 drawn ones are all found",
    (name) => {
      const type = blockType(name);
      const made = isRequantised(name) ? requantised(originals, name, name) : undefined;
      if (type === undefined || made === undefined) throw new Error(`${name} was not made`);
      const { bytes: size, elements } = type;
      const noise = new Noise(7);
      let missed = 0;
      for (let round = 0; round < TAMPERINGS; round++) {
        const block = noise.below(originals.length / elements);
        const tampered = made.slice(block * size, (block + 1) * size);
        const at = noise.below(size);
        tampered[at] = (tampered[at] ?? 0) ^ ((1 + noise.below(15)) << (4 * noise.below(2)));
        const begin = block * elements;
        const part = originals.subarray(begin, begin + elements);
        const again = isRequantised(name) ? requantised(part, name, name) : undefined;
        if (again === undefined || Buffer.compare(again, tampered) === 0) missed++;
      }
      expect(missed).toBe(0);
    },
  );
});
