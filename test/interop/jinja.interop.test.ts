import { describe, expect, test } from "vitest";
import { JinjaError } from "../../src/runtime/chat/jinja/problem.ts";
import { parseJinja } from "../../src/runtime/chat/jinja/template.ts";
import { isRecord } from "../support/is-record.ts";
import { drawnTemplates } from "../support/jinja/drawn.ts";
import { FEATURES, VARIABLES } from "../support/jinja/features.ts";
import { CONVERSATIONS, PUBLISHED } from "../support/jinja/published.ts";
import { runPython } from "../support/python.ts";

type Variables = Readonly<Record<string, unknown>>;

interface Comparison {
  /** Both gave the same text. */
  same: number;
  /** Neither gave one. */
  refused: number;
  /** We say that we do not support it; by what. */
  readonly unsupported: string[];
  /** Another text, or one where the other gave none. */
  readonly differ: unknown[];
}

/** Renders templates here and by jinja2 in transformers' environment. */
function compare(
  templates: readonly string[],
  variables: readonly Variables[] | Variables,
): Comparison {
  const answers = runPython("render_templates.py", { templates, variables });
  if (!Array.isArray(answers)) throw new Error("no answers");
  const result: Comparison = { same: 0, refused: 0, unsupported: [], differ: [] };
  for (const [index, template] of templates.entries()) {
    const answer: unknown = answers[index];
    if (!isRecord(answer)) throw new Error("no answer");
    const ours = renderOurs(template, isList(variables) ? (variables[index] ?? {}) : variables);
    if (ours.problem === "unsupported") result.unsupported.push(ours.text);
    else if (ours.problem === undefined && ours.text === answer["text"]) result.same++;
    else if (ours.problem !== undefined && answer["error"] !== undefined) result.refused++;
    else result.differ.push({ template, ours, answer });
  }
  return result;
}

function isList(variables: readonly Variables[] | Variables): variables is readonly Variables[] {
  return Array.isArray(variables);
}

function renderOurs(template: string, variables: Variables): { text: string; problem?: string } {
  try {
    return { text: parseJinja(template).render(variables) };
  } catch (error) {
    if (error instanceof JinjaError) return { text: error.message, problem: error.problem };
    throw error;
  }
}

describe("templates beside jinja2 3.1 as transformers sets it up", () => {
  test("those of published shapes give the same prompts, or are refused by both", () => {
    const templates = Object.values(PUBLISHED).flatMap((source) => CONVERSATIONS.map(() => source));
    const variables = Object.values(PUBLISHED).flatMap(() => CONVERSATIONS);
    const { same, refused, unsupported, differ } = compare(templates, variables);
    expect({ unsupported, differ }).toEqual({ unsupported: [], differ: [] });
    expect(same).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(20);
  });

  test("every filter, test, method and operator gives the same text, fails alike, or is refused by its name", () => {
    const { same, unsupported, differ } = compare(FEATURES, VARIABLES);
    expect(differ).toEqual([]);
    expect(same).toBeGreaterThan(2300);
    expect([...new Set(unsupported)].sort()).toMatchSnapshot();
  });

  test("drawn ones differ in nothing", () => {
    const { same, unsupported, differ } = compare(drawnTemplates(1, 1500), VARIABLES);
    expect(differ).toEqual([]);
    expect(same).toBeGreaterThan(1200);
    expect(unsupported.length).toBeLessThan(40);
  });
});
