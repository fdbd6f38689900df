import { describe, expect, it } from "vitest";
import { bars, lines, ticks } from "../../scripts/bench/svg.mjs";

/** Every number that an attribute holds. */
const numbersOf = (svg, attribute) =>
  [...svg.matchAll(new RegExp(`\\s${attribute}="([^"]*)"`, "g"))].map(([, value]) => Number(value));

describe("bars", () => {
  const rows = [
    { name: "cp", value: 2, note: "5 MiB" },
    { name: 'weighbridge <"&">', value: 4 },
  ];
  const svg = bars("copying", [{ heading: "time", unit: "s", rows }]);

  it("are as long as their values, ours in a colour of its own", () => {
    const [half, whole] = numbersOf(svg, "width");
    expect(whole / half).toBeCloseTo(2, 2);
    expect(svg.match(/#2f81f7/g)).toHaveLength(1);
  });

  it("say their values, notes and names, escaped", () => {
    expect(svg).toContain(">2 s, 5 MiB<");
    expect(svg).toContain(">4 s<");
    expect(svg).toContain("weighbridge &lt;&quot;&amp;&quot;>");
    expect(svg).not.toContain('<"');
  });

  it("stand below each other, one panel for each metric", () => {
    const two = bars("both", [
      { heading: "prefill", unit: "tokens/s", rows },
      { heading: "decode", unit: "tokens/s", rows },
    ]);
    const tops = [...two.matchAll(/translate\(0 (\d+)\)/g)].map(([, y]) => Number(y));
    const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(two)?.[1]);
    expect(tops).toHaveLength(2);
    expect(tops[1] - tops[0]).toBe(height - tops[1]);
  });
});

describe("lines", () => {
  const series = [
    {
      name: "ours",
      points: [
        [1, 10],
        [10, 100],
        [100, 1000],
      ],
    },
  ];
  const svg = lines("growth", "tensors", [{ heading: "time, s", series }]);

  it("are on logarithmic axes: what grows in proportion is straight", () => {
    const [x, y] = [numbersOf(svg, "cx"), numbersOf(svg, "cy")];
    expect(x[1] - x[0]).toBeCloseTo(x[2] - x[1], 0);
    expect(y[1] - y[0]).toBeCloseTo(y[2] - y[1], 0);
    expect(x[2]).toBeGreaterThan(x[0]);
    expect(y[2]).toBeLessThan(y[0]);
  });

  it("name their axes and series, and mark each x", () => {
    for (const text of ["tensors", "time, s", "ours", "1", "10", "100"])
      expect(svg).toContain(`>${text}<`);
  });

  it("can be of one point alone", () => {
    const one = lines("growth", "tensors", [
      { heading: "time, s", series: [{ name: "ours", points: [[1, 10]] }] },
    ]);
    expect(one).not.toContain("NaN");
    expect(one).not.toContain("Infinity");
  });
});

describe("ticks", () => {
  it("are round numbers, or both ends where fewer than two are between", () => {
    expect(ticks([0.9, 12])).toEqual([1, 2, 5, 10]);
    expect(ticks([0.27, 0.29])).toEqual([0.27, 0.29]);
    expect(ticks([3])).toEqual([3]);
  });
});
