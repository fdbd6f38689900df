import { WbError } from "../../errors/wb-error.ts";
import { namePattern, type NamePattern } from "./glob.ts";

/** What a user wants done to names, as given. */
export interface NameOptions {
  /** Beginnings that are taken off the names that have them. */
  readonly stripPrefix?: readonly string[] | undefined;
  /** FROM=TO: whole names, `*` in TO is what the same `*` of FROM stands for. */
  readonly rename?: readonly string[] | undefined;
  /** Patterns of names that are left out. */
  readonly drop?: readonly string[] | undefined;
}

/** One rule, parsed. */
export type NameRule =
  | { readonly kind: "strip"; readonly option: string; readonly prefix: string }
  | {
      readonly kind: "rename";
      readonly option: string;
      readonly from: NamePattern;
      readonly to: string;
    }
  | { readonly kind: "drop"; readonly option: string; readonly pattern: NamePattern };

/** The rules in the order in which they are applied: strip, rename, drop. @throws WbError WB2711. */
export function parseNameRules(options: NameOptions): readonly NameRule[] {
  return [
    ...(options.stripPrefix ?? []).map((prefix) => stripRule(prefix)),
    ...(options.rename ?? []).map((text) => renameRule(text)),
    ...(options.drop ?? []).map((text): NameRule => {
      if (text === "") throw malformed("--drop", text, "expected a pattern of names");
      return { kind: "drop", option: `--drop ${text}`, pattern: namePattern(text) };
    }),
  ];
}

function stripRule(prefix: string): NameRule {
  if (prefix === "") throw malformed("--strip-prefix", prefix, "expected the beginning of a name");
  return { kind: "strip", option: `--strip-prefix ${prefix}`, prefix };
}

function renameRule(text: string): NameRule {
  const at = text.indexOf("=");
  if (at <= 0) throw malformed("--rename", text, "expected FROM=TO");
  const [from, to] = [text.slice(0, at), text.slice(at + 1)];
  const [given, wanted] = [starsIn(from), starsIn(to)];
  if (wanted > given) {
    throw malformed("--rename", text, `TO has ${wanted} × *, and FROM only ${given}`);
  }
  return { kind: "rename", option: `--rename ${text}`, from: namePattern(from), to };
}

function starsIn(text: string): number {
  return text.split("*").length - 1;
}

function malformed(option: string, text: string, expected: string): WbError {
  return new WbError("WB2711", `${option} ${JSON.stringify(text)}: ${expected}`, {
    details: { option, value: text },
  });
}

/** What is said of a tensor that an option leaves out. */
export function leftOutBy(option: string): string {
  return `left out as asked (${option})`;
}

/** A name after all rules, or the rule that leaves it out. @param matched Takes the rules that fitted. */
export function ruled(
  stored: string,
  rules: readonly NameRule[],
  matched: Set<NameRule>,
): string | NameRule {
  let name = stored;
  for (const rule of rules) {
    const next = applyRule(rule, name);
    if (next === undefined) continue;
    matched.add(rule);
    if (next === null) return rule;
    name = next;
  }
  return name;
}

/** A name after one rule; null for one that is left out, undefined for one that the rule does not fit. */
export function applyRule(rule: NameRule, name: string): string | null | undefined {
  switch (rule.kind) {
    case "strip":
      return name.startsWith(rule.prefix) && name.length > rule.prefix.length
        ? name.slice(rule.prefix.length)
        : undefined;
    case "drop":
      return rule.pattern.match(name) === undefined ? undefined : null;
    case "rename": {
      const stars = rule.from.match(name);
      if (stars === undefined) return undefined;
      let next = 0;
      return rule.to.replaceAll("*", () => stars[next++] ?? "");
    }
    default:
      return rule satisfies never;
  }
}
