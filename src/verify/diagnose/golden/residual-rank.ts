import { layerName } from "../../../model/canonical-names.ts";
import { MLP } from "../../../model/network.ts";
import { takeStrongest } from "../../relate/low-rank.ts";
import { unitOf } from "../../relate/relate.ts";
import type { Diagnosis } from "../diagnosis.ts";
import type { LocalLab } from "./local-lab.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";

/** A departure in at most this share of the directions that it could have is called of low rank. */
const LOW = 4;

/** How many times the energy that rounding leaves may stay, and how many times as much there must be at first. */
const LEFT = 4;
const CLEAR = 64;

/** How many times what each other direction has the last of few directions must have. */
const SHARP = 16;

/** Share of a column that is within some directions where it is one of theirs; by chance it is their share of all. */
const WITHIN = 0.95;

/** Golden less ours behind a layer, a row a token, and what they may be off by. */
export interface Residual {
  readonly rows: readonly Float32Array[];
  readonly noise: number;
  /** Sum of the squares of what the layer's feed-forward network adds. */
  readonly added: number;
}

/** The directions that a departure has, where they are few; undefined where they are many. */
export function directionsOf(
  { rows, noise, added }: Residual,
  unit: number,
): readonly Float64Array[] | undefined {
  const width = rows[0]?.length ?? 0;
  const most = Math.floor(Math.min(rows.length, width) / LOW);
  const left = Float64Array.from(rows.flatMap((row) => [...row]));
  let energy = left.reduce((sum, value) => sum + value * value, 0);
  // Both the right matrix and the changed one were rounded to their nearest: evenly within half a unit of their size.
  const rounding = (2 * added * unit ** 2) / 3;
  const negligible = LEFT * (rounding + left.length * noise ** 2);
  if (!(energy > (CLEAR / LEFT) * negligible)) return undefined;
  const found: Float64Array[] = [];
  while (found.length < most) {
    const { direction, energy: taken } = takeStrongest(left, rows.length, width);
    found.push(direction);
    energy -= taken;
    if (energy <= negligible) {
      // A few directions end at once; all of them fade, and would have more behind them.
      const rest = Math.max(energy, 0) / Math.max(1, Math.min(rows.length, width) - found.length);
      return taken >= SHARP * rest ? found : undefined;
    }
  }
  return undefined;
}

/** A layer whose departure no mistake explains. */
export interface Departing {
  readonly lab: LocalLab;
  readonly layer: number;
  readonly residual: Residual;
  readonly before: number;
}

/**
 * A layer that departs along a few directions. Nothing but down_proj comes after the last nonlinearity, so that they are columns of
 * down_proj, whose rows of gate or up are others, or down_proj itself is by a matrix of low rank.
 */
export async function judgeDirections({
  lab,
  layer,
  residual,
  before,
}: Departing): Promise<Diagnosis | undefined> {
  const at = (module: string): string => layerName(layer, `${module}.weight`);
  const name = at(MLP.down);
  const unit = unitOf(lab.laboratory.facts(name)?.dtype);
  const directions = directionsOf(residual, unit);
  if (directions === undefined) return undefined;
  const columns = columnsWithin(await lab.read(name), directions);
  const rank = directions.length;
  const { rows } = residual;
  const along = `what it adds departs along ${rank} of ${rows[0]?.length ?? 0} directions at ${rows.length} tokens`;
  if (columns.length === 0)
    return {
      cause: "low-rank",
      tensors: [name],
      layer,
      evidence: `${along}, none of which is a column of down_proj: a change of rank ${rank} in down_proj, as an adapter makes that was left in, left out or scaled otherwise`,
      claims: [{ tensor: name, kind: "low-rank", rank, unit }],
      before,
    };
  if (columns.length < rank) return undefined;
  const known = new Set(lab.laboratory.names());
  return {
    cause: "corrupt",
    tensors: [MLP.gate, MLP.up, MLP.gateUp].map(at).filter((one) => known.has(one)),
    layer,
    evidence: `${along}, those of columns ${columns.join(", ")} of down_proj: these rows of gate or up`,
    before,
  };
}

/** A layer that departs by one vector at every token: a bias behind all else. */
export function judgeConstant({ lab, layer, residual, before }: Departing): Diagnosis | undefined {
  const { rows, noise } = residual;
  const [first] = rows;
  if (first === undefined || rows.length < 2) return undefined;
  const isSame = rows.every((row) =>
    row.every((value, channel) => Math.abs(value - (first[channel] ?? 0)) <= 2 * noise),
  );
  if (!isSame) return undefined;
  const name = layerName(layer, `${MLP.down}.bias`);
  const isStored = lab.laboratory.facts(name) !== undefined;
  return {
    cause: isStored ? "corrupt" : "bias-missing",
    tensors: [name],
    layer,
    evidence: `one and the same vector is missing at all ${rows.length} tokens: a bias of down_proj${isStored ? " other than the one that is stored" : ""}`,
    before,
  };
}

/** Columns of a matrix [hidden, n] that are within the space of some directions. */
export function columnsWithin(
  matrix: { readonly shape: readonly number[]; readonly data: Float32Array },
  directions: readonly Float64Array[],
): readonly number[] {
  const { rows: hidden, columns } = sizeOf(matrix);
  const found: number[] = [];
  for (let column = 0; column < columns; column++) {
    let [norm, inside] = [0, 0];
    for (let row = 0; row < hidden; row++) norm += (matrix.data[row * columns + column] ?? 0) ** 2;
    for (const direction of directions) {
      let dot = 0;
      for (let row = 0; row < hidden; row++)
        dot += (direction[row] ?? 0) * (matrix.data[row * columns + column] ?? 0);
      inside += dot * dot;
    }
    if (norm > 0 && inside / norm > WITHIN) found.push(column);
  }
  return found;
}
