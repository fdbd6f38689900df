import { describe, expect, it } from "vitest";
import { table } from "../../scripts/bench/markdown.mjs";

const SECONDS = { key: "seconds", name: "time", unit: "s" };
const MIB = 2 ** 20;
const ran = (name, seconds, more = {}) => ({
  name,
  shown: name,
  seconds,
  median: { seconds: seconds.toSorted((a, b) => a - b)[seconds.length >> 1] },
  peakBytes: 10 * MIB,
  ...more,
});

const told = (name, ids) => ran(name, [1], { facts: { version: `${name} 1.0`, ids } });
const of = (...contenders) => table({ metrics: [SECONDS], points: [{ contenders }] });

describe("the table of contenders", () => {
  const result = {
    metrics: [SECONDS],
    base: "cp",
    aims: [
      { of: "ours", to: "cp", times: 1.5, text: "at most 1.5 × cp" },
      { of: "ours", to: "gone", times: 1, text: "faster than gone" },
    ],
    points: [
      {
        contenders: [
          ran("cp", [2, 1, 3]),
          ran("ours", [4]),
          { name: "gone", shown: "gone --now", missing: "not installed" },
          { name: "broken", failed: "ended with 1" },
        ],
      },
    ],
  };

  it("shows medians, spreads, ratios, memory, what is missing, what failed, and the aims", () => {
    expect(table(result)).toMatchInlineSnapshot(`
      "|  | time, s | × cp | peak MiB | command |
      | --- | ---: | ---: | ---: | --- |
      | cp | 2 (1–3) | 1.00 | 10 | \`cp\` |
      | ours | 4 | 2.00 | 10 | \`ours\` |
      | gone | not installed |  |  | \`gone --now\` |
      | broken | **failed**: ended with 1 |  |  |  |

      Aims:

      - at most 1.5 × cp: 2 ×, **missed**
      - faster than gone: not measured, no result of gone
      "
    `);
  });

  it("leaves out the ratio of a metric that is not compared", () => {
    const plain = { ...result, metrics: [{ ...SECONDS, compare: false }], aims: [] };
    expect(table(plain)).not.toContain("× cp");
  });

  it("says which versions ran, and whether they computed the same", () => {
    expect(of(told("a", [1, 2]), told("b", [1, 2]))).toContain(
      "Versions: a 1.0; b 1.0. All gave the same first ids.",
    );
    expect(of(told("a", [1, 2]), told("b", [1, 3]))).toContain(
      "First ids differ: 1 2 (a); 1 3 (b).",
    );
    expect(of(told("a", [1, 2]))).not.toContain("first ids");
  });
});

describe("the tables of a curve", () => {
  const result = {
    x: "tensors",
    metrics: [SECONDS],
    base: "cp",
    points: [
      { x: 100, contenders: [ran("cp", [1]), ran("ours", [2, 3, 4])] },
      { x: 1000, contenders: [ran("cp", [1]), { name: "ours", failed: "ended with 1" }] },
      { x: 10000, contenders: [], failed: "no room" },
    ],
  };

  it("have a row for each point and a column for each contender, and name what failed", () => {
    expect(table(result)).toMatchInlineSnapshot(`
      "time, s, and how many times that of cp:

      | tensors | cp | ours |
      | ---: | ---: | ---: |
      | 100 | 1 | 3 (2–4), 3.00 × |
      | 1000 | 1 | **failed** |
      | 10000 |  |  |

      peak memory, MiB:

      | tensors | cp | ours |
      | ---: | ---: | ---: |
      | 100 | 10 | 10 |
      | 1000 | 10 | **failed** |
      | 10000 |  |  |

      - ours: **failed**: ended with 1
      - tensors 10000: **failed**: no room"
    `);
  });
});
