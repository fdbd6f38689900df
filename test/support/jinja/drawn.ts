import { seededRandom } from "../../../src/runtime/generation/random.ts";

/** Draws templates from a seed: expressions and blocks of random kinds inside one another, over `VARIABLES` of features.ts. */
export function drawnTemplates(seed: number, count: number): readonly string[] {
  const draw = new Drawer(seed);
  return Array.from({ length: count }, () => draw.template());
}

type Kind = "text" | "number" | "list" | "dict" | "truth";

const ATOMS: Readonly<Record<Kind, readonly string[]>> = {
  text: [
    "text",
    "accents",
    "wide",
    "blank",
    "digits",
    "'a\\nb'",
    "' x '",
    '"q"',
    "words[0]",
    "rows[0].b",
  ],
  number: ["number", "negative", "float", "0", "3", "2.5", "-1", "numbers[-1]", "true", "7 // 2"],
  list: [
    "numbers",
    "words",
    "mixed",
    "empty",
    "[1, 'x', none]",
    "range(4)",
    "rows",
    "nested",
    "(1, 'b')",
  ],
  dict: ["table", "rows[0]", "{'a': 1, 'k': [2]}", "nested[0]", "{}", "dict(a=1, z='y')"],
  truth: ["flag", "nothing", "absent", "false", "none", "table.zz", "ns.v"],
};

/** What takes a kind (first) and gives one (second); "@" stands for what it takes, a kind in braces for a drawn one. */
const FORMS: readonly (readonly [Kind, Kind, string])[] = [
  ...[
    "@.strip()",
    "@.strip('\\n')",
    "@.lstrip(' h')",
    "@.rstrip('o\\n')",
    "@.upper()",
    "@.lower()",
    "@.title()",
    "@.replace('o', 'é')",
    "@.replace({text}, {text}, 1)",
    "@.capitalize()",
    "@.partition('o')[2]",
    "@.removeprefix('h')",
    "@.center(9, '-')",
    "@.zfill(5)",
    "@.join(['1', '2'])",
    "@.split('o')[-1]",
    "@.split('o')[0].strip('\\n').lstrip('h')",
    "@ | upper",
    "@ | lower",
    "@ | title",
    "@ | trim",
    "@ | replace('o', '0')",
    "@ | indent(2)",
    "@ | indent(width=3, first=true)",
    "@ | capitalize",
    "@ | truncate(7)",
    "@ | string",
    "@ ~ {text}",
    "@ + {text}",
    "@ * 2",
    "@[1:]",
    "@[::-1]",
    "@[:-1]",
    "@[1:5:2]",
    "@ | tojson",
    "@ | first",
    "@ | last",
    "@ | reverse",
    "@ | default('d', true)",
    "'%s|%5s' % (@, 'z')",
    "'{}-{:>6}'.format(@, {number})",
    "@ or {text}",
    "@ and {text}",
    "(@ if {truth} else {text})",
    "@ | urlencode",
  ].map((form) => ["text", "text", form] as const),
  ...[
    "@ | length",
    "@.find('o')",
    "@.count('o')",
    "@ | int",
    "@ | int(3)",
    "@ | float",
    "@ | wordcount",
  ].map((form) => ["text", "number", form] as const),
  ...[
    "@.split()",
    "@.split('o', 1)",
    "@.splitlines()",
    "@ | list",
    "@.rsplit('o', 1)",
    "@.split({text})",
    "@.partition(' ')",
  ].map((form) => ["text", "list", form] as const),
  ...[
    "@.startswith('h')",
    "@.endswith('\\n')",
    "@.isdigit()",
    "@ is string",
    "@ in {text}",
    "@ == {text}",
    "@ < {text}",
    "@ is defined",
    "'o' in @",
    "'z' not in @",
    "@ is lower",
    "@ is sequence",
    "@ is iterable and @ is not mapping",
  ].map((form) => ["text", "truth", form] as const),
  ...[
    "@ + {number}",
    "@ - {number}",
    "@ * {number}",
    "@ / 2",
    "@ // 2",
    "@ % 3",
    "@ ** 2",
    "-@",
    "@ | abs",
    "@ | round(1)",
    "@ | int",
    "@ | float",
    "@ | default(0)",
    "[@, {number}] | max",
    "[@, 1] | sum",
    "(@ if {truth} else {number})",
  ].map((form) => ["number", "number", form] as const),
  ...[
    "@ | string",
    "@ ~ ''",
    "'%d %s' % (@, @)",
    "'%.2f' % @",
    "@ | tojson",
    "'{:.1f}'.format(@)",
    "@ | string | length | string",
  ].map((form) => ["number", "text", form] as const),
  ...[
    "@ > {number}",
    "@ == {number}",
    "@ is odd",
    "@ is divisibleby 2",
    "@ is number",
    "0 < @ <= {number}",
    "@ in numbers",
    "@ is integer",
  ].map((form) => ["number", "truth", form] as const),
  ...["range(@ | int | abs)", "[@, @ + 1]"].map((form) => ["number", "list", form] as const),
  ...[
    "@[1:]",
    "@[::-1]",
    "@[:2]",
    "@ | list",
    "@ | reverse | list",
    "@ | select | list",
    "@ | reject('none') | list",
    "@ | map('string') | list",
    "@ | select('string') | list",
    "@ | map('string') | map('upper') | list",
    "@ | batch(2) | list",
    "@ | slice(2) | list",
    "(@ | list) + (@ | list)",
    "@ | map('string') | unique | list",
    "@ | map('string') | sort | list",
    "[@, {list}]",
    "(@ if {truth} else {list})",
    "@ | default([])",
  ].map((form) => ["list", "list", form] as const),
  ...[
    "@ | join('-')",
    "@ | join(', ') | upper",
    "@ | tojson",
    "@ | tojson(indent=2)",
    "@ | string",
    "@ | map('string') | join",
    "@ | list | string | replace('[', '(')",
    "@ ~ @",
  ].map((form) => ["list", "text", form] as const),
  ...["@ | length", "@ | list | count", "@ | select('number') | map('int') | sum"].map(
    (form) => ["list", "number", form] as const,
  ),
  ...[
    "@ is sequence",
    "1 in @",
    "@ == {list}",
    "not @",
    "@ is iterable",
    "@ | first is defined",
    "@ | length > 2",
  ].map((form) => ["list", "truth", form] as const),
  ...[
    "@ | dictsort",
    "@.items() | list",
    "@.keys() | list",
    "@.values() | list",
    "@ | list",
    "@ | items | list",
    "@ | dictsort(reverse=true)",
  ].map((form) => ["dict", "list", form] as const),
  ...[
    "@ | tojson",
    "@ | tojson(indent=4, sort_keys=true)",
    "@ | string",
    "@ ~ ''",
    "@.a | string",
    "@['a'] | default('q') | string",
    "@.get('b', 'dd') | string",
  ].map((form) => ["dict", "text", form] as const),
  ...[
    "'a' in @",
    "@ is mapping",
    "@.a is defined",
    "@.zz is none",
    "@ == {dict}",
    "@.get('b') is none",
  ].map((form) => ["dict", "truth", form] as const),
  ...["@ or {text}", "@ | default('z') | string", "@ ~ ''", "'y' if @ else 'n'"].map(
    (form) => ["truth", "text", form] as const,
  ),
  ...[
    "not @",
    "@ and {truth}",
    "@ or {truth}",
    "@ is none",
    "@ is defined",
    "@ == {truth}",
    "@ is true",
  ].map((form) => ["truth", "truth", form] as const),
];

