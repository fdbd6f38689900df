import { describe, expect, it } from "vitest";
import { judge, median, ratio, short } from "../../scripts/bench/stats.mjs";

const point = {
  contenders: [
    { name: "ours", median: { seconds: 3, decode: 80 }, peakBytes: 200 * 2 ** 20 },
    { name: "theirs", median: { seconds: 2, decode: 100 }, peakBytes: 400 * 2 ** 20 },
    { name: "absent", missing: "not installed" },
  ],
};

describe("median", () => {
  it("is the middle of an odd list, and the mean of the two in the middle of an even one", () => {
    expect(median([5])).toBe(5);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 9, 1, 2])).toBe(5.5);
  });

  it("leaves its list as it is, and sorts numbers as numbers", () => {
    const numbers = [100, 9, 20];
    expect(median(numbers)).toBe(20);
    expect(numbers).toEqual([100, 9, 20]);
  });

  it("of nothing is an error", () => {
    expect(() => median([])).toThrow("the median of nothing");
  });
});

describe("ratio", () => {
  it("divides a contender's median by the base's", () => {
    expect(ratio(point, "theirs", "ours", "seconds")).toBe(1.5);
    expect(ratio(point, "theirs", "ours", "peakBytes")).toBe(0.5);
  });

  it("is undefined where one of them did not run, is unknown, or lacks the metric", () => {
    expect(ratio(point, "absent", "ours", "seconds")).toBeUndefined();
    expect(ratio(point, "theirs", "absent", "seconds")).toBeUndefined();
    expect(ratio(point, "theirs", "nobody", "seconds")).toBeUndefined();
    expect(ratio(point, undefined, "ours", "seconds")).toBeUndefined();
    expect(ratio(point, "theirs", "ours", "prefill")).toBeUndefined();
  });
});

const aim = (rest) => judge(point, { of: "ours", text: "aim", ...rest });

describe("judge", () => {
  it("takes a number at the bound as met, above it as missed", () => {
    expect(aim({ limit: 3 })).toMatchObject({ verdict: "met", found: 3, relative: false });
    expect(aim({ limit: 2.9 })).toMatchObject({ verdict: "missed" });
    expect(aim({ to: "theirs", times: 1.5 })).toMatchObject({ verdict: "met", relative: true });
    expect(aim({ to: "theirs", times: 1.4 })).toMatchObject({ verdict: "missed", found: 1.5 });
  });

  it("swaps with atLeast", () => {
    const faster = { key: "decode", to: "theirs", atLeast: true };
    expect(aim({ ...faster, times: 0.8 })).toMatchObject({ verdict: "met", found: 0.8 });
    expect(aim({ ...faster, times: 1 })).toMatchObject({ verdict: "missed" });
  });

  it("limits memory in MiB", () => {
    expect(aim({ key: "peakBytes", limit: 200 })).toMatchObject({ verdict: "met", found: 200 });
    expect(aim({ key: "peakBytes", limit: 199 })).toMatchObject({ verdict: "missed" });
  });

  it("does not judge without both results, and names the one that is lacking", () => {
    const lacking = { verdict: "not measured", lacking: "absent" };
    expect(aim({ to: "absent", times: 9 })).toMatchObject(lacking);
    expect(judge(point, { of: "absent", limit: 9, text: "aim" })).toMatchObject(lacking);
  });
});

describe("short", () => {
  it.each([
    [0.01634, "0.0163"],
    [2.0, "2"],
    [45.67, "45.7"],
    [999.6, "1000"],
    [14_632.4, "14632"],
  ])("writes %d as %s", (value, text) => expect(short(value)).toBe(text));
});
