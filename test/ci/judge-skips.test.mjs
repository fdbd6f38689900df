import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { judgeSkips, reasonToLeaveOut } from "../../scripts/ci/judge-skips.mjs";
import { readSuite } from "../../scripts/ci/suite-report.mjs";
import ALLOWED from "../allowed-skips.json" with { type: "json" };

const ROOT = join(import.meta.dirname, "../..");

/**
 * @param {string} status
 * @param {string} title
 * @param {string[]} ancestorTitles
 */
const assertion = (status, title, ...ancestorTitles) => ({ status, title, ancestorTitles });

/** A report as vitest writes it. */
const REPORT = {
  testResults: [
    {
      name: join(ROOT, "test/a.test.ts"),
      status: "passed",
      startTime: 1000,
      endTime: 3500,
      message: "",
      assertionResults: [
        assertion("passed", "holds", "a"),
        assertion("skipped", "is left out", "a", "b"),
        assertion("pending", "is not reached", "a"),
        assertion("todo", "is to come"),
      ],
    },
    {
      name: join(ROOT, "test/b.test.ts"),
      status: "failed",
      startTime: 1000,
      endTime: 1000,
      message: "cannot be imported",
      assertionResults: [],
    },
    {
      name: join(ROOT, "test/c.test.ts"),
      status: "failed",
      startTime: 2000,
      endTime: 9000,
      message: "",
      assertionResults: [assertion("failed", "does not hold", "c"), assertion("passed", "d")],
    },
  ],
};

const suite = readSuite(REPORT, ROOT);
/** @param {string} title */
const row = (title, reason = "for a reason", file = "test/a.test.ts") => ({ file, title, reason });

describe("a report of a suite", () => {
  test("counts passed and failed tests, and a file that could not run as one failure", () => {
    expect([suite.passed, suite.failed]).toEqual([2, 2]);
    expect(suite.broken).toEqual([{ file: "test/b.test.ts", message: "cannot be imported" }]);
  });

  test("tells which files took the longest", () => {
    expect(suite.slowest).toEqual([
      { file: "test/c.test.ts", seconds: 7 },
      { file: "test/a.test.ts", seconds: 2.5 },
      { file: "test/b.test.ts", seconds: 0 },
    ]);
  });

  test("names every test that neither passed nor failed", () => {
    expect(suite.skipped).toEqual([
      { file: "test/a.test.ts", title: "a > b > is left out" },
      { file: "test/a.test.ts", title: "a > is not reached" },
      { file: "test/a.test.ts", title: "is to come" },
    ]);
  });
});

describe("a skipped test", () => {
  test("is a problem where the list does not name it", () => {
    const { named, problems } = judgeSkips({ tests: [row("a > b > is left out")] }, [suite]);
    expect(named).toEqual([
      { file: "test/a.test.ts", title: "a > b > is left out", reason: "for a reason" },
    ]);
    expect(problems).toEqual([
      "skipped without a named reason: test/a.test.ts: a > is not reached",
      "skipped without a named reason: test/a.test.ts: is to come",
    ]);
  });

  test("is not covered by the list's row for another file, or for a title that begins alike", () => {
    const tests = [row("a", "for a reason", "test/c.test.ts"), row("a > b > is left")];
    const { named, problems } = judgeSkips({ tests }, [suite]);
    expect(named).toEqual([]);
    expect(problems.filter((line) => line.startsWith("skipped"))).toHaveLength(3);
  });

  test("is covered by a row for its describe block", () => {
    const { named, problems } = judgeSkips({ tests: [row("a"), row("is to come")] }, [suite]);
    expect([named.length, problems]).toEqual([3, []]);
  });
});

describe("a row of the list", () => {
  test("that names no test of its file is a problem, but not where its file did not run", () => {
    const tests = [row("a"), row("is to come"), row("gone"), row("x", "why", "test/z.test.ts")];
    expect(judgeSkips({ tests }, [suite]).problems).toEqual([
      "test/allowed-skips.json names what is not there: test/a.test.ts: gone",
    ]);
  });

  test("without a reason is a problem", () => {
    const tests = [row("a", " "), row("is to come")];
    expect(judgeSkips({ tests }, [suite]).problems).toEqual([
      "no reason is given: test/a.test.ts: a",
    ]);
  });

  test("leaves out a whole suite for CUDA alone", () => {
    expect(ALLOWED.suites.map((one) => one.suite)).toEqual(["cuda"]);
    expect(reasonToLeaveOut(ALLOWED, "cuda")).toContain("GPU");
    expect(reasonToLeaveOut(ALLOWED, "interop")).toBeUndefined();
  });

  test("gives file, title and reason", () => {
    for (const { file, title, reason } of ALLOWED.tests) {
      expect([file, title, reason].map((text) => text.length > 4)).toEqual([true, true, true]);
    }
  });
});
