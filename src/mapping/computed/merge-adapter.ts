import { WbError } from "../../errors/wb-error.ts";
import { adapterPart } from "../../model/adapter-names.ts";
import { renderShape } from "../../tensor/shape.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { alphaOf, type AdapterConfig } from "./adapter-config.ts";
import type { Recipe } from "./recipe.ts";
import { computedTensor } from "./source.ts";

/** A module's factors: the change is B · A, scaled. */
interface Factors {
  readonly module: string;
  readonly isEmbedding: boolean;
  a?: StoredTensor;
  b?: StoredTensor;
}

export interface MergedAdapter {
  readonly checkpoint: Checkpoint;
  readonly note: string;
}

/**
 * A base with an adapter merged into it, each changed tensor computed as it is read, in the arithmetic of PEFT's
 * `merge_and_unload`; tensors that the adapter saved whole take their place.
 * @throws WbError WB3710 where the two do not belong together, WB4705 for a kind of adapter that is not merged.
 */
export function mergeAdapter(
  base: Checkpoint,
  adapter: Checkpoint,
  config: AdapterConfig,
): MergedAdapter {
  const { factors, whole } = partsOf(adapter, config);
  const find = baseFinder(base);
  const isFanInFanOut = orientation(factors, find, config);
  const replaced = new Map<StoredTensor, StoredTensor>();
  const strangers: string[] = [];
  const ranks = new Set<number>();
  // First, since an embedding that an adapter changes is saved whole beside its factors, which belong onto that.
  for (const { name, tensor: saved } of whole) {
    const tensor = find(name);
    if (tensor === undefined) strangers.push(name);
    else replaced.set(tensor, { ...saved, name: tensor.name, storedName: saved.name });
  }
  for (const one of factors) {
    const tensor = find(`${one.module}.weight`);
    if (tensor === undefined) strangers.push(`${one.module}.weight`);
    else {
      replaced.set(tensor, merged(replaced.get(tensor) ?? tensor, one, config, isFanInFanOut));
      ranks.add(one.a?.shape[0] ?? 0);
    }
  }
  if (strangers.length > 0) throw misfit(base, adapter, strangers);
  const count = factors.length;
  const also =
    whole.length === 0
      ? ""
      : whole.length === 1
        ? `; ${whole.length} tensor that it saved whole takes its place`
        : `; ${whole.length} tensors that it saved whole take their place`;
  const rank = [...ranks].join(", ");
  const into =
    count === 1
      ? `merged into ${count} matrix as peft's merge_and_unload does (rank ${rank})${also}`
      : `merged into ${count} matrices as peft's merge_and_unload does (rank ${rank})${also}`;
  return {
    checkpoint: {
      ...base,
      files: [...base.files, ...adapter.files],
      tensors: base.tensors.map((tensor) => replaced.get(tensor) ?? tensor),
      skipped: [...base.skipped, ...adapter.skipped],
    },
    note: `${adapter.path}: ${into}`,
  };
}

/** Names that a message lists; the rest are counted. */
const MAX_LISTED = 5;

function misfit(base: Checkpoint, adapter: Checkpoint, names: readonly string[]): WbError {
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
  const listed = names.slice(0, MAX_LISTED).map(shownName).join(", ");
  return new WbError(
    "WB3710",
    `${adapter.path} is no adapter of ${base.path}, which has no ${listed}${more}`,
    { details: { path: adapter.path } },
  );
}

/** A base's tensor by the adapter's name of it: the same, or without the keys in front that the base was saved without. */
function baseFinder({ tensors }: Checkpoint): (name: string) => StoredTensor | undefined {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return (name) => {
    for (let rest = name; ; rest = rest.slice(rest.indexOf(".") + 1)) {
      const tensor = byName.get(rest);
      if (tensor !== undefined || !rest.includes(".")) return tensor;
    }
  };
}

function partsOf(
  adapter: Checkpoint,
  { path }: AdapterConfig,
): {
  readonly factors: readonly Factors[];
  readonly whole: readonly { readonly name: string; readonly tensor: StoredTensor }[];
} {
  const factors = new Map<string, Factors>();
  const whole: { name: string; tensor: StoredTensor }[] = [];
  for (const tensor of adapter.tensors) {
    const part = adapterPart(tensor.name);
    switch (part.kind) {
      case "whole":
        whole.push({ name: part.name, tensor });
        break;
      case "factor": {
        const { module, isEmbedding } = part;
        const known = factors.get(module) ?? { module, isEmbedding };
        factors.set(module, known);
        known[part.factor] = tensor;
        break;
      }
      case "other":
        throw new WbError(
          "WB4705",
          `${path}: ${shownName(tensor.name)} is nothing that a plain LoRA has`,
          { details: { path } },
        );
      default:
        part satisfies never;
    }
  }
  if (factors.size === 0)
    throw new WbError("WB3710", `${adapter.path}: no LoRA factors in it`, {
      details: { path: adapter.path },
    });
  return { factors: [...factors.values()], whole };
}

