import { test } from "vitest";

/**
 * True in the stress suite, which tries everything. The unit suite tries a part that is spread evenly over the whole,
 * the same in every run. A file that imports this module belongs to both suites: vitest.config.ts looks for the import.
 */
export const IS_STRESS = process.env["WEIGHBRIDGE_STRESS"] === "1";

/** All of a list in the stress suite, else `count` of it, the first and the last among them. */
export function sampled<T>(all: readonly T[], count: number): readonly T[] {
  return IS_STRESS ? all : spread(all, count);
}

/** `count` of a list, evenly spread, in its order. */
export function spread<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  const step = (all.length - 1) / Math.max(1, count - 1);
  const places = new Set(
    Array.from({ length: count }, (_unused, index) => Math.round(index * step)),
  );
  return all.filter((_one, index) => places.has(index));
}

/** How often a property is tried: `full` times in the stress suite, else `few` times. */
export function tries(full: number, few: number): number {
  return IS_STRESS ? full : few;
}

/** A test of the stress suite alone. */
export function stressTest(
  title: string,
  body: () => Promise<void> | void,
  timeoutMs?: number,
): void {
  if (IS_STRESS) test(title, body, timeoutMs);
}
