import { stat } from "node:fs/promises";
import { WbError } from "../errors/wb-error.ts";
import { findWeightSets } from "../formats/sets/folder.ts";
import type { VerifyOptions } from "./result.ts";

export interface References {
  /** What is verified. */
  readonly main: string;
  readonly others: readonly string[];
  readonly notes: readonly string[];
}

/**
 * What a model is held against: what the options name, else the other sets of weights in its folder.
 * @throws WbError WB2911 where there is nothing, WB2912 for a matrix without a second model.
 */
export async function references(
  path: string,
  { other, golden, endpoint, imatrix }: VerifyOptions,
): Promise<References> {
  if (imatrix !== undefined && other === undefined)
    throw new WbError("WB2912", `${imatrix}: expected a second model with --imatrix`, {
      details: { path: imatrix },
    });
  const others = other === undefined ? [] : [other];
  const isGiven = other !== undefined || golden !== undefined || endpoint !== undefined;
  if (isGiven) return { main: path, others, notes: [] };
  const isFolder = (await stat(path)).isDirectory();
  const sets = isFolder ? await findWeightSets(path) : [];
  // Shards without an index and parallel parts have no path of their own: only as the first are they the folder's.
  const [main, ...rest] = sets.filter(
    ({ kind }, index) => index === 0 || kind === "file" || kind === "index",
  );
  if (main === undefined || rest.length === 0) {
    throw new WbError(
      "WB2911",
      `${path}: ${isFolder ? `has ${sets.length} set of weights` : "is one set of weights"}, and neither a second model nor --golden was given`,
      { details: { path } },
    );
  }
  return {
    main: main.path,
    others: rest.map((set) => set.path),
    notes: [
      `${path} holds ${sets.length} sets of weights: ${sets.map(({ name }) => name).join(", ")}`,
    ],
  };
}
