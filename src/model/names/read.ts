import type { Family } from "../family.ts";
import { nameIn, type Place } from "../tensors.ts";
import { stackedNames } from "./stacks.ts";
import type { Statement } from "./statement.ts";

/** What becomes of stored tensors whose name, less a prefix, matches a pattern. */
export type Reading =
  | { readonly kind: "make"; readonly pattern: string; readonly statements: readonly Statement[] }
  | { readonly kind: "drop"; readonly pattern: string; readonly why: string };

/** A stored name less its prefix, with `{i}` for the layer's number and `{e}` for the expert's. */
export interface ParsedName extends Place {
  readonly pattern: string;
}

/** A family's namings, read from the stored names to the canonical ones. */
export interface NameReader {
  parse(name: string): ParsedName;
  reading(pattern: string): Reading | undefined;
  /** The name of an expert's slice of a tensor in which experts are stacked; undefined for any other tensor's name. */
  slices(name: string): ((expert: number) => string) | undefined;
}

const readers = new WeakMap<Family, NameReader>();

export function nameReader(family: Family): NameReader {
  const known = readers.get(family);
  if (known !== undefined) return known;
  const reader = newReader(family);
  readers.set(family, reader);
  return reader;
}

function newReader(family: Family): NameReader {
  const prefix = new RegExp(`^(?:module\\.)?(?:(?:${alternatives(family.prefixes)})\\.)?`);
  const bodyOf = (name: string): string => name.replace(prefix, "");
  const readings = new Map<string, Reading>();
  for (const { stored, why } of family.drops) {
    const pattern = bodyOf(stored);
    readings.set(pattern, { kind: "drop", pattern, why });
  }
  for (const { statements } of Object.values(family.names)) {
    for (const statement of statements) {
      const pattern = bodyOf(statement.stored);
      const before = readings.get(pattern);
      const known = before?.kind === "make" ? before.statements : [];
      const own = withBody(statement, bodyOf);
      if (known.some((other) => isSame(other, own))) continue;
      readings.set(pattern, { kind: "make", pattern, statements: [...known, own] });
    }
  }
  const lists = new Set([...readings.keys()].flatMap((pattern) => listOf(pattern) ?? []));
  const numbered = [...readings.keys()].flatMap((pattern) => EXPERT_LIST.exec(pattern)?.[0] ?? []);
  const experts = new RegExp(
    `(?<=\\.(?:${alternatives([...new Set(numbered)])})\\.)\\d{1,5}(?=\\.)|(?<=\\[)\\d{1,5}(?=\\])`,
  );
  const stacks = new Map(
    [...stackedNames(family)].map(([stack, slice]) => [bodyOf(stack), bodyOf(slice)]),
  );
  const hasExperts = numbered.length + stacks.size > 0;
  const layer = new RegExp(`^(${alternatives([...lists])})\\.(\\d{1,5})\\.`);
  const reader: NameReader = {
    parse(name) {
      const body = bodyOf(name);
      const match = layer.exec(body);
      if (match === null) return { pattern: body, layer: -1, expert: -1 };
      const [whole, list = "", number = ""] = match;
      const pattern = `${list}.{i}.${body.slice(whole.length)}`;
      const found = hasExperts ? experts.exec(pattern)?.[0] : undefined;
      if (found === undefined) return { pattern, layer: Number(number), expert: -1 };
      return {
        pattern: pattern.replace(experts, "{e}"),
        layer: Number(number),
        expert: Number(found),
      };
    },
    reading: (pattern) => readings.get(pattern),
    slices(name) {
      if (stacks.size === 0) return undefined;
      const { pattern, layer: index } = reader.parse(name);
      const slice = stacks.get(pattern);
      return slice === undefined ? undefined : (expert) => nameIn(slice, { layer: index, expert });
    },
  };
  return reader;
}

/** What the list of experts is called. */
const EXPERT_LIST = /[^.]+(?=\.\{e\}\.)/;

/** What the list of layers is called: the longest names first, since one may end in another. */
function listOf(pattern: string): string | undefined {
  const at = pattern.indexOf(".{i}.");
  return at < 0 ? undefined : pattern.slice(0, at);
}

function alternatives(names: readonly string[]): string {
  return names.map((name) => name.replaceAll(".", "\\.")).join("|");
}

function withBody(statement: Statement, bodyOf: (name: string) => string): Statement {
  const { beside } = statement;
  return beside === undefined ? statement : { ...statement, beside: bodyOf(beside) };
}

function isSame(left: Statement, right: Statement): boolean {
  return (
    left.operation === right.operation &&
    left.beside === right.beside &&
    left.canonical.map(({ name }) => name).join() === right.canonical.map(({ name }) => name).join()
  );
}
