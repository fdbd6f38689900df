import { expect } from "vitest";
import type { FusedOps, Ops, Value } from "../../src/runtime/backends/ops.ts";

/** Grows a cache by one row and by many, past its room, and holds it against plain concatenation, read and used; `alsoUsed` uses both, too. */
export function expectGrowingCache(
  ops: Ops & { readonly fused: FusedOps },
  numbers: (count: number) => Float32Array,
  alsoUsed: (whole: Value, same: Value) => void = () => undefined,
): void {
  const [b, g, d] = [2, 3, 6];
  const parts = [5, 1, 1, 255, 1, 300, 1].map((t) => ({ t, data: numbers(b * g * t * d) }));
  let cache: Value | undefined;
  let plain: Value | undefined;
  for (const { t, data } of parts) {
    const more = ops.upload(data, [b, g, t, d]);
    const grown: Value = ops.fused.append(cache, more);
    const joined = plain === undefined ? more : ops.concat([plain, more], 2);
    if (plain !== undefined) {
      ops.free(plain);
      ops.free(more);
    }
    [cache, plain] = [grown, joined];
    expect(grown.shape).toEqual(joined.shape);
    expect(ops.read(grown)).toEqual(ops.read(joined));
  }
  if (cache === undefined || plain === undefined) throw new Error("parts");
  const [whole, same] = [cache, plain];
  ops.scope(() => {
    expect(ops.read(ops.scale(whole, -1))).toEqual(ops.read(ops.scale(same, -1)));
    expect(ops.read(ops.slice(whole, 2, 3, 9))).toEqual(ops.read(ops.slice(same, 2, 3, 9)));
    alsoUsed(whole, same);
    const query = ops.upload(numbers(b * g * d), [b, g, 1, d]);
    const [roomy, tight] = [whole, same].map((keys) =>
      ops.read(ops.fused.attention(query, keys, keys, undefined)),
    );
    expect(roomy).toEqual(tight);
    return undefined;
  });
  ops.free(whole);
  ops.free(same);
}
