// A test that did not run fails the CI, unless test/allowed-skips.json names it with a reason.

/** A row of the list covers one test, or all tests of a describe block. */
function covers(row, { file, title }) {
  return row.file === file && (title === row.title || title.startsWith(`${row.title} > `));
}

/**
 * @param allowed The parsed test/allowed-skips.json.
 * @param {import("./suite-report.mjs").Suite[]} suites
 * @returns {{ named: { file: string, title: string, reason: string }[], problems: string[] }}
 */
export function judgeSkips(allowed, suites) {
  const named = [];
  const problems = [];
  for (const test of suites.flatMap(({ skipped }) => skipped)) {
    const row = allowed.tests.find((candidate) => covers(candidate, test));
    if (row === undefined)
      problems.push(`skipped without a named reason: ${test.file}: ${test.title}`);
    else named.push({ ...test, reason: row.reason });
  }
  const tests = suites.flatMap((suite) => suite.tests);
  const files = new Set(tests.map(({ file }) => file));
  for (const row of allowed.tests) {
    if (row.reason.trim() === "") problems.push(`no reason is given: ${row.file}: ${row.title}`);
    // Without this, a row outlives its test and then excuses another one.
    if (files.has(row.file) && !tests.some((test) => covers(row, test)))
      problems.push(`test/allowed-skips.json names what is not there: ${row.file}: ${row.title}`);
  }
  return { named, problems };
}

/** Why a whole suite may be left out, or undefined where it may not. */
export function reasonToLeaveOut(allowed, suite) {
  return allowed.suites.find((row) => row.suite === suite)?.reason;
}
