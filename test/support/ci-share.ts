/** `.ci/run` sets it: there a part of the longest lists is tried, the same in every run; all of them elsewhere, as at night. */
const IS_CI_SHARE = process.env["WEIGHBRIDGE_SHARE"] === "ci";

/** Every `step`-th of a list in CI, beginning with the first; else all of it. */
export function ciShare<T>(all: readonly T[], step: number): readonly T[] {
  return IS_CI_SHARE ? all.filter((_one, index) => index % step === 0) : all;
}

/** How often something is tried: `share` times in CI, else `full` times. */
export function ciTries(full: number, share: number): number {
  return IS_CI_SHARE ? share : full;
}
