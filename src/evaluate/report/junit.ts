import { attribute } from "../../verify/report/junit.ts";

/** One test; its name is the same in every run. */
export interface JunitCase {
  readonly name: string;
  readonly failure: string | undefined;
  /** What this run found. */
  readonly said: string;
}

/** One suite as JUnit XML. */
export function junitOf(suite: string, cases: readonly JunitCase[], seconds: number): string {
  const name = attribute(suite);
  const lines = cases.map(({ name: test, failure, said }) => {
    const failed =
      failure === undefined ? "" : `\n      <failure message="${attribute(failure)}"/>`;
    const out = said === "" ? "" : `\n      <system-out>${attribute(said)}</system-out>`;
    const head = `    <testcase classname="${name}" name="${attribute(test)}"`;
    return failed + out === "" ? `${head}/>` : `${head}>${failed}${out}\n    </testcase>`;
  });
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="weighbridge eval">\n  <testsuite name="${name}" tests="${cases.length}" failures="${failures}" time="${seconds.toFixed(3)}">\n${lines.join("\n")}\n  </testsuite>\n</testsuites>\n`;
}
