import { expect } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { Value } from "../../src/runtime/backends/ops.ts";
import { KvCache } from "../../src/runtime/model/kv-cache.ts";

/** Grows a cache by one row and by many, past its room, and holds it against plain concatenation, read and used; `alsoUsed` uses both, too. */
export function expectGrowingCache(
  { ops, steps }: Backend,
  numbers: (count: number) => Float32Array,
  alsoUsed: (whole: Value, same: Value) => void = () => undefined,
): void {
  const [b, g, d] = [2, 3, 6];
  const parts = [5, 1, 1, 255, 1, 300, 1].map((t) => ({ t, data: numbers(b * g * t * d) }));
  const cache = new KvCache(ops, b);
  let last: Value | undefined;
  let plain = ops.upload(new Float32Array(0), [b, g, 0, d]);
  for (const { t, data } of parts) {
    // What the cache does not keep is freed with the scope.
    ops.scope(() => {
      const [keys, values] = [ops.upload(data, [b, g, t, d]), ops.upload(data, [b, g, t, d])];
      last = steps.append(cache.layer(0), keys, values).keys;
      return undefined;
    });
    const before = plain;
    plain = ops.scope(() => ops.concat([before, ops.upload(data, [b, g, t, d])], 2));
    ops.free(before);
    expect(last?.shape).toEqual(plain.shape);
    expect(ops.read(last ?? plain)).toEqual(ops.read(plain));
  }
  const [whole, same] = [last ?? plain, plain];
  ops.scope(() => {
    expect(ops.read(ops.scale(whole, -1))).toEqual(ops.read(ops.scale(same, -1)));
    expect(ops.read(ops.slice(whole, 2, 3, 9))).toEqual(ops.read(ops.slice(same, 2, 3, 9)));
    alsoUsed(whole, same);
    const query = ops.upload(numbers(b * g * d), [b, g, 1, d]);
    const [roomy, tight] = [whole, same].map((keys) =>
      ops.read(steps.attention(query, keys, keys, undefined)),
    );
    expect(roomy).toEqual(tight);
    return undefined;
  });
  cache.dispose();
  ops.free(same);
}
