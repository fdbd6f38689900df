import { describe, expect, it } from "vitest";
import { choose, parseOptions, UsageError } from "../../scripts/bench/options.mjs";
import { suites } from "../../scripts/bench/suites/index.mjs";

const parse = (...args) => parseOptions(args, "/project");

describe("parseOptions", () => {
  it("takes everything from the project's folder by default", () => {
    expect(parse()).toMatchObject({
      part: undefined,
      only: undefined,
      rounds: undefined,
      peerRounds: 1,
      models: "/project/.scratch/bench",
      folder: "/project/.scratch/bench/217m",
      python: "/project/.venv/bin/python",
    });
  });

  it("reads a part, names and numbers", () => {
    const options = parse("inference", "--only", "a,b c", "--rounds", "5", "--peer-rounds", "0");
    expect(options).toMatchObject({
      part: "inference",
      only: ["a", "b c"],
      rounds: 5,
      peerRounds: 0,
    });
  });

  it.each([
    [["frob"], "no part is called frob; there are files, inference, evaluate, growth"],
    [["--frob"], "--frob"],
    [["--rounds", "0"], '--rounds takes a whole number of at least 1, not "0"'],
    [["--rounds", "2.5"], '--rounds takes a whole number of at least 1, not "2.5"'],
    [["--rounds", ""], '--rounds takes a whole number of at least 1, not ""'],
    [["--peer-rounds=-1"], '--peer-rounds takes a whole number of at least 0, not "-1"'],
    [["--points", "x"], '--points takes a whole number of at least 1, not "x"'],
    [["--peers", "/no/such/python"], "--peers: there is no /no/such/python"],
    [["files", "growth"], "growth"],
  ])("refuses %j", (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });
});

describe("choose", () => {
  const cases = [
    { id: "copy-small", part: "files" },
    { id: "copy-large", part: "files" },
    { id: "speed", part: "inference", names: ["weighbridge f32"] },
    { id: "quick-copy", part: "files", quick: true },
  ];
  const ids = (options) => choose(cases, { quick: false, ...options }).cases.map(({ id }) => id);

  it("takes all but the quick ones, or the quick ones alone, or a part", () => {
    expect(ids({})).toEqual(["copy-small", "copy-large", "speed"]);
    expect(ids({ quick: true })).toEqual(["quick-copy"]);
    expect(ids({ part: "inference" })).toEqual(["speed"]);
  });

  it("takes ids by their beginnings, quick ones too, and contenders by their names", () => {
    expect(ids({ only: ["copy"] })).toEqual(["copy-small", "copy-large"]);
    expect(ids({ only: ["copy-large", "quick"] })).toEqual(["copy-large", "quick-copy"]);
    const single = choose(cases, { quick: false, only: ["weighbridge f32"] });
    expect(single.cases.map(({ id }) => id)).toEqual(["speed"]);
    expect(single.contenders).toEqual(["weighbridge f32"]);
  });

  it("names what is unknown, and what there is", () => {
    expect(() => ids({ only: ["copy", "cpoy"] })).toThrow(
      "--only: no case is called cpoy; there are copy-small, copy-large, speed, quick-copy",
    );
    expect(() => ids({ part: "inference", only: ["copy"] })).toThrow("there are speed");
    expect(() => ids({ only: [] })).toThrow(UsageError);
  });
});

describe("the suites", () => {
  it("have ids of their own, and a part that the command line knows", () => {
    expect(new Set(suites.map(({ id }) => id)).size).toBe(suites.length);
    for (const { part, title, make } of suites) {
      expect(["files", "inference", "evaluate", "growth"]).toContain(part);
      expect(title).not.toBe("");
      expect(make).toBeTypeOf("function");
    }
  });

  it("have quick ones of files and of inference", () => {
    const quick = choose(suites, { quick: true }).cases;
    expect(new Set(quick.map(({ part }) => part))).toEqual(new Set(["files", "inference"]));
  });
});
