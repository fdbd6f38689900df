import { describe, expect, it } from "vitest";
import { Findings } from "../../src/scan/findings.ts";
import { judgeTemplate } from "../../src/scan/kinds/template.ts";
import { PUBLISHED } from "../support/jinja/published.ts";

function judged(template: string): "plain" | "unsafe" | "open" {
  const findings = new Findings("a");
  const open = judgeTemplate(template, "a", findings);
  if (findings.isUnsafe) return "unsafe";
  return open === undefined ? "plain" : "open";
}

describe("a chat template as models are published with", () => {
  it.each(Object.keys(PUBLISHED))("%s is understood", (name) => {
    expect(judged(PUBLISHED[name] ?? "")).toBe("plain");
  });
});

/** Each reaches Python in plain jinja2, without a name that can be read at the place of its use. */
const COMPUTED: Readonly<Record<string, string>> = {
  "joined in brackets": "{% set u = '_' ~ '_' %}{{ ''[u ~ 'class' ~ u] }}",
  repeated: "{% set u = '_' * 2 %}{% set c = u + 'class' + u %}{{ ''[c] }}",
  "through a list": "{% for c in ['_' ~ '_class_' ~ '_'] %}{{ ''[c] }}{% endfor %}",
  "through a namespace":
    "{% set n = namespace(c='') %}{% set n.c = '_' ~ '_class_' ~ '_' %}{{ ''[n.c] }}",
  "through a block": "{% set c %}_{{ '' }}_class_{{ '' }}_{% endset %}{{ ''[c] }}",
  "through a macro": "{% macro m(c) %}{{ ''[c] }}{% endmacro %}{{ m('_' ~ '_class_' ~ '_') }}",
  "out of a macro": "{% macro m() %}_{{ '' }}_class_{{ '' }}_{% endmacro %}{{ ''[m()] }}",
  "by a filter's argument": "{{ ['a']|map(attribute='_' ~ '_class_' ~ '_')|list }}",
  "letters of a text": "{% set t = 'cla_s' %}{{ ''[('a_b'[1] * 2) ~ t] }}",
  "a format of a joined text": "{{ ('{0._' ~ '_class_' ~ '_}').format('') }}",
  "a frame of a generator": "{{ (messages|map('upper')).gi_frame }}",
  "a frame by a variable": "{% set g = 'gi_frame' %}{{ (messages|map('upper'))[g] }}",
  "a frame by a format": "{{ '{0.gi_frame}'.format(messages|map('upper')) }}",
  "a token of the model's own": "{{ ''[bos_token] }}",
  reversed: "{{ ''['__ssalc__'[::-1]] }}",
  replaced: "{{ ''['xxclassxx'.replace('x', '_')] }}",
  "in lower case": "{{ (messages|map('upper'))['GI_FRAME'.lower()] }}",
  "in lower case through a variable":
    "{% set k = 'GI_FRAME'|lower %}{{ (messages|map('upper'))[k] }}",
  "a part of a text": "{{ (messages|map('upper'))['ab-gi_fram-e'.partition('-')[2]] }}",
  "a text without its ends": "{{ (messages|map('upper'))['xgi_frame'.strip('x')] }}",
  "keys of a dict": "{% set k = dict(GI_FRAME=1)|first|lower %}{{ (messages|map('upper'))[k] }}",
  "a keyword that is a name": "{{ (messages|map('upper'))[dict(gi_frame=1)|first] }}",
  "names in circles":
    "{% for i in range(3) %}{{ ''[a] }}{% set a = b %}{% set b = '_' ~ '_class_' ~ '_' %}{% endfor %}",
  "a statement that is not known": "{% include 'other' %}",
  "longer than any": `${"a".repeat(2 ** 20)}{{ 1 }}`,
};

describe("a template that puts its names together", () => {
  it.each(Object.keys(COMPUTED))("is never called harmless: %s", (name) => {
    expect(judged(COMPUTED[name] ?? "")).not.toBe("plain");
  });

  it("is understood where it only joins what it prints, or counts", () => {
    for (const template of [
      "{% set t = 'a' ~ bos_token %}{{ t.strip() + messages[0]['content'] }}",
      "{% for i in range(messages|length) %}{{ messages[messages|length - 1 - i].role }}{% endfor %}",
      "{% for k, v in tool.items() %}{{ k ~ ': ' ~ tool[k] }}{% endfor %}",
      "{{ messages[loop_index + 1]['content'].split('</think>')[-1].lstrip('\\n') }}",
      "{% macro f(p, names) %}{{ p[names[0]] }}{% endmacro %}{{ f(tools[0], tools[0].required) }}",
    ])
      expect(judged(template)).toBe("plain");
  });
});
