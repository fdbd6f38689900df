import { dirname, join } from "node:path";
import { WbError } from "../errors/wb-error.ts";
import { isFolder, openCheckpoint } from "../formats/open.ts";
import { ADAPTER_CONFIG, isHeadName, isSavedTable } from "../model/adapter-names.ts";
import { NOT_MERGED } from "../formats/names/wrapper-segments.ts";
import { adaptableBase, type AdaptableBase } from "../mapping/computed/adapted-ends.ts";
import { parseAdapterConfig, type AdapterConfig } from "../mapping/computed/adapter-config.ts";
import { mergeAdapter } from "../mapping/computed/merge-adapter.ts";
import { refuseOtherCopies } from "../mapping/same-values.ts";
import { readSmall } from "../sources/places.ts";
import type { OpenedModel } from "./open-model.ts";
import { shownName } from "../tensor/shown-name.ts";
import type { Checkpoint } from "../tensor/table.ts";

/** A model with an adapter merged into it. */
export interface Adapted {
  readonly model: OpenedModel;
  /** To be closed with the model's own. */
  readonly adapter: Checkpoint;
}

/** Bytes of an adapter's configuration at most; real ones have about 1 kB. */
const MAX_CONFIG_BYTES = 4 * 2 ** 20;

/**
 * Opens an adapter and merges it into an opened model, lazily.
 * @throws WbError of the readers, WB3710, WB4705.
 */
export async function withAdapter(
  model: OpenedModel,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Adapted> {
  if (model.checkpoint.format === "paddle")
    throw new WbError(
      "WB3710",
      `${path}: PEFT's adapters are merged into torch's weights, and ${model.checkpoint.path} is Paddle's`,
      {
        hint: "Convert the base first, then merge into the result.",
        details: { path },
      },
    );
  const folder = (await isFolder(path)) ? path : dirname(path);
  const configPath = join(folder, ADAPTER_CONFIG);
  const bytes = await readSmall(configPath, MAX_CONFIG_BYTES);
  if (bytes === undefined)
    throw new WbError(
      "WB3710",
      `${configPath}: no such file, and without it the scaling is unknown`,
      {
        details: { path: configPath },
      },
    );
  const config = parseAdapterConfig(Buffer.from(bytes).toString("utf8"), configPath);
  const opened = await openCheckpoint(path, { signal });
  try {
    const ready = readyBase(model, opened.checkpoint, config);
    await refuseOtherCopies(ready.copies, signal);
    const { checkpoint, note } = mergeAdapter(ready.checkpoint, ready.adapter, config);
    // Base layers stand beside factors in an adapter of embeddings, and both are merged here.
    const told = opened.notes.filter((one) => !one.endsWith(NOT_MERGED));
    const notes = [...model.notes, ...told, note, ...ready.notes];
    return {
      model: { ...model, checkpoint, config: ready.config, notes },
      adapter: opened.checkpoint,
    };
  } catch (error) {
    await opened.checkpoint.close();
    throw error;
  }
}

type Ready = Omit<AdaptableBase, "config"> & Pick<OpenedModel, "config">;

/** A base as the adapter leaves its embeddings and head, where the family is known. */
function readyBase(
  { checkpoint, config }: OpenedModel,
  adapter: Checkpoint,
  settings: AdapterConfig,
): Ready {
  if (config !== undefined) return adaptableBase(checkpoint, config, adapter, settings);
  const tables = savedTables(adapter);
  const same = { adapter, copies: [] };
  if (tables.length === 0) return { checkpoint, config, notes: [], ...same };
  const note = `${adapter.path}: ${tables.map(shownName).join(", ")} was saved whole: where a head is tied to it, peft leaves that head the old values, and the result has the new ones`;
  return { checkpoint, config, notes: [note], ...same };
}

/** Embeddings that an adapter saved whole, where it saved no head. */
function savedTables({ tensors }: Checkpoint): readonly string[] {
  const names = tensors.map(({ name }) => name);
  return names.some(isHeadName) ? [] : names.filter(isSavedTable);
}
