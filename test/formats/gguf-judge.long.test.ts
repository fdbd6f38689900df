import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { blockType } from "../../src/formats/gguf/block-types.ts";
import { blockJudge } from "../../src/formats/gguf/judge/judge-block.ts";
import { LEVEL_PLACES } from "../../src/formats/gguf/judge/level-places.ts";
import { rangeReader } from "../../src/formats/gguf/judge/level-ranges.ts";
import { judgeTensor } from "../../src/verify/quantised/judge-tensor.ts";
import { isRequantised, requantised } from "../../src/verify/quantised/requantised.ts";
import { Noise } from "../support/noise.ts";

const GGUF = join(import.meta.dirname, "../../fixtures/gguf");
const TYPES = [...LEVEL_PLACES.keys()];
const WIDTH = 1024;

const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(GGUF, name)));
const originals = new Float32Array(bytesOf("blocks-values.bin").buffer);

function typeOf(name: string) {
  const type = blockType(name);
  if (type === undefined) throw new Error(name);
  return type;
}

/** Blocks as a file's tensor of rows. */
function judged(name: string, bytes: Uint8Array, values: Float32Array, isWeighted = false) {
  const type = typeOf(name);
  const rowBytes = (WIDTH / type.elements) * type.bytes;
  const rows = {
    type,
    storedName: name,
    rows: values.length / WIDTH,
    columns: WIDTH,
    stack: { matrices: 1, own: 0 },
    read: (begin: number, end: number) =>
      Promise.resolve(bytes.slice(begin * rowBytes, end * rowBytes)),
    placeOf: (row: number, block: number) => {
      const place = (row * WIDTH) / type.elements + block;
      return { block: place, offset: place * type.bytes };
    },
  };
  const read = (begin: number, end: number) =>
    Promise.resolve(values.slice(begin * WIDTH, end * WIDTH));
  return judgeTensor(name, [rows], read, { isWeighted });
}

describe("blocks of llama.cpp's own quantisers are explained", () => {
  it.each(TYPES)("%s, as its packages are compiled", async (type) => {
    const found = await judged(type, bytesOf(`blocks-${type}-plain.bin`), originals);
    expect(found.places).toEqual([]);
    if (isRequantised(type)) expect(found.identical).toBe(found.blocks);
  });
  it.each(TYPES)("%s, by a processor with fused multiply-add", async (type) => {
    const found = await judged(type, bytesOf(`blocks-${type}-fused.bin`), originals);
    expect(found.places).toEqual([]);
  });
  it.each(TYPES)("%s, with an importance matrix", async (type) => {
    const found = await judged(type, bytesOf(`blocks-${type}-matrix.bin`), originals, true);
    expect(found.places).toEqual([]);
  });
});

describe("blocks of other numbers are not", () => {
  it.each(TYPES)("%s of numbers in the reverse order", async (type) => {
    const found = await judged(type, bytesOf(`blocks-${type}-plain.bin`), originals.toReversed());
    expect(found.unexplained).toBeGreaterThan(0.9 * found.blocks);
  });
  it.each(TYPES)("%s of numbers times 1.3", async (type) => {
    const other = originals.map((value) => value * 1.3);
    const found = await judged(type, bytesOf(`blocks-${type}-plain.bin`), other);
    // MXFP4 has a step of a third, and blocks of zeros stay what they are.
    expect(found.unexplained).toBeGreaterThan((type === "MXFP4" ? 0.3 : 0.7) * found.blocks);
  });
});

describe("a changed nibble is found", () => {
  const requantisable = TYPES.filter(isRequantised);
  it.each(requantisable)("%s: any nibble of any block, to any other value", (type) => {
    const { bytes: size, elements } = typeOf(type);
    const made = requantised(originals, type, type);
    if (made === undefined) throw new Error("nothing was made");
    const noise = new Noise(7);
    let missed = 0;
    for (let round = 0; round < 2000; round++) {
      const block = noise.below(originals.length / elements);
      const tampered = made.slice(block * size, (block + 1) * size);
      const at = noise.below(size);
      const shift = 4 * noise.below(2);
      tampered[at] = (tampered[at] ?? 0) ^ ((1 + noise.below(15)) << shift);
      const begin = block * elements;
      const again = requantised(originals.subarray(begin, begin + elements), type, type);
      if (again !== undefined && Buffer.compare(again, tampered) === 0) missed++;
    }
    expect(missed).toBe(0);
  });

  it.each(requantisable)("%s: and the tensor's judgement names its block", async (type) => {
    const { bytes: size } = typeOf(type);
    const made = requantised(originals, type, type);
    const noise = new Noise(11);
    for (let round = 0; round < 10; round++) {
      const tampered = made?.slice() ?? new Uint8Array(0);
      const at = noise.below(tampered.length);
      tampered[at] = (tampered[at] ?? 0) ^ (1 << noise.below(8));
      const found = await judged(type, tampered, originals);
      const block = Math.floor(at / size);
      const named = [...found.places, ...found.otherScales];
      expect(named).toEqual([{ tensor: type, block, offset: block * size }]);
    }
  });

  it.each(TYPES)("%s: a level changed to any other is not the nearest under the scale", (type) => {
    const { bytes: size, elements, decode } = typeOf(type);
    const places = LEVEL_PLACES.get(type);
    const blocks = bytesOf(`blocks-${type}-plain.bin`);
    const judge = blockJudge(type, false);
    const ranges = rangeReader(type);
    const noise = new Noise(13);
    const [before, after] = [new Float32Array(elements), new Float32Array(elements)];
    let [missed, tried] = [0, 0];
    for (let round = 0; round < 2000; round++) {
      const block = noise.below(originals.length / elements);
      const tampered = blocks.slice(block * size, (block + 1) * size);
      const [begin = 0, end = 0] = places?.spans[0] ?? [];
      const at = begin + noise.below(end - begin);
      decode(new DataView(tampered.buffer), 0, before, 0);
      tampered[at] = (tampered[at] ?? 0) ^ ((1 + noise.below(15)) << (4 * noise.below(2)));
      decode(new DataView(tampered.buffer), 0, after, 0);
      // A level under a scale of 0 stands for the same number whatever it is.
      if (before.every((value, index) => value === after[index])) continue;
      tried++;
      const isFree = places?.isChosenByStored === false && ranges(tampered, 0).scale === 0;
      if (judge(tampered, 0, originals, block * elements).isExplained && !isFree) missed++;
    }
    expect(tried).toBeGreaterThan(0);
    // Types whose scale is fitted afterwards leave a level near the border free.
    expect(missed / tried).toBeLessThan(places?.isChosenByStored === true ? 0.0005 : 0.05);
  });
});
