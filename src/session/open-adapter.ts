import { dirname, join } from "node:path";
import { WbError } from "../errors/wb-error.ts";
import { isFolder, openCheckpoint } from "../formats/open.ts";
import { parseAdapterConfig } from "../mapping/computed/adapter-config.ts";
import { mergeAdapter } from "../mapping/computed/merge-adapter.ts";
import { readSmall } from "../sources/places.ts";
import type { OpenedModel } from "./open-model.ts";
import type { Checkpoint } from "../tensor/table.ts";

/** A model with an adapter merged into it. */
export interface Adapted {
  readonly model: OpenedModel;
  /** To be closed with the model's own. */
  readonly adapter: Checkpoint;
}

const CONFIG = "adapter_config.json";

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
  const configPath = join(folder, CONFIG);
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
    const { checkpoint, note } = mergeAdapter(model.checkpoint, opened.checkpoint, config);
    const notes = [...model.notes, ...opened.notes, note];
    return { model: { ...model, checkpoint, notes }, adapter: opened.checkpoint };
  } catch (error) {
    await opened.checkpoint.close();
    throw error;
  }
}
