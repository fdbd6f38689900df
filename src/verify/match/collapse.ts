import { renderStatement, type LearnedStatement } from "../../mapping/learned/statement.ts";

/** Statements that differ in one layer number alone, as one with {i}, where all layers from 0 on have it. */
export function collapseStatements(
  statements: readonly LearnedStatement[],
): readonly LearnedStatement[] {
  const groups = new Map<string, { layers: Set<number>; pattern: LearnedStatement }>();
  const keys = statements.map((statement) => {
    const one = patternOf(statement);
    if (one === undefined) return undefined;
    const key = renderStatement(one.pattern);
    const group = groups.get(key) ?? { layers: new Set<number>(), pattern: one.pattern };
    groups.set(key, group);
    group.layers.add(one.layer);
    return key;
  });
  const made = new Set<string>();
  return statements.flatMap((statement, index) => {
    const key = keys[index];
    const group = key === undefined ? undefined : groups.get(key);
    if (key === undefined || group === undefined || !isFromZero(group.layers)) return [statement];
    if (made.has(key)) return [];
    made.add(key);
    return [group.pattern];
  });
}

function isFromZero(layers: ReadonlySet<number>): boolean {
  return layers.size > 1 && Math.max(...layers) === layers.size - 1;
}

/** The statement with {i} for the first number in all of its names; undefined where they differ. */
function patternOf(
  statement: LearnedStatement,
): { readonly layer: number; readonly pattern: LearnedStatement } | undefined {
  const names = [...statement.left, statement.right].map((name) => {
    const match = /(?<=^|\.)\d+(?=\.|$)/.exec(name);
    if (match === null) return undefined;
    const [digits] = match;
    const pattern = `${name.slice(0, match.index)}{i}${name.slice(match.index + digits.length)}`;
    return { layer: Number(digits), pattern };
  });
  const layer = names[0]?.layer;
  if (layer === undefined || names.some((name) => name?.layer !== layer)) return undefined;
  const patterns = names.flatMap((name) => name?.pattern ?? []);
  const right = patterns.pop() ?? "";
  return { layer, pattern: { ...statement, left: patterns, right } };
}
