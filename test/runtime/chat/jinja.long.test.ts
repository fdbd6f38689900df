import { describe, expect, it } from "vitest";
import { JinjaError } from "../../../src/runtime/chat/jinja/problem.ts";
import { parseJinja } from "../../../src/runtime/chat/jinja/template.ts";
import { jinjaTemplate } from "../../../src/runtime/chat/jinja-template.ts";
import { CONVERSATIONS, PUBLISHED } from "../../support/jinja/published.ts";
import { VARIABLES } from "../../support/jinja/features.ts";

function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof JinjaError) return `${error.problem}: ${error.message}`;
    throw error;
  }
  return "none";
}

const render = (source: string): string => parseJinja(source).render(VARIABLES);

// Against jinja2 itself, on thousands of templates: test/interop/jinja.interop.test.ts.
describe("a Jinja template", () => {
  it.each([
    ["{{ '\\n\\na'.lstrip('\\n') }}|{{ 'xax'.strip('x') }}|{{ ' a\\n'.rstrip('\\n') }}", "a|a| a"],
    [
      "{{ true }} {{ none }} {{ 1.0 }} {{ 1e16 }} {{ 7 // 2 }} {{ -7 % 3 }}",
      "True None 1.0 1e+16 3 2",
    ],
    ["{{ {'a': [1, 'x', none]} }}", "{'a': [1, 'x', None]}"],
    ["{{ table | tojson }}", '{"b": 2, "a": 1, "none": null, "list": [1, {"é": "ü<>&\'"}]}'],
    ["{{ wide[1] }}{{ wide | length }}", "😀6"],
    [
      "{% for x in numbers[::-1] if x > 1 %}{{ x }}{% if loop.last %}!{% endif %}{% endfor %}",
      "32!",
    ],
    ["  {% if true %}\n  a\n  {% endif %}\n", "  a\n"],
    // A sigma that ends a word, and the letter that is two where it begins one.
    ["{{ 'ΣΑΣ'.title() }} {{ 'ΑΣ ΑΣΑ'.capitalize() }} {{ 'ΑΣ'.swapcase() }}", "Σας Ας ασα ας"],
    ["{{ 'ŉ'.title() }}{{ 'ß'.title() }}", "ʼNSs"],
    ["{{ -0.1 | round(0, 'ceil') }} {{ -0.5 | round }}", "0.0 -0.0"],
    [
      "{% set ns = namespace(n=0) %}{% for x in numbers %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
      "6",
    ],
  ])("%s prints what Python prints", (source, text) => {
    expect(render(source)).toBe(text);
  });

  it.each([
    "{{ ' a '.strip(chars=' ') }}",
    "{{ 'a'.startswith(prefix='a') }}",
    "{% filter length %}abc{% endfilter %}",
  ])("%s fails, as in Python", (source) => {
    expect(problemOf(() => render(source))).toMatch(/^failed: /);
  });

  it.each([
    "{{ text.encode('utf-8') }}",
    "{{ text | pprint }}",
    "{{ numbers | map('string') }}",
    "{% include 'other' %}",
    "{{ lipsum() }}",
  ])("%s is refused, since it is not supported", (source) => {
    expect(problemOf(() => render(source))).toMatch(/^unsupported: /);
  });

  it.each([
    "{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ 'x' * 1000000000 }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{% set ns = namespace(s='x') %}{% for a in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{% set ns = namespace(s=[1]) %}{% for a in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{% set ns = namespace(s=[]) %}{% for a in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s='xy') %}{% for a in range(100) %}{% set ns.s = ns.s.replace('x', ns.s) %}{% endfor %}",
    "{% set ns = namespace(s='x' * 1000000) %}{% for a in range(100000) %}{% set b = ns.s.upper() %}{% endfor %}",
    "{{ [1] * 100000000000 }}",
    "{% for x in numbers recursive %}{{ loop(numbers) }}{% endfor %}",
  ])("%s ends within its budget", (source) => {
    const begin = performance.now();
    expect(problemOf(() => render(source))).toMatch(/^budget: takes more than /);
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  it.each(["{{ x|sort }}", "{{ x|groupby('a') }}", "{{ x|sort(attribute='a,b') }}"])(
    "%s of a text of 4 MiB ends before it takes memory",
    (source) => {
      const before = process.memoryUsage().rss;
      const x = " ".repeat(4 * 2 ** 20);
      expect(problemOf(() => parseJinja(source).render({ x }))).toBe(
        "budget: takes more than 10000000 steps",
      );
      expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
    },
  );

  it("has time as part of its budget", () => {
    const limits = {
      steps: 1e12,
      madeUnits: 1e12,
      textUnits: 1e12,
      nesting: 100,
      milliseconds: 20,
    };
    const source =
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    expect(problemOf(() => parseJinja(source).render({}, { limits }))).toBe(
      "budget: takes more than 20 ms",
    );
  });

  it("refuses ranges beyond 100,000, as jinja2's sandbox does", () => {
    expect(problemOf(() => render("{% for x in range(1000000000) %}{{ x }}{% endfor %}"))).toBe(
      "failed: Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).",
    );
  });

  it.each([
    `{{ ${"(".repeat(5000)}1${")".repeat(5000)} }}`,
    "{% if true %}".repeat(5000),
    `{{ ${"not ".repeat(5000)}1 }}`,
    `{{ ${"- ".repeat(5000)}1 }}`,
    `{{ ${"[".repeat(5000)}${"]".repeat(5000)} }}`,
  ])("nested beyond measure is no template", (source) => {
    expect(problemOf(() => parseJinja(source))).toMatch(/^syntax: line 1: more than 100 levels/);
  });

  it("tells its line where it is no Jinja", () => {
    expect(problemOf(() => parseJinja("a\n{% for x in %}"))).toBe(
      'syntax: line 2: expected an expression, found "%}"',
    );
  });

  it("of a published shape renders every conversation that it has a place for", () => {
    const rendered = Object.values(PUBLISHED).flatMap((source) =>
      CONVERSATIONS.map((variables) => problemOf(() => parseJinja(source).render(variables))),
    );
    expect(rendered.filter((problem) => problem === "none")).toHaveLength(119);
    expect(rendered.filter((problem) => /^(unsupported|syntax)/.test(problem))).toEqual([]);
  });

  it.each([
    ["WB3805", "{% for %}"],
    ["WB4802", "{{ messages | pprint }}"],
    ["WB2802", "{{ raise_exception('no') }}"],
    ["WB5801", "{{ 'x' * 1000000000 }}"],
  ])("ends with %s for %s", (code, source) => {
    expect(() => jinjaTemplate("default", source, {}, "t").render([])).toThrowError(
      expect.objectContaining({ code }),
    );
  });
});
