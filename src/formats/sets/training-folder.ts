import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { leftOut } from "../../tensor/left-out.ts";
import type { WeightSet } from "./weight-set.ts";

/** DeepSpeed (v0.15, runtime/engine.py, `_get_ckpt_name`): one file a model-parallel rank, and one a data-parallel rank in ZeRO 3. */
const MODEL_STATES =
  /^(?:(?:bf16_|fp16_)?zero_pp_rank_(?<rank>\d+)_)?mp_rank_(?<mp>\d+)_model_states\.pt$/;
const OPTIMIZER_STATES = /_optim_states\.pt$/;
const ZERO_OPTIMIZER =
  /^(?:bf16_|fp16_)?zero_pp_rank_(?<rank>\d+)_mp_rank_(?<mp>\d+)_optim_states\.pt$/;
/** Its pipeline engine writes a file a layer, its mixtures of experts one an expert. */
const LAYER_STATES = /^layer_\d+[-_].*model_states\.pt$/;
const EXPERT_STATES = /^(?:layer_\d+_expert_|expp_rank_\d+_)/;
/** Any of these: what DeepSpeed itself loads by its name. */
const STATES = /_(?:optim|model)_states\.pt$/;
/** torch.distributed.checkpoint (v2.6) and Paddle's distributed checkpoints. */
const DISTRIBUTED = /\.distcp$/;

/** The table beside the parts of torch's distributed checkpoints. */
export const DCP_TABLE = ".metadata";

/** The distributed checkpoint that a folder is; undefined for any other folder. */
export function distributedSet(names: readonly string[], folder: string): WeightSet | undefined {
  if (!names.includes(DCP_TABLE) || !names.some(isDistributedPart)) return undefined;
  const name = "a distributed checkpoint";
  return {
    framework: "pytorch",
    kind: "dcp",
    path: folder,
    name,
    parts: [],
    missing: [],
    notes: [],
  };
}

/** Whether a file's name is that of a part of a distributed checkpoint, which holds slices of tensors. */
export function isDistributedPart(name: string): boolean {
  return DISTRIBUTED.test(name);
}

/** Whether a file's name is that of states which DeepSpeed wrote. */
export function isDeepSpeedStates(name: string): boolean {
  return STATES.test(name);
}

/** @throws WbError WB4005. */
export function refuseDistributed(path: string): never {
  throw new WbError(
    "WB4005",
    `${path}: a distributed checkpoint (torch DCP): its .distcp files hold slices of tensors, which only a folder with its .metadata puts together`,
    { details: { path } },
  );
}

/**
 * The weights of a folder that DeepSpeed wrote: its model states, or the ranks of ZeRO 3; undefined for any other folder.
 * @throws WbError WB4006 where the weights are divided over files in a way that is not put together.
 */
export function deepSpeedSet(names: readonly string[], folder: string): WeightSet | undefined {
  const states = names.flatMap((name) => {
    const groups = MODEL_STATES.exec(name)?.groups;
    return groups === undefined ? [] : [{ name, mp: groups["mp"], rank: groups["rank"] }];
  });
  const optimizers = names.filter((name) => OPTIMIZER_STATES.test(name));
  const ranks = optimizers.flatMap((name) => {
    const groups = ZERO_OPTIMIZER.exec(name)?.groups;
    return groups === undefined ? [] : [{ name, mp: groups["mp"], rank: groups["rank"] }];
  });
  if (states.length === 0 && ranks.length === 0) return undefined;
  const [first] = states;
  if (first === undefined)
    throw divided(folder, "only optimizer states are there, no model states", optimizers);
  const apart = names.filter((name) => LAYER_STATES.test(name) || EXPERT_STATES.test(name));
  if (apart.some((name) => EXPERT_STATES.test(name)))
    throw divided(folder, "its experts are in files of their own", apart);
  if (apart.length > 0) throw divided(folder, "its pipeline engine wrote a file a layer", apart);
  const files = [...states, ...ranks];
  const modelRanks = new Set(files.map(({ mp }) => mp));
  if (modelRanks.size > 1)
    throw divided(
      folder,
      `the weights are divided over ${modelRanks.size} model-parallel ranks`,
      files.map(({ name }) => name),
    );
  const isZero3 = first.rank !== undefined;
  if (isZero3 && ranks.length === 0)
    throw divided(
      folder,
      "ZeRO 3 divided the weights over its ranks, and their optimizer states are not there",
      states.map(({ name }) => name),
    );
  const zero = { folder, models: inOrder(states), optimizers: inOrder(ranks) };
  const set = { framework: "pytorch", parts: [], missing: [] } as const;
  if (isZero3) {
    const name = `${ranks.length} ranks of ZeRO 3`;
    return { ...set, kind: "zero", path: folder, name, notes: [], zero };
  }
  const note = leftOut(
    `${folder}: DeepSpeed's optimizer states, ${optimizers.length} files${ranks.length === 0 ? "" : `, with the weights in float32: --select ${FLOAT32} takes those`}`,
  );
  return {
    ...set,
    kind: "file",
    path: join(folder, first.name),
    name: first.name,
    notes: optimizers.length === 0 ? [] : [note],
    ...(ranks.length === 0 ? {} : { zero }),
  };
}

/** `--select` of the float32 weights that DeepSpeed's optimizer trained. */
export const FLOAT32 = "fp32";

/** Whether the float32 weights are what is taken of a set. */
export function takesZero({ kind, zero }: WeightSet, select: string | undefined): boolean {
  return kind === "zero" || (zero !== undefined && select === FLOAT32);
}

/** Names in the order of their ranks. */
function inOrder(
  files: readonly { readonly name: string; readonly rank: string | undefined }[],
): readonly string[] {
  return files
    .toSorted((left, right) => Number(left.rank ?? 0) - Number(right.rank ?? 0))
    .map(({ name }) => name);
}

function divided(folder: string, what: string, files: readonly string[]): WbError {
  return new WbError("WB4006", `${folder}: DeepSpeed's checkpoint: ${what}`, {
    details: { path: folder, files },
  });
}
