import { join } from "node:path";
import type { FileSource } from "../../sources/file.ts";
import { openPlace } from "../../sources/places.ts";
import { isRowMajor, renderShape } from "../../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import type { PickleOptions } from "../pickle/options.ts";
import type { PickleValue } from "../pickle/value.ts";
import { readPytorchObject } from "../pytorch/zip.ts";
import type { ZeroFiles } from "../sets/weight-set.ts";
import { isOfZero } from "./allow.ts";
import { wrong } from "./fields.ts";
import { frozenTensors, untrainedTensors } from "./frozen.ts";
import { joinGroups, joinParts } from "./join.ts";
import { leftOutOf } from "./left-out-of.ts";
import { stateFile, type StateFile } from "./state-file.ts";
import { modelStates, optimizerStates, type OptimizerStates } from "./states.ts";
import { widened } from "./widened.ts";

/**
 * The float32 weights of a checkpoint of DeepSpeed's ZeRO, which its ranks hold in parts: put together as they are read, equal to
 * what its zero_to_fp32 gives. Buffers come as float32, parameters that are not trained as they are stored.
 * @throws WbError WB3608 where the files do not fit together, and those of torch's readers.
 */
export async function openZero(
  { folder, ...files }: ZeroFiles,
  options: Partial<PickleOptions> = {},
): Promise<Checkpoint> {
  const sources: FileSource[] = [];
  const close = async (): Promise<void> => {
    for (const source of sources) await source.close();
  };
  const open = async (name: string): Promise<StateFile> => {
    const source = await openPlace(join(folder, name), options.signal);
    sources.push(source);
    const object = await readPytorchObject(source, { allow: isOfZero, ...options });
    return stateFile(source.label, object);
  };
  try {
    const models: StateFile[] = [];
    for (const name of files.models) models.push(await open(name));
    const [model] = models;
    if (model === undefined) throw wrong(folder, "no model states are there");
    const states = modelStates(model.value, model.path);
    const ranks: { readonly file: StateFile; readonly states: OptimizerStates }[] = [];
    for (const name of files.optimizers) {
      const file = await open(name);
      ranks.push({ file, states: optimizerStates(file.value, file.path) });
    }
    const { stage, paddings } = sameStage(
      ranks.map((rank) => rank.states),
      folder,
    );
    const groups = ranks.map((rank) =>
      rank.states.groups.map((value, index) => vector(rank.file, value, `group ${index}`)),
    );
    const tensors = new Map<string, StoredTensor>();
    for (const [name, value] of states.buffers)
      tensors.set(name, widened(model.tensor(name, value)));
    const frozen = frozenTensors(states, stage === 3 ? models : [model], folder);
    const trained =
      stage === 3
        ? joinParts(groups, states.shapes, folder)
        : joinGroups(groups, states.shapes, paddings, folder);
    const untrained = stage === 3 ? [] : untrainedTensors(states, model);
    for (const tensor of [...untrained, ...frozen, ...trained]) tensors.set(tensor.name, tensor);
    for (const [alias, name] of states.shared) {
      const tensor = tensors.get(name);
      if (tensor !== undefined) tensors.set(alias, { ...tensor, name: alias });
    }
    if (trained.length === 0) throw wrong(folder, "its parameters have no shapes");
    const { skipped, notes } = leftOutOf(model, states, tensors, ranks, folder);
    return {
      format: "deepspeed-zero",
      path: folder,
      files: sources.map(({ label }) => label),
      tensors: [...tensors.values()],
      skipped,
      notes: [
        `${folder}: the float32 weights of ZeRO ${stage}, put together from ${ranks.length} ${ranks.length === 1 ? "rank" : "ranks"}`,
        ...notes,
      ],
      metadata: new Map(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the ranks say of the whole. @throws WbError WB3608 where they do not say the same. */
function sameStage(
  ranks: readonly OptimizerStates[],
  folder: string,
): Pick<OptimizerStates, "stage" | "paddings"> {
  const [first] = ranks;
  if (first === undefined) throw wrong(folder, "no optimizer states are there");
  if (ranks.some(({ stage }) => stage !== first.stage))
    throw wrong(folder, "its ranks are of different stages of ZeRO");
  if (first.ranks !== ranks.length)
    throw wrong(
      folder,
      `the weights are divided among ${first.ranks} ranks, and files of ${ranks.length} are there`,
    );
  return first;
}

/** A rank's part of a group: float32, flat. */
function vector(file: StateFile, value: PickleValue, what: string): StoredTensor {
  const tensor = file.tensor(what, value);
  const { dtype, shape, strides, byteOrder } = tensor;
  if (dtype === "F32" && shape.length === 1 && isRowMajor(shape, strides) && byteOrder === "little")
    return tensor;
  throw wrong(file.path, `${what} is ${dtype} ${renderShape(shape)}, expected a float32 vector`);
}
