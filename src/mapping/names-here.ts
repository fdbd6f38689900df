import type { ModelConfig } from "../model/config/model-config.ts";
import { familyOf } from "../model/families.ts";
import type { Naming } from "../model/names/naming.ts";
import { nameReader } from "../model/names/read.ts";
import { nameIn, type TensorSpec } from "../model/tensors.ts";
import type { NameGroup } from "./source-groups.ts";

/** What a checkpoint calls a tensor of the model that it has not; the canonical name where that is not known. */
export type NamesHere = (spec: TensorSpec) => string;

/** By the writer that gives the most of its tensors the names that they have. */
export function namesHere(groups: readonly NameGroup[], config: ModelConfig): NamesHere {
  const family = familyOf(config.family);
  const reader = nameReader(family);
  const patterns = new Set(groups.map(({ reading }) => reading.pattern));
  const fits = (naming: Naming): number => {
    const stored = new Map(
      naming.statements.map((one) => [reader.parse(one.stored).pattern, one.stored]),
    );
    return groups.filter(({ reading, layer, expert, parts }) => {
      const name = stored.get(reading.pattern);
      return name !== undefined && nameIn(name, { layer, expert }) === parts[0]?.name;
    }).length;
  };
  const [writer] = Object.values(family.names)
    .map((naming) => ({ naming, count: fits(naming) }))
    .toSorted((left, right) => right.count - left.count);
  const stored = new Map<string, string>();
  for (const statement of writer?.naming.statements ?? []) {
    const { beside } = statement;
    if (beside !== undefined && !patterns.has(reader.parse(beside).pattern)) continue;
    if (statement.head !== undefined && statement.head !== config.encoder?.head) continue;
    for (const { name } of statement.canonical)
      if (!stored.has(name)) stored.set(name, statement.stored);
  }
  return (spec) => {
    const name = stored.get(spec.parameter.name);
    return name === undefined ? spec.name : nameIn(name, spec);
  };
}
