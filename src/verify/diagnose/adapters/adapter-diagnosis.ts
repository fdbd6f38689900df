import { setImmediate as nextTurn } from "node:timers/promises";
import { layerName } from "../../../model/canonical-names.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { familyOf } from "../../../model/families.ts";
import { ATTENTION, FINAL_NORM, MLP } from "../../../model/network.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import type { LocalLab } from "../golden/local-lab.ts";
import type { SearchBudget } from "../golden/search.ts";
import type { MeasuredPart } from "../golden/suspects.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";
import type { Adapters, Role, Seen } from "./attention.ts";
import type { Network, Norm } from "./network.ts";
import { costOf, equations, fitAdapters, type Problem } from "./fit.ts";
import { by, byTransposed, type Matrix } from "./products.ts";

/**
 * Projections that adapters are looked for in: each alone first, since two fit what one does, then PEFT's usual choice. No more
 * together: three fit what two do where these are slow to, and the third would be blamed wrongly.
 */
const AT_FIRST: readonly (readonly Role[])[] = [["value"], ["output"], ["query", "value"]];
const OF_POSITIONS: readonly (readonly Role[])[] = [["query"], ["key"]];

/** Ranks of adapters, the largest that there are numbers for first: one that holds more than it must is found, too. */
const RANKS = [16, 8, 4, 2, 1];

/** Projections with adapters, and the ranks that these may have, the largest first. */
export interface Adapted {
  readonly roles: readonly Role[];
  readonly ranks: readonly number[];
}

/** Multiplications that the adapters of all layers may take together: some ten seconds, so that a search in vain ends. */
const WORK = 1e10;

/** What is left of them in one diagnosis. */
export interface AdapterWork {
  left: number;
}

export function adapterWork(): AdapterWork {
  return { left: WORK };
}

/** Looks at a problem without which nothing is found. */
const LEAST_LOOKS = 300;

/** What may be left of the layer's departure. */
const DECISIVE = 0.02;

/** Networks whose attention is that of `attention.ts`: no norm of heads, no cap. */
const BLOCKS: ReadonlySet<string> = new Set(["llama", "glm"]);

/**
 * Adapters that were left in, left out or scaled otherwise in a layer's attention: matrices of low rank that, added to its projections,
 * bring the layer to the golden. Far fewer numbers are fitted than the golden holds, so that they are no accident.
 * @param isFirstWrong Whether the first token of a prompt departs, which queries and keys cannot make.
 * @param likely What was found in another layer.
 * @param work Counts what is spent here.
 */
export async function diagnoseAdapters(
  lab: LocalLab,
  layer: number,
  { part, before }: MeasuredPart,
  isFirstWrong: boolean,
  likely: Adapted | undefined,
  budget: SearchBudget,
  work: AdapterWork,
): Promise<{ readonly diagnosis: Diagnosis; readonly adapted: Adapted } | undefined> {
  const { config } = lab.laboratory;
  if (!isPlain(config, lab, layer)) return undefined;
  const problem = await problemOf(lab, layer);
  const cost = costOf(problem);
  if (work.left < LEAST_LOOKS * cost) return undefined;
  const spend = async (): Promise<boolean> => {
    await nextTurn();
    budget.throwIfAborted();
    work.left -= cost;
    return work.left > 0;
  };
  const sets = isFirstWrong ? AT_FIRST : OF_POSITIONS;
  const all = sets.map((roles): Adapted => ({ roles, ranks: RANKS }));
  for (const adapted of likely === undefined ? all : [likely, ...all]) {
    const found = await lowest(problem, adapted, spend);
    if (found === undefined) continue;
    const changes = await added(lab, layer, found);
    const after = await lab.difference(part, changes);
    if (!(after <= DECISIVE * before)) continue;
    const tensors = [...changes.keys()];
    const numbers = numbersOf(found);
    const evidence = `a matrix of at most rank ${rankOf(found)}, added to ${tensors.length === 1 ? "it" : "each"}, is what an adapter makes that was left in, left out or scaled otherwise; with ${numbers} numbers fitted to ${equations(problem)} of the golden's, the difference falls from ${before.toExponential(1)} to ${after.toExponential(1)}`;
    return {
      diagnosis: { cause: "low-rank", tensors, ...commonLayer(tensors), evidence, before, after },
      adapted: { roles: adapted.roles, ranks: [rankOf(found)] },
    };
  }
  return undefined;
}

/** The largest rank that there are numbers for, then the smallest that does as well. */
async function lowest(
  problem: Problem,
  { roles, ranks }: Adapted,
  spend: () => Promise<boolean>,
): Promise<Adapters | undefined> {
  let found: Adapters | undefined;
  for (const rank of ranks) {
    const fitted = await fitAdapters(problem, roles, rank, spend);
    if (fitted === "unknown") continue;
    if (fitted === undefined) break;
    found = fitted;
  }
  return found;
}

