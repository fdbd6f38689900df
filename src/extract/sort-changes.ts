import { WbError } from "../errors/wb-error.ts";
import { PEFT_PREFIX } from "../model/adapter-names.ts";
import { isBias, moduleOf } from "../model/canonical-names.ts";
import { shownName } from "../tensor/shown-name.ts";
import type { Difference } from "./difference-rows.ts";
import type { WeightPair } from "./weight-pairs.ts";

/** A tensor that differs, and by how much. */
export interface Change {
  readonly pair: WeightPair;
  readonly difference: Difference;
}

/** What is done with changes that factors do not hold: refused, saved whole, or left out. */
export type RestChoice = "refuse" | "save" | "leave";

/** What becomes of each tensor that differs. */
export interface SortedChanges {
  /** Get factors. */
  readonly factors: readonly Change[];
  /** Tensors of the tuned model that are saved whole, under the names that PEFT gives them. */
  readonly whole: readonly { readonly pair: WeightPair; readonly savedAs: string }[];
  /** Left out of the adapter. */
  readonly left: readonly Change[];
  /** Paths of modules that are saved whole. */
  readonly savedModules: readonly string[];
  readonly hasBiases: boolean;
}

/** The tuned model. */
export interface ChangedModel {
  /** All of its tensors beside the base's. */
  readonly pairs: readonly WeightPair[];
  /** The name of a head that is the embeddings; undefined where it is a matrix of its own. */
  readonly tiedHead: string | undefined;
  readonly path: string;
}

/**
 * Decides what becomes of the tensors that differ: Linears get factors, all else is as `choice` says.
 * @throws WbError WB2715 where no Linear differs, WB4708 for changes that would be left out unasked.
 */
export function sortChanges(
  changes: readonly Change[],
  { pairs, tiedHead, path }: ChangedModel,
  choice: RestChoice,
): SortedChanges {
  const factors = changes.filter(({ pair }) => pair.isLinear);
  const rest = changes.filter(({ pair }) => !pair.isLinear);
  if (factors.length === 0)
    throw new WbError(
      "WB2715",
      rest.length === 0
        ? `${path}: no tensor differs from the base's`
        : `${path}: the tensors that differ from the base's are no weights of Linears: ${listed(rest)}`,
      { details: { path } },
    );
  if (choice === "leave")
    return { factors, whole: [], left: rest, savedModules: [], hasBiases: false };
  const adapted = new Set(factors.map(({ pair }) => moduleOf(pair.name)));
  const isSaveable = ({ pair }: Change): boolean =>
    adapted.has(moduleOf(pair.name)) ? isBias(pair.name) : isLeaf(moduleOf(pair.name), pairs);
  const refused = choice === "refuse" ? rest : rest.filter((change) => !isSaveable(change));
  if (refused.length > 0)
    throw new WbError(
      "WB4708",
      `${path}: ${choice === "refuse" ? "factors of low rank do not hold the changes of" : "PEFT saves no such tensor whole:"} ${listed(refused)}`,
      {
        details: { path, tensors: refused.map(({ pair }) => pair.name) },
        hint:
          choice === "refuse"
            ? "--rest save puts these tensors whole into the adapter, as PEFT's modules_to_save; --rest leave leaves their changes out."
            : "--rest leave leaves these changes out.",
      },
    );
  const saved = savedWhole(rest, pairs, adapted);
  // PEFT wants a table that is the head, too, under both names.
  const heads = saved.whole
    .filter(({ pair }) => tiedHead !== undefined && pair.isEmbedding)
    .map(({ pair }) => ({ pair, savedAs: `${PEFT_PREFIX}${tiedHead}` }));
  return { factors, left: [], ...saved, whole: [...saved.whole, ...heads] };
}

function savedWhole(
  rest: readonly Change[],
  pairs: readonly WeightPair[],
  adapted: ReadonlySet<string>,
): Pick<SortedChanges, "whole" | "savedModules" | "hasBiases"> {
  const modules = new Set(rest.map(({ pair }) => moduleOf(pair.name)));
  const savedModules = [...modules].filter((module) => !adapted.has(module));
  const saved = new Set(savedModules);
  const biases = rest.filter(({ pair }) => adapted.has(moduleOf(pair.name)));
  const whole = [
    // The whole module, since PEFT keeps a copy of all of it.
    ...pairs
      .filter(({ name }) => saved.has(moduleOf(name)))
      .map((pair) => ({ pair, savedAs: `${PEFT_PREFIX}${pair.name}` })),
    ...biases.map(({ pair }) => ({
      pair,
      savedAs: `${PEFT_PREFIX}${moduleOf(pair.name)}.base_layer.bias`,
    })),
  ];
  return { whole, savedModules, hasBiases: biases.length > 0 };
}

/** Whether a module has no modules in it that have tensors: those would be saved with it. */
function isLeaf(module: string, pairs: readonly WeightPair[]): boolean {
  if (module === "") return false;
  return pairs.every(({ name }) => !moduleOf(name).startsWith(`${module}.`));
}

const MAX_LISTED = 8;

function listed(changes: readonly Change[]): string {
  const names = changes.slice(0, MAX_LISTED).map(({ pair }) => shownName(pair.name));
  const more = changes.length - names.length;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
