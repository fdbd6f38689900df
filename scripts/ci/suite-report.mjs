// Reads what vitest's JSON reporter wrote of one suite.
import { relative, sep } from "node:path";

/**
 * @typedef {{ file: string, title: string }} NamedTest
 * @typedef {{ file: string, seconds: number }} TimedFile
 * @typedef {{ passed: number, failed: number, broken: { file: string, message: string }[], tests: NamedTest[], skipped: NamedTest[], slowest: TimedFile[] }} Suite
 */

/** Files that take the longest, by which a suite is kept short. */
const SHOWN = 12;

/**
 * What a report says of its tests; a file that could not run counts as one failure.
 * @param report The parsed JSON.
 * @param {string} root The folder that files are named from.
 * @returns {Suite}
 */
export function readSuite(report, root) {
  const files = report.testResults.map((result) => ({
    ...result,
    file: relative(root, result.name).split(sep).join("/"),
  }));
  const named = files.flatMap(({ file, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      file,
      title: [...ancestorTitles, title].join(" > "),
      status,
    })),
  );
  const count = (status) => named.filter((test) => test.status === status).length;
  const broken = files
    .filter(
      ({ status, assertionResults }) =>
        status === "failed" && !assertionResults.some((test) => test.status === "failed"),
    )
    .map(({ file, message }) => ({ file, message }));
  return {
    passed: count("passed"),
    failed: count("failed") + broken.length,
    broken,
    slowest: files
      .map(({ file, startTime, endTime }) => ({ file, seconds: (endTime - startTime) / 1000 }))
      .toSorted((left, right) => right.seconds - left.seconds)
      .slice(0, SHOWN),
    tests: named.map(({ file, title }) => ({ file, title })),
    // "pending", "todo" and "skipped": whatever neither passed nor failed did not run.
    skipped: named
      .filter(({ status }) => status !== "passed" && status !== "failed")
      .map(({ file, title }) => ({ file, title })),
  };
}