/** The last words of modules that are transformers' Conv1D, [in, out], where they are not Linears (transformers v5.23, models/gpt2). */
const CONV1D: ReadonlySet<string> = new Set(["c_attn", "q_attn", "c_proj", "c_fc"]);

/**
 * Whether a module's weight is [in, out]; undefined where nothing tells. PEFT asks the module's class, whatever fan_in_fan_out says (peft v0.21,
 * tuners/lora/model.py). Here shapes tell; a square matrix is as those with the last word of its path, else as those of its kind.
 */
function orientation(
  factors: readonly Factors[],
  find: (name: string) => StoredTensor | undefined,
  { isFanInFanOut }: AdapterConfig,
): (module: string) => boolean | undefined {
  const told = factors.flatMap(({ module, a, b, isEmbedding }) => {
    const [rows, columns] = find(`${module}.weight`)?.shape ?? [];
    const [outputs, inputs] = [b?.shape[0], a?.shape[1]];
    const isSwapped = rows === inputs && columns === outputs;
    const isTold = !isEmbedding && rows !== columns && (isSwapped || rows === outputs);
    return isTold ? [{ module, word: wordOf(module), isSwapped }] : [];
  });
  const agreed = (some: typeof told): boolean | undefined => {
    const [one] = some;
    return some.every(({ isSwapped }) => isSwapped === one?.isSwapped) ? one?.isSwapped : undefined;
  };
  return (module) => {
    const word = wordOf(module);
    const isConv1d = CONV1D.has(word);
    const own = told.filter((one) => one.module === module);
    const alike = told.filter((one) => one.word === word);
    const ofKind = told.filter((one) => CONV1D.has(one.word) === isConv1d);
    const nearest = [own, alike, ofKind].find((some) => some.length > 0);
    if (nearest !== undefined) return agreed(nearest);
    return isConv1d && !isFanInFanOut ? undefined : isFanInFanOut;
  };
}

function wordOf(module: string): string {
  return module.slice(module.lastIndexOf(".") + 1);
}

function merged(
  base: StoredTensor,
  factors: Factors,
  config: AdapterConfig,
  isFanInFanOut: (module: string) => boolean | undefined,
): StoredTensor {
  const { a, b, module, isEmbedding } = factors;
  const [rank = 0, inputs = 0] = a?.shape ?? [];
  const [outputs = 0] = b?.shape ?? [];
  const fits = (rows: number, columns: number): boolean =>
    base.shape.length === 2 && base.shape[0] === rows && base.shape[1] === columns;
  const { dtype } = base;
  if (a === undefined || b === undefined || a.shape.length !== 2 || b.shape[1] !== rank)
    throw odd(base, factors, config);
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16") throw odd(base, factors, config);
  const isSwapped = isEmbedding || isFanInFanOut(module);
  if (isSwapped === undefined || !(isSwapped ? fits(inputs, outputs) : fits(outputs, inputs)))
    throw odd(base, factors, config);
  const alpha = alphaOf(config, module);
  const recipe: Recipe = {
    purpose: "merge",
    kind: "lowRank",
    dtype,
    shape: base.shape,
    rows: base.shape[0] ?? 0,
    columns: base.shape[1] ?? 0,
    isTransposed: false,
    isSwapped,
    scaling: config.isRankStabilised ? alpha / Math.sqrt(rank) : alpha / rank,
  };
  const { name, storedName, rank: place } = base;
  const facts = {
    ...(storedName === undefined ? {} : { storedName }),
    ...(place === undefined ? {} : { rank: place }),
  };
  return computedTensor(name, { recipe, inputs: [base, a, b], label: name }, facts);
}

function odd(base: StoredTensor, { a, b, module }: Factors, { path }: AdapterConfig): WbError {
  const shapes = [a, b].map((one) => (one === undefined ? "none" : renderShape(one.shape)));
  return new WbError(
    "WB3710",
    `${path}: ${shownName(module)}: factors A ${shapes[0] ?? ""} and B ${shapes[1] ?? ""} do not fit the base's ${base.dtype} ${renderShape(base.shape)}`,
    { details: { path } },
  );
}
