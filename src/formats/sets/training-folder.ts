import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { leftOut } from "../../tensor/left-out.ts";
import type { WeightSet } from "./weight-set.ts";

/** DeepSpeed (v0.15, runtime/engine.py, `_get_ckpt_name`): one file a model-parallel rank, and one a data-parallel rank in ZeRO 3. */
const MODEL_STATES = /^(?<zero>zero_pp_rank_\d+_)?mp_rank_(?<mp>\d+)_model_states\.pt$/;
const OPTIMIZER_STATES = /_optim_states\.pt$/;
/** Its pipeline engine writes a file a layer. */
const LAYER_STATES = /^layer_\d+-.*model_states\.pt$/;
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

/** @throws WbError WB4005. */
export function refuseDistributed(path: string): never {
  throw new WbError(
    "WB4005",
    `${path}: a distributed checkpoint (torch DCP): its .distcp files hold slices of tensors, which only a folder with its .metadata puts together`,
    { details: { path } },
  );
}

/**
 * The model states of a folder that DeepSpeed wrote; undefined for any other folder.
 * @throws WbError WB4006 where the weights are divided over files in a way that is not put together.
 */
export function deepSpeedSet(names: readonly string[], folder: string): WeightSet | undefined {
  const states = names.flatMap((name) => {
    const groups = MODEL_STATES.exec(name)?.groups;
    return groups === undefined ? [] : [{ name, isZero3: groups["zero"] !== undefined }];
  });
  const optimizers = names.filter((name) => OPTIMIZER_STATES.test(name));
  if (states.length === 0 && (optimizers.length === 0 || !optimizers.some(isZeroName)))
    return undefined;
  const [first, ...more] = states;
  if (first === undefined)
    throw divided(folder, "only optimizer states are there, no model states", optimizers);
  if (names.some((name) => LAYER_STATES.test(name)))
    throw divided(folder, "its pipeline engine wrote a file a layer", names);
  if (first.isZero3) throw divided(folder, "ZeRO 3 divided the weights over its ranks", names);
  if (more.length > 0)
    throw divided(
      folder,
      `the weights are divided over ${states.length} model-parallel ranks`,
      states.map(({ name }) => name),
    );
  const note = leftOut(`${folder}: DeepSpeed's optimizer states, ${optimizers.length} files`);
  return {
    framework: "pytorch",
    kind: "file",
    path: join(folder, first.name),
    name: first.name,
    parts: [],
    missing: [],
    notes: optimizers.length === 0 ? [] : [note],
  };
}

function isZeroName(name: string): boolean {
  return /zero_pp_rank_\d+_mp_rank_\d+_optim_states\.pt$/.test(name);
}

function divided(folder: string, what: string, files: readonly string[]): WbError {
  return new WbError("WB4006", `${folder}: DeepSpeed's checkpoint: ${what}`, {
    details: { path: folder, files },
  });
}