class Drawer {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  template(): string {
    return `{% set ns = namespace(v=1) %}${this.#blocks(2)}`;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<Item>(list: readonly Item[], otherwise: Item): Item {
    return list[this.#below(list.length)] ?? otherwise;
  }

  #word(...list: readonly string[]): string {
    return this.#pick(list, "");
  }

  #kind(): Kind {
    return this.#pick(["text", "text", "number", "list", "dict", "truth"] as const, "text");
  }

  /** An expression of a kind; one in fifty is of another. */
  #expression(kind: Kind, depth: number): string {
    if (this.#below(50) === 0) return this.#word(...ATOMS[this.#kind()]);
    const forms = FORMS.filter(([, gives]) => gives === kind);
    if (depth === 0 || forms.length === 0) return this.#word(...ATOMS[kind]);
    const [takes, , form] = this.#pick(forms, ["text", "text", "@"]);
    const inner = this.#expression(takes, depth - 1);
    const bare = /^\w+$/.test(inner) ? inner : `(${inner})`;
    return form
      .replaceAll("@", () => bare)
      .replaceAll(
        /\{(text|number|list|dict|truth)\}/g,
        (_, name: Kind) => `(${this.#expression(name, 0)})`,
      );
  }

  #any(): string {
    return this.#expression(this.#kind(), 1 + this.#below(3));
  }

  #blocks(depth: number): string {
    return Array.from({ length: 1 + this.#below(3) }, () => this.#block(depth)).join(this.#space());
  }

  #space(): string {
    return this.#word("", "", " ", "\n", "\n  ", "  \n", "\n\n");
  }

  /** A tag with white space and its control around it. */
  #tag(inside: string): string {
    return `${this.#space()}{%${this.#word("", "", "-", "+")} ${inside} ${this.#word("", "", "-", "+")}%}${this.#space()}`;
  }

  #block(depth: number): string {
    if (depth === 0)
      return `<{{${this.#word("", "", "-")} ${this.#any()} ${this.#word("", "", "-")}}}>`;
    const body = (): string => this.#blocks(depth - 1);
    const list = this.#expression("list", 1);
    switch (this.#below(11)) {
      case 0:
        return `${this.#tag(`if ${this.#any()}`)}${body()}${this.#tag("else")}${body()}${this.#tag("endif")}`;
      case 1:
        return `${this.#tag(`for x in ${list}`)}${this.#word("{{ loop.index }}", "{{ x }}", "{{ loop.last }}", "{{ loop.length }}{{ loop.nextitem }}", "{% if loop.index > 1 %}{% break %}{% endif %}", "{% if x is string %}{% continue %}{% endif %}")}${body()}${this.#tag("endfor")}`;
      case 2:
        return `${this.#tag(`for x in ${list} if x`)}${body()}${this.#tag("else")}${body()}${this.#tag("endfor")}`;
      case 3:
        return `${this.#tag(`set ${this.#word("x", "number", "text")} = ${this.#any()}`)}{{ x }}`;
      case 4:
        return this.#tag(`set ns.v = ${this.#any()}`);
      case 5:
        return `${this.#tag("set x")}${body()}${this.#tag("endset")}[{{ x }}]`;
      case 6:
        return `${this.#tag(`macro m(a, b=${this.#any()})`)}{{ a }}${body()}${this.#tag("endmacro")}{{ m(${this.#any()}) }}`;
      case 7:
        return `${this.#tag(`filter ${this.#word("upper", "trim", "indent(2)", "title")}`)}${body()}${this.#tag("endfilter")}`;
      case 8:
        return `{#${this.#word("", "-")} note ${this.#word("", "-")}#}${body()}`;
      case 9:
        return `${this.#tag(`for k, v in ${this.#expression("dict", 0)} | dictsort`)}{{ k }}={{ v }}${this.#tag("endfor")}`;
      default:
        return `<{{ ${this.#any()} }}>`;
    }
  }
}
