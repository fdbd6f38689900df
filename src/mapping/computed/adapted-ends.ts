import { WbError } from "../../errors/wb-error.ts";
import { adapterPart, isBaseLayer, isHeadName } from "../../model/adapter-names.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { EMBEDDINGS, HEAD } from "../../model/network.ts";
import { tiedHead } from "../../model/tensors.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { canonicalize } from "../canonical.ts";
import type { AdapterConfig } from "./adapter-config.ts";

/** A base whose embeddings and head are ready for an adapter. */
export interface AdaptableBase {
  readonly checkpoint: Checkpoint;
  readonly config: ModelConfig;
  readonly notes: readonly string[];
  /** The adapter, without a head that is its embeddings once more. */
  readonly adapter: Checkpoint;
  /** Tensors that were left out as others' copies; to be compared before that is believed. */
  readonly copies: readonly { readonly copy: StoredTensor; readonly of: StoredTensor }[];
}

/**
 * Unties a base where its adapter does: PEFT trains a copy of a module that is saved whole (`modules_to_save`), so a head that was tied to the
 * embeddings keeps the old ones (peft v0.21, utils/other.py, `ModulesToSaveWrapper`). And takes the size of a vocabulary that grew from what
 * the adapter saved.
 * @throws WbError WB4705 where factors are of a head that is the embeddings: both would change.
 */
export function adaptableBase(
  base: Checkpoint,
  config: ModelConfig,
  adapter: Checkpoint,
  settings: AdapterConfig,
): AdaptableBase {
  const tables = wholeTables(adapter, endsOf(base, config));
  const same = { adapter, copies: [] };
  const grown = { ...withVocabulary(config, tables, adapter.path), ...same };
  const isTied = tiedHead(config) !== undefined;
  if (!isTied) return { checkpoint: base, ...grown };
  refuseHeadFactors(adapter, settings);
  const trained = tables.filter(({ isCopy }) => isCopy);
  if (trained.length === 0) return { checkpoint: base, ...grown };
  if (settings.keepsTies) {
    if (trained.every(({ end }) => end === EMBEDDINGS)) return { checkpoint: base, ...grown };
    const tied = withoutTiedHead(adapter, trained);
    if (tied !== undefined) return { checkpoint: base, ...grown, ...tied };
    throw unsupported(settings, "a tied head that was saved alone (ensure_weight_tying)");
  }
  const { embeddings, head } = endsOf(base, config);
  if (embeddings === undefined) return { checkpoint: base, ...grown };
  const own = head ?? { ...embeddings, name: HEAD, storedName: embeddings.name };
  const tensors = head === undefined ? [...base.tensors, own] : base.tensors;
  return {
    checkpoint: { ...base, tensors },
    config: { ...grown.config, tieWordEmbeddings: false },
    ...same,
    notes: [
      ...grown.notes,
      `${adapter.path}: the head is tied to the embeddings in the base and no longer in the result: the adapter saved ${trained.length === 1 ? "one of them" : "each of them"} whole, as peft leaves them`,
    ],
  };
}

/** The adapter without the head, where it saved the embeddings under both names; undefined where it did not. */
function withoutTiedHead(
  adapter: Checkpoint,
  tables: readonly WholeTable[],
): Pick<AdaptableBase, "adapter" | "copies"> | undefined {
  const embeddings = tables.find(({ end }) => end === EMBEDDINGS);
  const head = tables.find(({ end }) => end === HEAD);
  if (embeddings === undefined || head === undefined) return undefined;
  const { tensor } = head;
  const why = `the head is tied to ${embeddings.tensor.name}, which has the same values`;
  return {
    adapter: {
      ...adapter,
      tensors: adapter.tensors.filter((one) => one !== tensor),
      skipped: [...adapter.skipped, { name: tensor.name, why }],
    },
    copies: [{ copy: tensor, of: embeddings.tensor }],
  };
}

/** The stored embeddings, and a head that is stored. */
function endsOf(
  base: Checkpoint,
  config: ModelConfig,
): { readonly embeddings: StoredTensor | undefined; readonly head: StoredTensor | undefined } {
  const { tensors } = canonicalize(base, { ...config, tieWordEmbeddings: false }, {});
  const [embeddings, head] = [EMBEDDINGS, HEAD].map((name) => tensors.get(name)?.sources[0]);
  return { embeddings, head };
}

interface WholeTable {
  readonly tensor: StoredTensor;
  readonly end: typeof EMBEDDINGS | typeof HEAD;
  readonly rows: number;
  /** A copy that was trained, and not the base below factors. */
  readonly isCopy: boolean;
}

/** Embeddings and heads that an adapter saved whole. */
function wholeTables(
  adapter: Checkpoint,
  { embeddings, head }: ReturnType<typeof endsOf>,
): readonly WholeTable[] {
  return adapter.tensors.flatMap((tensor): WholeTable | [] => {
    const part = adapterPart(tensor.name);
    if (part.kind !== "whole" || tensor.shape.length !== 2) return [];
    const isEnd = (name: string | undefined): boolean =>
      name !== undefined && (part.name === name || part.name.endsWith(`.${name}`));
    const end = isEnd(embeddings?.name) ? EMBEDDINGS : isEnd(head?.name ?? HEAD) ? HEAD : undefined;
    const isCopy = !isBaseLayer(tensor.name);
    return end === undefined ? [] : { tensor, end, rows: tensor.shape[0] ?? 0, isCopy };
  });
}

function withVocabulary(
  config: ModelConfig,
  tables: readonly WholeTable[],
  path: string,
): { readonly config: ModelConfig; readonly notes: readonly string[] } {
  const { vocabSize } = config;
  const [rows = vocabSize, ...others] = new Set(tables.map((table) => table.rows));
  if (rows === vocabSize || others.length > 0) return { config, notes: [] };
  return {
    config: { ...config, vocabSize: rows },
    notes: [
      `${path}: the adapter's vocabulary has ${rows} rows, and the base's ${vocabSize}: vocab_size is ${rows}; the tokenizer is the base's`,
    ],
  };
}

function refuseHeadFactors(adapter: Checkpoint, settings: AdapterConfig): void {
  for (const { name } of adapter.tensors) {
    const part = adapterPart(name);
    if (part.kind !== "factor") continue;
    if (isHeadName(part.module))
      throw unsupported(settings, "factors of a head that is tied to the embeddings");
  }
}

function unsupported({ path }: AdapterConfig, what: string): WbError {
  return new WbError("WB4705", `${path}: an adapter with ${what}`, { details: { path } });
}
