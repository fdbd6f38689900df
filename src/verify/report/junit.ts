import { WbError } from "../../errors/wb-error.ts";
import { shownText } from "../../tensor/shown-name.ts";
import { greedyName } from "../greedy-check.ts";
import type { Comparison } from "../result.ts";
import { digestText, factsOf, thresholdsText, type Filed } from "./filed.ts";

/** A verification as JUnit XML: a suite for each reference, a case for each prompt, the greedy ids and the weights, and the verdict. */
export function junitReport(filed: Filed): string {
  const suites = filed.result.comparisons.map((comparison) => suite(comparison, filed));
  return document(filed.result.model, suites);
}

/** What was to be verified when an error came. */
export interface ErrorSubject {
  readonly model: string;
  /** What it was to be held against; empty where the sets of its own folder were meant. */
  readonly references: readonly string[];
}

/** A verification that ended in an error: the verdict's case of every suite that there would have been. */
export function junitError({ model, references }: ErrorSubject, error: unknown): string {
  const [type, message] =
    error instanceof WbError
      ? [error.code, error.message]
      : ["error", error instanceof Error ? error.message : String(error)];
  const suites = (references.length === 0 ? [model] : references).map((path) => {
    const name = attribute(path);
    return `  <testsuite name="${name}" tests="1" failures="0" errors="1">\n    <testcase classname="${name}" name="${VERDICT}">\n      <error type="${attribute(type)}" message="${attribute(message)}"/>\n    </testcase>\n  </testsuite>`;
  });
  return document(model, suites);
}

function document(model: string, suites: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="weighbridge verify ${attribute(model)}">\n${suites.join("\n")}\n</testsuites>\n`;
}

/** The case that every run has, whether it passes, fails or ends in an error. */
const VERDICT = "verdict";

interface Case {
  readonly name: string;
  readonly failure: string | undefined;
  /** Not made. */
  readonly isSkipped?: boolean;
}

function suite(comparison: Comparison, filed: Filed): string {
  const cases = casesOf(comparison);
  const failed = cases.filter(({ failure }) => failure !== undefined).length;
  const skipped = cases.filter(({ isSkipped }) => isSkipped === true).length;
  const lines = cases.map(({ name, failure, isSkipped }) => {
    const head = `    <testcase classname="${attribute(comparison.path)}" name="${attribute(name)}"`;
    if (isSkipped === true)
      return `${head}>\n      <skipped message="not made in this run"/>\n    </testcase>`;
    return failure === undefined
      ? `${head}/>`
      : `${head}>\n      <failure message="${attribute(failure)}"/>\n    </testcase>`;
  });
  const { seconds } = filed.result;
  const { time } = filed.evidence;
  return `  <testsuite name="${attribute(comparison.path)}" tests="${cases.length}" failures="${failed}" errors="0" skipped="${skipped}" time="${seconds.toFixed(3)}" timestamp="${time}">\n${properties(comparison, filed)}${lines.join("\n")}\n  </testsuite>`;
}

/** What the verdict rests on, and the checks that the options gave up. */
function properties(comparison: Comparison, filed: Filed): string {
  const all: readonly (readonly [string, string])[] = [
    ...factsOf(filed),
    ["thresholds", thresholdsText(comparison)],
    ...filed.evidence.files.map((file): readonly [string, string] => [
      `${file.role} ${file.path}`,
      digestText(file),
    ]),
    ...filed.result.weakened.map(({ option, effect }): readonly [string, string] => [
      `weakened ${option}`,
      effect,
    ]),
  ];
  const lines = all.map(
    ([name, value]) => `      <property name="${attribute(name)}" value="${attribute(value)}"/>\n`,
  );
  return `    <properties>\n${lines.join("")}    </properties>\n`;
}

function casesOf({
  parity,
  greedy,
  weights,
  failures,
  diagnosis,
  verdict,
  notRun,
}: Comparison): readonly Case[] {
  const cause = diagnosis
    .map(({ cause: name, tensors, evidence }) =>
      shownText(`${name} ${tensors.join(", ")}: ${evidence}`),
    )
    .join("; ");
  const withCause = (text: string): string => (cause === "" ? text : `${text} (${cause})`);
  const cases: Case[] = (parity?.prompts ?? []).map(({ name, positions }) => {
    const failure = failures.find(
      (text) => text.startsWith(`${name}:`) && !text.includes("greedy"),
    );
    return {
      name: `${name}, ${positions} positions`,
      failure: failure === undefined ? undefined : withCause(failure),
    };
  });
  for (const { prompt, repetitionPenalty, tokens, agreeing, nearTies } of greedy) {
    const wrong = tokens - agreeing - nearTies;
    cases.push({
      name: greedyName({ prompt, repetitionPenalty }),
      failure: wrong > 0 ? `${wrong} of ${tokens} ids are others` : undefined,
    });
  }
  if (weights !== undefined)
    cases.push({
      name: "tensors",
      failure:
        weights.wrong > 0 ? withCause(`${weights.wrong} of ${weights.compared} differ`) : undefined,
    });
  for (const name of notRun) cases.push({ name, failure: undefined, isSkipped: true });
  cases.push({
    name: VERDICT,
    failure: verdict === "fail" ? withCause(failures.join("; ")) : undefined,
  });
  return cases;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Text inside an attribute; characters that XML 1.0 cannot hold become U+FFFD. */
export function attribute(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
