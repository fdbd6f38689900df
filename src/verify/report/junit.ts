import type { Comparison, VerifyResult } from "../run.ts";

/** A verification as JUnit XML: a suite for each reference, a case for each prompt, the greedy ids and the weights. */
export function junitReport(result: VerifyResult): string {
  const suites = result.comparisons.map((comparison) => suite(comparison, result));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="weighbridge verify ${attribute(result.model)}">\n${suites.join("\n")}\n</testsuites>\n`;
}

interface Case {
  readonly name: string;
  readonly failure: string | undefined;
}

function suite(comparison: Comparison, { seconds, weakened }: VerifyResult): string {
  const cases = casesOf(comparison);
  const failed = cases.filter(({ failure }) => failure !== undefined).length;
  const lines = cases.map(({ name, failure }) => {
    const head = `    <testcase classname="${attribute(comparison.path)}" name="${attribute(name)}"`;
    return failure === undefined
      ? `${head}/>`
      : `${head}>\n      <failure message="${attribute(failure)}"/>\n    </testcase>`;
  });
  return `  <testsuite name="${attribute(comparison.path)}" tests="${cases.length}" failures="${failed}" time="${seconds.toFixed(3)}">\n${properties(weakened)}${lines.join("\n")}\n  </testsuite>`;
}

/** Checks that the options gave up. */
function properties(weakened: VerifyResult["weakened"]): string {
  if (weakened.length === 0) return "";
  const lines = weakened.map(
    ({ option, effect }) =>
      `      <property name="weakened ${attribute(option)}" value="${attribute(effect)}"/>\n`,
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
}: Comparison): readonly Case[] {
  const cause = diagnosis
    .map(({ cause: name, tensors, evidence }) => `${name} ${tensors.join(", ")}: ${evidence}`)
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
      name: `${prompt}, greedy ids, repetition penalty ${repetitionPenalty}`,
      failure: wrong > 0 ? `${wrong} of ${tokens} ids are others` : undefined,
    });
  }
  if (weights !== undefined)
    cases.push({
      name: `${weights.compared} tensors`,
      failure: weights.wrong > 0 ? withCause(`${weights.wrong} differ`) : undefined,
    });
  const isToldAlready = cases.some(({ failure }) => failure !== undefined);
  if (verdict === "fail" && !isToldAlready)
    cases.push({ name: "verdict", failure: withCause(failures.join("; ")) });
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
