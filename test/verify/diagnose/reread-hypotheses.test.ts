import { expect, test } from "vitest";
import type { HostTensor } from "../../../src/verify/compare/model-runner.ts";
import { rereadHypotheses } from "../../../src/verify/diagnose/hypotheses/reread-hypotheses.ts";
import type { Dtype } from "../../../src/tensor/dtype.ts";

/** What each rereading of one tensor makes of it; undefined where its values show that it was read rightly. */
async function rereadingsOf(
  data: Float32Array,
  dtype: Dtype,
): Promise<readonly (readonly [string, Float32Array | undefined])[]> {
  const tensor: HostTensor = { shape: [data.length], data };
  const found: (readonly [string, Float32Array | undefined])[] = [];
  for (const hypothesis of rereadHypotheses(["w"], [], () => dtype).slice(0, 7)) {
    const undone = await hypothesis.undo(
      () => Promise.resolve(tensor),
      () => Promise.resolve(undefined),
    );
    found.push([hypothesis.mistake, undone?.get("w")?.data]);
  }
  return found;
}

const possible = async (data: Float32Array, dtype: Dtype): Promise<readonly string[]> =>
  (await rereadingsOf(data, dtype)).flatMap(([mistake, made]) =>
    made === undefined ? [] : [mistake],
  );

/** Values as training leaves them. */
const TRAINED = Float32Array.from({ length: 512 }, (_unused, index) => Math.sin(index + 1) / 10);

test("values that no half dtype holds were not read from one, and their bytes are in order", async () => {
  expect(await possible(TRAINED, "F32")).toEqual([]);
});

test("whole numbers may be the bits of halves", async () => {
  const bits = Float32Array.from({ length: 512 }, (_unused, index) => 0x3c00 + index);
  expect(await possible(bits, "F32")).toContain("BF16 bits were read as whole numbers");
});

test("bytes in the other order are put right", async () => {
  const bytes = Buffer.from(TRAINED.slice().buffer);
  bytes.swap32();
  const swapped = new Float32Array(bytes.buffer, bytes.byteOffset, TRAINED.length);
  const found = await rereadingsOf(swapped, "F32");
  expect(found.flatMap(([, made]) => (made === undefined ? [] : [made]))).toEqual([TRAINED]);
});
