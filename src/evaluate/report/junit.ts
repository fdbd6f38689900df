import { attribute } from "../../verify/report/junit.ts";

/** One test; its name is the same in every run. */
export interface JunitCase {
  readonly name: string;
  readonly failure: string | undefined;
  /** Why there is no result. */
  readonly error?: { readonly type: string; readonly message: string } | undefined;
  /** What this run found. */
  readonly said: string;
}

/** The case that every run has, whether it passes, fails or ends in an error. */
export const VERDICT = "verdict";

/** One suite as JUnit XML. */
export function junitOf(suite: string, cases: readonly JunitCase[], seconds: number): string {
  const name = attribute(suite);
  const lines = cases.map(({ name: test, failure, error, said }) => {
    const failed =
      (failure === undefined ? "" : `\n      <failure message="${attribute(failure)}"/>`) +
      (error === undefined
        ? ""
        : `\n      <error type="${attribute(error.type)}" message="${attribute(error.message)}"/>`);
    const out = said === "" ? "" : `\n      <system-out>${attribute(said)}</system-out>`;
    const head = `    <testcase classname="${name}" name="${attribute(test)}"`;
    return failed + out === "" ? `${head}/>` : `${head}>${failed}${out}\n    </testcase>`;
  });
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const errors = cases.filter(({ error }) => error !== undefined).length;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="weighbridge eval">\n  <testsuite name="${name}" tests="${cases.length}" failures="${failures}" errors="${errors}" time="${seconds.toFixed(3)}">\n${lines.join("\n")}\n  </testsuite>\n</testsuites>\n`;
}
