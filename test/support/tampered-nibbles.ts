import { readFileSync } from "node:fs";
import { openCheckpoint } from "../../src/formats/open.ts";
import { blockType } from "../../src/formats/gguf/block-types.ts";
import { Noise } from "./noise.ts";

/**
 * A GGUF file with one nibble changed in every so many-th of its quantised blocks.
 * @return Its bytes, and where the changed blocks begin, in order.
 */
export async function tamperedNibbles(
  path: string,
  seed: number,
  every: number,
): Promise<{ readonly bytes: Buffer; readonly places: readonly number[] }> {
  const { checkpoint } = await openCheckpoint(path);
  await checkpoint.close();
  const bytes = readFileSync(path);
  const noise = new Noise(seed);
  const places: number[] = [];
  for (const { quantised } of checkpoint.tensors) {
    const size = blockType(quantised?.type ?? "")?.bytes;
    if (quantised === undefined || size === undefined) continue;
    for (let block = noise.below(every); block * size < quantised.byteLength; block += every) {
      const place = quantised.begin + block * size;
      const at = place + noise.below(size);
      bytes.writeUInt8(bytes.readUInt8(at) ^ ((1 + noise.below(15)) << (4 * noise.below(2))), at);
      places.push(place);
    }
  }
  return { bytes, places: places.toSorted((left, right) => left - right) };
}
