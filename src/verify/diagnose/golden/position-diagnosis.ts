import { POSITIONS } from "../../../model/network.ts";
import type { Diagnosis } from "../diagnosis.ts";
import type { LocalLab } from "./local-lab.ts";

/** What adding two rows in float32 leaves of each value. */
const SUM_SLACK = 2 ** -21;

/** Rows that a table of positions is moved by at most. */
const MAX_SHIFT = 8;

/** Positions that a sentence lists. */
const LISTED = 6;

/**
 * What is wrong with learned positions, which are added to the embeddings: where every departure is the same at one position,
 * whatever the token, the table of positions is to blame. Undefined where it is not, or where the model has none.
 */
export async function diagnosePositions(
  lab: LocalLab,
  before: number,
): Promise<Diagnosis | undefined> {
  const { config } = lab.laboratory;
  if (config.positionOffset === undefined || lab.laboratory.facts(POSITIONS) === undefined)
    return undefined;
  const width = config.hiddenSize;
  const table = await lab.read(POSITIONS);
  const outputs = await lab.outputs({ kind: "embeddings" });
  const departures = new Map<number, Float32Array[]>();
  const idsAt = new Map<number, Set<number>>();
  let [scale, tokens] = [0, 0];
  for (const [index, { ours, reference }] of outputs.entries()) {
    for (const value of reference) scale = Math.max(scale, Math.abs(value));
    for (let position = 0; position < reference.length / width; position++) {
      const begin = position * width;
      const departure = Float32Array.from(
        { length: width },
        (_unused, at) => (ours[begin + at] ?? Number.NaN) - (reference[begin + at] ?? Number.NaN),
      );
      const id = lab.prompts[index]?.ids[position];
      if (id !== undefined) idsAt.set(position, new Set(idsAt.get(position)).add(id));
      departures.set(position, [...(departures.get(position) ?? []), departure]);
      tokens++;
    }
  }
  const slack = 4 * SUM_SLACK * scale;
  const near = (left: number, right: number): boolean => Math.abs(left - right) <= slack;
  const isOfPositions = [...departures.values()].every((list) =>
    list.every((one) => one.every((value, at) => near(value, list[0]?.[at] ?? Number.NaN))),
  );
  if (!isOfPositions) return undefined;
  const row = (position: number): number => position + (config.positionOffset ?? 0);
  const rows = table.shape[0] ?? 0;
  const isRow = (position: number, by: number): boolean => {
    const [own, right] = [row(position) * width, ((row(position) + by + rows) % rows) * width];
    return (
      departures
        .get(position)?.[0]
        ?.every((value, at) =>
          near((table.data[own + at] ?? 0) - value, table.data[right + at] ?? Number.NaN),
        ) === true
    );
  };
  const wrong = [...departures].filter(
    ([, [first]]) => first?.every((value) => near(value, 0)) === false,
  );
  const seen = `at each of ${departures.size} positions all tokens depart alike, ${tokens} in all`;
  // Where all prompts have one token, it may be the token's row.
  const told = wrong.filter(([position]) => (idsAt.get(position)?.size ?? 0) > 1);
  if (told.length === 0) return undefined;
  for (let distance = 1; distance <= MAX_SHIFT; distance++) {
    for (const by of [distance, -distance]) {
      if (!wrong.every(([position]) => isRow(position, by))) continue;
      return {
        cause: "row-shifted",
        tensors: [POSITIONS],
        evidence: `${seen}; the row of position i stands ${distance} ${by > 0 ? "further down" : "further up"} in the table, for the ${wrong.length} positions that depart`,
        before,
        after: 0,
      };
    }
  }
  const listed = told.slice(0, LISTED).map(([position]) => position);
  return {
    cause: wrong.length < departures.size ? "corrupt" : "undetermined",
    tensors: [POSITIONS],
    evidence: `${seen}: it is the table of positions, in the rows of at least ${told.length} of them: ${listed.join(", ")}${told.length > LISTED ? " and more" : ""}`,
    before,
  };
}
