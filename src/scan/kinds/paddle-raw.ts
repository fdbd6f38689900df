import { rawTensors } from "../../formats/paddle/raw-tensors.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { harmless, type Judgement } from "../judgement.ts";

/**
 * Judges the raw tensors of Paddle, as `.pdiparams` holds them one after another. Undefined where the file is not made of them to
 * its last byte.
 */
export async function paddleTensors(source: ByteSource): Promise<Judgement | undefined> {
  const { tensors, end } = await rawTensors(source);
  if (end !== source.byteLength) return undefined;
  return harmless(`${tensors.length} raw tensors of Paddle: numbers alone, which no loader runs`);
}
