import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig, NetworkConfig } from "../model/config/model-config.ts";
import type { Naming } from "../model/names/naming.ts";
import type { Statement } from "../model/names/statement.ts";
import type { TensorClass } from "../model/parameter.ts";
import { EMBEDDINGS } from "../model/network.ts";
import { nameIn, tiedHead } from "../model/tensors.ts";
import type { WriteStep } from "./step.ts";
import { concatViews, narrowRows, type Assembly, type TensorView } from "./assembly.ts";
import type { CanonicalTensor } from "./canonical.ts";
import { stacked } from "./stacks.ts";

/** A tensor under the name that a writer gives it, in torch's layout. */
export interface NamedTensor {
  readonly name: string;
  readonly class: TensorClass;
  readonly assembly: Assembly;
  /** What it is made of, in the writer's order. */
  readonly of: readonly CanonicalTensor[];
  /** How GGUF stores it. */
  readonly storedAs?: Pick<Exclude<WriteStep, { kind: "add" }>, "cast" | "quantised">;
}

/** A model's tensors as a writer names and joins them; each in the place of the first that it is made of. */
export function writeTensors(
  tensors: ReadonlyMap<string, CanonicalTensor>,
  naming: Naming,
  config: ModelConfig,
): readonly NamedTensor[] {
  const all = withTiedHead(tensors, naming, config);
  const byName = new Map(all.map((tensor) => [tensor.spec.name, tensor]));
  const statements = new Map<string, Statement>();
  const head = config.encoder?.head;
  for (const statement of naming.statements) {
    if (statement.head !== undefined && statement.head !== head) continue;
    for (const { name } of statement.canonical)
      if (!statements.has(name)) statements.set(name, statement);
  }
  const named = all.flatMap(({ spec }): readonly NamedTensor[] => {
    const statement = statements.get(spec.parameter.name);
    if (statement === undefined)
      throw new WbError("WB7001", `${spec.name} has no name for this writer`);
    const [first] = statement.canonical;
    if (first === undefined || first !== spec.parameter) return [];
    const of = statement.canonical.map(({ name }) => {
      const tensor = byName.get(nameIn(name, spec));
      if (tensor !== undefined) return tensor;
      throw new WbError("WB7001", `${spec.name} is to be joined with ${name}, which is not there`);
    });
    const assembly = applied(
      statement,
      of.map((tensor) => tensor.assembly),
      config,
    );
    // A class without a head is the model itself: its files have no prefix of it.
    const stored = head === "none" ? withoutPrefix(statement.stored, naming) : statement.stored;
    return [{ name: nameIn(stored, spec), class: first.class, assembly, of }];
  });
  return stacked<CanonicalTensor, NamedTensor>(named);
}

function withoutPrefix(stored: string, { prefix }: Naming): string {
  return stored.startsWith(prefix) ? stored.slice(prefix.length) : stored;
}

/** The model's tensors, and for a writer that stores a tied head, the embeddings once more under its name. */
function withTiedHead(
  tensors: ReadonlyMap<string, CanonicalTensor>,
  naming: Naming,
  config: ModelConfig,
): readonly CanonicalTensor[] {
  const all = [...tensors.values()];
  const embeddings = tensors.get(EMBEDDINGS);
  const head = tiedHead(config);
  if (!naming.storesTiedHead || embeddings === undefined || head === undefined) return all;
  const why = "this writer stores a tied head, too: the embeddings once more";
  return [...all, { ...embeddings, spec: head, why }];
}

/** The stored tensor that a statement makes of canonical ones. */
function applied(
  { operation }: Statement,
  assemblies: readonly Assembly[],
  config: NetworkConfig,
): Assembly {
  const [first] = assemblies;
  if (first === undefined) throw new WbError("WB7001", "a statement of nothing");
  switch (operation) {
    case "same":
      return first;
    case "concatenate":
    case "thirds":
      return joined(assemblies);
    case "group":
      return joined(byGroup(assemblies, config));
    case "interleave":
      return joined(interleavedRows(first, config.headDim));
    case "alternate":
      return joined(interleavedRows(first, first.shape[0] ?? 0));
    default:
      return operation satisfies never;
  }
}

/** Rows one after another. */
function joined(assemblies: readonly Assembly[]): Assembly {
  const views = assemblies.flatMap((assembly): readonly TensorView[] => {
    if (assembly.axis === 0 || assembly.parts.length === 1) return assembly.parts;
    throw new WbError("WB7001", "parts that stand side by side cannot be joined by rows");
  });
  return concatViews(views, 0);
}

/** For each key-value head its query heads, its key, its value. */
function byGroup(
  [queries, keys, values]: readonly Assembly[],
  { heads, kvHeads, headDim }: NetworkConfig,
): readonly Assembly[] {
  if (queries === undefined || keys === undefined || values === undefined)
    throw new WbError("WB7001", "queries, keys and values make groups");
  const rows = (heads / kvHeads) * headDim;
  return Array.from({ length: kvHeads }, (_unused, group) => [
    narrowRows(queries, group * rows, (group + 1) * rows),
    narrowRows(keys, group * headDim, (group + 1) * headDim),
    narrowRows(values, group * headDim, (group + 1) * headDim),
  ]).flat();
}

/** Of each block of rows the first and the second half alternately. */
function interleavedRows(assembly: Assembly, block: number): readonly Assembly[] {
  return Array.from({ length: assembly.shape[0] ?? 0 }, (_unused, row) => {
    const [begin, place] = [Math.floor(row / block) * block, row % block];
    const from = begin + (place % 2) * (block / 2) + Math.floor(place / 2);
    return narrowRows(assembly, from, from + 1);
  });
}