function rankOf(adapters: Adapters): number {
  return Math.max(...[...adapters.values()].map(({ down }) => down.rows));
}

function numbersOf(adapters: Adapters): number {
  return [...adapters.values()].reduce(
    (sum, { down, up }) => sum + down.data.length + up.data.length,
    0,
  );
}

/** Whether the layer's attention is what `attention.ts` computes. */
function isPlain(config: ModelConfig, lab: LocalLab, layer: number): boolean {
  const { block } = familyOf(config.family).network;
  const unusual = [
    config.activation,
    config.experts,

    config.encoder,
    config.latent,
    config.hasAlibi,
    config.window,
    config.attentionCap,
    config.queryScalar,
    config.positionOffset,
  ];
  const has = new Set(lab.laboratory.names());
  return (
    BLOCKS.has(block) &&
    config.headNorms !== true &&
    !config.mlpBias &&
    unusual.every((setting) => setting === undefined) &&
    Object.values(ATTENTION).every((module) => has.has(layerName(layer, `${module}.weight`)))
  );
}

async function problemOf(lab: LocalLab, layer: number): Promise<Problem> {
  const { config } = lab.laboratory;
  const seen = await lab.observed(layer, "input_layernorm");
  const named = async (name: string): Promise<Matrix> => matrixOf(await lab.read(name));
  const matrix = (role: Role): Promise<Matrix> =>
    named(layerName(layer, `${ATTENTION[role]}.weight`));
  const bias = async (role: Role): Promise<Float32Array | undefined> => {
    const name = layerName(layer, `${ATTENTION[role]}.bias`);
    return lab.laboratory.facts(name) === undefined ? undefined : (await lab.read(name)).data;
  };
  const outputBias = await bias("output");
  const prompts: Seen[] = [];
  for (const [index, { hiddenStates }] of lab.prompts.entries()) {
    const rowsOf = (data: Float32Array = new Float32Array(0)): Matrix =>
      matrixOf({ shape: [data.length / config.hiddenSize, config.hiddenSize], data });
    const input = rowsOf(seen[index]);
    const made = async (role: Role): Promise<Matrix> =>
      plus(byTransposed(input, await matrix(role)), await bias(role));
    prompts.push({
      input,
      query: await made("query"),
      key: await made("key"),
      value: await made("value"),
      before: plus(rowsOf(hiddenStates[layer]), outputBias),
      wanted: hiddenStates[layer + 1] ?? new Float32Array(0),
    });
  }
  const network = await networkOf(lab, layer);
  return { layer: { config, output: await matrix("output"), network }, prompts };
}

async function networkOf(lab: LocalLab, layer: number): Promise<Network> {
  const { config } = lab.laboratory;
  const named = async (module: string): Promise<HostTensor> =>
    lab.read(layerName(layer, `${module}.weight`));
  const normOf = ({ data }: HostTensor): Norm => ({ weights: data, epsilon: config.rmsNormEps });
  const isLast = layer === config.layers - 1;
  return {
    norm: normOf(await named("post_attention_layernorm")),
    ...(await gateAndUp(lab, layer)),
    down: matrixOf(await named(MLP.down)),
    last: isLast ? normOf(await lab.read(FINAL_NORM)) : undefined,
  };
}

async function gateAndUp(lab: LocalLab, layer: number): Promise<Pick<Network, "gate" | "up">> {
  const named = (module: string): string => layerName(layer, `${module}.weight`);
  const fused = named(MLP.gateUp);
  if (lab.laboratory.facts(fused) === undefined)
    return {
      gate: matrixOf(await lab.read(named(MLP.gate))),
      up: matrixOf(await lab.read(named(MLP.up))),
    };
  const { rows, columns, data } = matrixOf(await lab.read(fused));
  const half = data.length / 2;
  return {
    gate: { rows: rows / 2, columns, data: data.subarray(0, half) },
    up: { rows: rows / 2, columns, data: data.subarray(half) },
  };
}

function matrixOf(tensor: HostTensor): Matrix {
  const { rows, columns } = sizeOf(tensor);
  return { rows, columns, data: Float64Array.from(tensor.data) };
}

/** The same with a vector added to every row. */
function plus(matrix: Matrix, bias: Float32Array | undefined): Matrix {
  if (bias === undefined) return matrix;
  return {
    ...matrix,
    data: matrix.data.map((value, at) => value + (bias[at % matrix.columns] ?? 0)),
  };
}

/** The projections with their adapters added. */
async function added(
  lab: LocalLab,
  layer: number,
  adapters: Adapters,
): Promise<ReadonlyMap<string, HostTensor>> {
  const changes = new Map<string, HostTensor>();
  for (const [role, { down, up }] of adapters) {
    const name = layerName(layer, `${ATTENTION[role]}.weight`);
    const { shape, data } = await lab.read(name);
    const product = by(up, down);
    changes.set(name, { shape, data: data.map((value, at) => value + (product.data[at] ?? 0)) });
  }
  return changes;
}
