import { layerName } from "../../../model/canonical-names.ts";
import { ATTENTION, MLP } from "../../../model/network.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import type { Diagnosis } from "../diagnosis.ts";
import type { LocalLab, Part } from "./local-lab.ts";
import { judgeConstant, judgeDirections } from "./residual-rank.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";
import { listed } from "../../listed.ts";

/** Share of a difference's energy that one direction must hold before a row is blamed for it. */
const DOMINANT = 0.95;

/** Share of the hidden channels that a few damaged rows stay below. */
const FEW_CHANNELS = 0.1;

/** Channels of a message. */
const LISTED = 4;

/**
 * Where in a layer a damage sits that no mistake explains, from the shape of what it does to the layer's output. A damaged row
 * of down_proj changes its own channel and nothing else; one of gate_proj or up_proj moves every token along one column of
 * down_proj; one of o_proj changes its channel, and through the MLP the others a little.
 */
export async function locateInLayer(
  lab: LocalLab,
  layer: number,
  {
    part,
    before: difference,
    noise,
  }: { readonly part: Part; readonly before: number; readonly noise: number },
): Promise<Diagnosis | undefined> {
  const { hiddenSize, layers } = lab.laboratory.config;
  // The last layer is only seen through the final norm, which mixes channels.
  if (layer === layers - 1) return undefined;
  const residual = residualRows(await lab.outputs(part), hiddenSize);
  const at = (module: string): string => layerName(layer, `${module}.weight`);
  const departing = {
    lab,
    layer,
    residual: { rows: residual, noise, added: await addedByNetwork(lab, layer, hiddenSize) },
    before: difference,
  };
  const constant = judgeConstant(departing);
  if (constant !== undefined) return constant;
  const energies = channelEnergies(residual, hiddenSize);
  const total = energies.reduce((sum, energy) => sum + energy, 0);
  const loud = energies.flatMap((energy, channel) => (Math.sqrt(energy) > noise ? [channel] : []));
  if (loud.length > 0 && loud.length <= Math.max(1, FEW_CHANNELS * hiddenSize)) {
    return corrupt(
      [at(MLP.down)],
      layer,
      difference,
      `only the channels ${listed(loud, LISTED)} depart: rows of down_proj`,
      loud,
    );
  }
  const top = strongest(energies);
  if (total > 0 && top.energy / total > DOMINANT) {
    return corrupt(
      [at(ATTENTION.output)],
      layer,
      difference,
      `channel ${top.index} departs most by far: a row of o_proj`,
      [top.index],
    );
  }
  // Of a layer with experts, no one matrix gives the residual.
  if (!lab.laboratory.names().includes(at(MLP.down))) return undefined;
  const down = await lab.read(at(MLP.down));
  const neuron = strongestColumn(residual, down, total);
  if (neuron !== undefined) {
    const known = new Set(lab.laboratory.names());
    const { columns: width } = sizeOf(down);
    return corrupt(
      [MLP.gate, MLP.up, MLP.gateUp].map(at).filter((name) => known.has(name)),
      layer,
      difference,
      `the difference is along column ${neuron} of down_proj: row ${neuron} of gate or up`,
      [neuron, neuron + width],
    );
  }
  return judgeDirections(departing);
}

/** Sum of the squares of what the layer's feed-forward network adds to the golden's states: what down_proj gives. */
async function addedByNetwork(lab: LocalLab, layer: number, width: number): Promise<number> {
  const name = layerName(layer, `${MLP.down}.weight`);
  if (!lab.laboratory.names().includes(name)) return 0;
  const { shape, data } = await lab.read(name);
  const without = new Map([[name, { shape, data: new Float32Array(data.length) }]]);
  const part = { kind: "layer", index: layer } as const;
  const [whole, rest] = [await lab.outputs(part), await lab.outputs(part, without)];
  return residualRows(
    whole.map(({ ours }, index) => ({ ours, reference: rest[index]?.ours ?? ours })),
    width,
  )
    .flatMap((row) => [...row])
    .reduce((sum, value) => sum + value * value, 0);
}

function corrupt(
  tensors: readonly string[],
  layer: number,
  before: number,
  evidence: string,
  rows: readonly number[],
): Diagnosis {
  // One below the other where there are several.
  const claims = [{ tensor: tensors.join(" "), kind: "rows-differ", rows, all: true } as const];
  return { cause: "corrupt", tensors, layer, evidence, claims, before };
}

/** Golden less ours, a row a token. */
function residualRows(
  outputs: readonly { readonly ours: Float32Array; readonly reference: Float32Array }[],
  width: number,
): readonly Float32Array[] {
  return outputs.flatMap(({ ours, reference }) =>
    Array.from({ length: reference.length / width }, (_unused, row) => {
      const begin = row * width;
      return Float32Array.from(
        { length: width },
        (_none, channel) => (reference[begin + channel] ?? 0) - (ours[begin + channel] ?? 0),
      );
    }),
  );
}

function channelEnergies(rows: readonly Float32Array[], width: number): readonly number[] {
  const energies = Array.from({ length: width }, () => 0);
  for (const row of rows) {
    for (let channel = 0; channel < width; channel++)
      energies[channel] = (energies[channel] ?? 0) + (row[channel] ?? 0) ** 2;
  }
  return energies;
}

function strongest(energies: readonly number[]): {
  readonly index: number;
  readonly energy: number;
} {
  return energies.reduce(
    (best, energy, index) => (energy > best.energy ? { index, energy } : best),
    { index: -1, energy: 0 },
  );
}

/** The column of a matrix [hidden, n] that nearly all of the residual is along. */
function strongestColumn(
  rows: readonly Float32Array[],
  matrix: HostTensor,
  total: number,
): number | undefined {
  const { rows: hidden, columns } = sizeOf(matrix);
  let best = { index: -1, share: 0 };
  for (let column = 0; column < columns; column++) {
    let norm = 0;
    for (let row = 0; row < hidden; row++) norm += (matrix.data[row * columns + column] ?? 0) ** 2;
    let energy = 0;
    for (const residual of rows) {
      let dot = 0;
      for (let row = 0; row < hidden; row++)
        dot += (residual[row] ?? 0) * (matrix.data[row * columns + column] ?? 0);
      energy += dot * dot;
    }
    const share = norm === 0 || total === 0 ? 0 : energy / (norm * total);
    if (share > best.share) best = { index: column, share };
  }
  return best.share > DOMINANT ? best.index : undefined;
}
