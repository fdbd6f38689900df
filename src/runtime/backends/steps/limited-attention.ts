import type { Ops, Value } from "../ops.ts";
import { hostAttention } from "./host.ts";
import type { AttentionLimits, KeyMask } from "./steps.ts";

/** What a backend has. */
export interface PlainAttention {
  readonly attention: (queries: Value, keys: Value, values: Value, mask: KeyMask) => Value;
  /** The first `count` rows along axis 2, which may share memory with all. */
  readonly firstRows: (rows: Value, count: number) => Value;
}

/**
 * Attention with a window, or with scores that are capped or fall with the distance, made of what a backend has. Queries that see all keys before them go to its own
 * attention at once; each of the others by itself, without the keys behind it and with those masked that have left its window: so
 * its bits are the same whatever stands behind it.
 */
export function limitedAttention(
  ops: Ops,
  { attention: plain, firstRows }: PlainAttention,
  [queries, keys, values]: readonly [Value, Value, Value],
  mask: KeyMask,
  { window, cap, slopes, seesAll }: AttentionLimits,
): Value {
  if (cap !== undefined || slopes !== undefined)
    return hostAttention(ops, queries, keys, values, { mask, cap, window, slopes });
  const [b = 0, h = 0, t = 0, d = 0] = queries.shape;
  if (seesAll === true) {
    // Queries as heads of one token, the last one: those of a head share its keys, and all are before it.
    const heads = ops.reshape(queries, [b, h * t, 1, d]);
    return ops.reshape(plain(heads, keys, values, mask), [b, h, t, d]);
  }
  const l = keys.shape[2] ?? 0;
  if (window === undefined || l <= window) return plain(queries, keys, values, mask);
  const parts: Value[] = [];
  const whole = Math.max(0, window - (l - t)); // queries at once, all of whose keys are in the window
  if (whole > 0) {
    const seen = l - t + whole;
    parts.push(
      ops.scope(() =>
        plain(
          ops.slice(queries, 2, 0, whole),
          firstRows(keys, seen),
          firstRows(values, seen),
          mask?.map((row) => row.subarray(0, seen)),
        ),
      ),
    );
  }
  for (let token = whole; token < t; token++) {
    const seen = l - t + token + 1;
    const own = Array.from({ length: b }, (_unused, row) =>
      (mask?.[row]?.slice(0, seen) ?? new Uint8Array(seen).fill(1)).fill(0, 0, seen - window),
    );
    parts.push(
      ops.scope(() =>
        plain(ops.slice(queries, 2, token, 1), firstRows(keys, seen), firstRows(values, seen), own),
      ),
    );
  }
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : ops.concat(parts, 2); // [B, H, T, D]
}
