import { describe, expect, it } from "vitest";
import { measureContenders } from "../../scripts/bench/measure.mjs";
import { brief } from "../../scripts/bench/process.mjs";

const METRICS = [{ key: "seconds", name: "time", unit: "s" }];
const node = (name, code, more = {}) => ({
  name,
  command: [process.execPath, "-e", code],
  ...more,
});

/** What was found, and the lines told on the way. */
async function run(contenders, { rounds = 2, metrics = METRICS } = {}) {
  const told = [];
  const found = await measureContenders(contenders, {
    rounds,
    metrics,
    log: (line) => told.push(line),
  });
  return { found, told };
}

const start = () => {
  throw new Error("started");
};

describe("measureContenders", () => {
  it("runs each once a round, in an order that turns", async () => {
    const order = [];
    const noted = (name) => node(name, "", { before: () => order.push(name) });
    const { found } = await run([noted("a"), noted("b"), noted("c")]);
    expect(order).toEqual(["a", "b", "c", "b", "c", "a"]);
    expect(found.map(({ name, rounds }) => [name, rounds])).toEqual([
      ["a", 2],
      ["b", 2],
      ["c", 2],
    ]);
    for (const { seconds, median } of found) {
      expect(seconds).toHaveLength(2);
      expect(median.seconds).toBeGreaterThan(0);
    }
  });

  it("names one that fails, runs it no more, cleans up behind it, and keeps the others", async () => {
    let cleaned = 0;
    const bad = node("bad", "console.error('why'); process.exit(3)", { after: () => cleaned++ });
    const { found, told } = await run([bad, node("good", "")]);
    expect(found[0]).toEqual({ name: "bad", shown: undefined, failed: "ended with 3" });
    expect(found[1]).toMatchObject({ name: "good", rounds: 2 });
    expect(cleaned).toBe(1);
    expect(told.filter((line) => line.includes("why"))).toHaveLength(1);
  });

  it("names a program that is not there, and one that does not tell what is measured", async () => {
    const silent = node("silent", "console.log('{}')", { read: JSON.parse });
    const { found } = await run([{ name: "none", command: ["/no/such/program"] }, silent], {
      metrics: [{ key: "decode", name: "decode", unit: "tokens/s" }],
    });
    expect(found.map(({ failed }) => failed)).toEqual(["ENOENT", "silent tells no decode"]);
  });

  it("lists those that cannot run and those that were left out, and starts neither", async () => {
    const { found } = await run([
      node("missing", "", { missing: "not installed", before: start }),
      node("broken", "", { failed: "no file", before: start }),
      node("slow", "", { rounds: 0, before: start }),
      node("ran", "", { rounds: 1 }),
    ]);
    expect(found).toMatchObject([
      { name: "missing", missing: "not installed" },
      { name: "broken", failed: "no file" },
      { name: "slow", missing: "left out by --peer-rounds 0" },
      { name: "ran", rounds: 1 },
    ]);
  });

  it("takes what a contender tells, its peak memory among it", async () => {
    const line = JSON.stringify({ seconds: 7, peakBytes: 5, facts: { version: "1.0" } });
    const { found } = await run([node("a", `console.log('${line}')`, { read: JSON.parse })]);
    expect(found[0]).toMatchObject({
      median: { seconds: 7 },
      peakBytes: 5,
      facts: { version: "1.0" },
    });
  });
});

describe("brief", () => {
  it("keeps folders of this machine out of a result", () => {
    expect(brief(new Error("no /opt/x/model.bin in '/tmp/a/b'\nat line 1"))).toBe(
      "no model.bin in 'b'",
    );
  });
});
