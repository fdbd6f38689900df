import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { TASK_TYPES, TYPES } from "../../model/encoder-network.ts";
import { EMBEDDINGS, POSITIONS } from "../../model/network.ts";
import type { WeightStore } from "./weight-store.ts";

/** Tokens of a batch, and where each stands in its text. */
export interface PlacedTokens {
  readonly ids: readonly (Int32Array | readonly number[])[];
  readonly positions: readonly (Int32Array | readonly number[])[];
}

/**
 * Embeddings [B, T, C] in host memory: of the tokens, times a factor where the model has one, and of what else it has tables of: positions,
 * and the first kind of text and of task.
 * @param project Makes rows of the embeddings as wide as the states.
 * @throws WbError WB2806 for a position that the model has no embedding of.
 */
export async function embeddingsOf(
  weights: WeightStore,
  config: ModelConfig,
  tokens: PlacedTokens,
  project: (rows: Float32Array) => Promise<Float32Array>,
): Promise<Float32Array> {
  const { embeddingScale, positionOffset, encoder } = config;
  const data = await project(
    await weights.rowsOf(
      EMBEDDINGS,
      tokens.ids.flatMap((row) => [...row]),
    ),
  );
  if (embeddingScale !== undefined)
    for (let index = 0; index < data.length; index++)
      data[index] = (data[index] ?? 0) * embeddingScale;
  if (encoder !== undefined) addRow(data, await weights.rowsOf(TYPES, [0]));
  if (positionOffset !== undefined)
    addRow(data, await weights.rowsOf(POSITIONS, positionRows(config, positionOffset, tokens)));
  if (encoder !== undefined && encoder.taskTypes > 0)
    addRow(data, await weights.rowsOf(TASK_TYPES, [0]));
  return data;
}

/** Adds rows to as many, or one to each. */
function addRow(data: Float32Array, rows: Float32Array): void {
  for (let index = 0; index < data.length; index++)
    data[index] = (data[index] ?? 0) + (rows[index % rows.length] ?? 0);
}

/** The rows of the table of positions. */
function positionRows(
  { maxPositions, uncountedId }: ModelConfig,
  offset: number,
  { ids, positions }: PlacedTokens,
): readonly number[] {
  const counted =
    uncountedId === undefined ? positions : ids.map((row) => countedIn(row, uncountedId));
  const rows = counted.flatMap((row) => [...row]);
  const last = rows.reduce((most, position) => Math.max(most, position), 0);
  if (last >= maxPositions)
    throw new WbError(
      "WB2806",
      `expected at most ${maxPositions} tokens, found ${last + 1}: the model has one embedding for each position, and no more of them`,
      { details: { tokens: last + 1, limit: maxPositions } },
    );
  return rows.map((position) => position + offset);
}

/**
 * Positions that are not counted on at one token, whose own is the row before position 0's, of a whole text (transformers v5.23.0,
 * models/roberta/modeling_roberta.py, `create_position_ids_from_input_ids`).
 */
function countedIn(ids: Int32Array | readonly number[], uncounted: number): readonly number[] {
  let count = -1;
  return Array.from(ids, (id) => {
    if (id === uncounted) return -1;
    count++;
    return count;
  });
}
