import { leftOut } from "../../tensor/left-out.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { persistentsIn } from "../pytorch/storage-keys.ts";
import type { PickleValue } from "../pickle/value.ts";
import { namedEntries } from "./fields.ts";
import type { StateFile } from "./state-file.ts";
import type { ModelStates, OptimizerStates } from "./states.ts";

/** Keys of model states that hold parameters in the forms that the float32 weights replace. */
const REPLACED: ReadonlySet<string> = new Set(["module", "frozen_param_fragments"]);

const REPLACED_BY = "the copy that was trained with; its float32 weights are taken";

/** What the files hold beside the weights that were put together. */
export function leftOutOf(
  model: StateFile,
  states: ModelStates,
  taken: ReadonlyMap<string, StoredTensor>,
  ranks: readonly { readonly file: StateFile; readonly states: OptimizerStates }[],
  folder: string,
): Pick<Checkpoint, "skipped"> & { readonly notes: readonly string[] } {
  const top = namedEntries(model.value, "the file", model.path);
  const skipped: { name: string; why: string }[] = [];
  const strays: string[] = [];
  const trained = new Set(states.shapes.flatMap((group) => [...group.keys()]));
  for (const name of states.parameters.keys()) {
    if (trained.has(name)) skipped.push({ name: `module.${name}`, why: REPLACED_BY });
    else if (!taken.has(name)) {
      strays.push(name);
      skipped.push({ name: `module.${name}`, why: "in no group of the optimizer's" });
    }
  }
  const others = [...top].filter(([key, value]) => !REPLACED.has(key) && hasTensors(value));
  for (const [key] of others) skipped.push({ name: key, why: "beside the model" });
  for (const { file } of ranks)
    skipped.push({ name: file.path, why: "the optimizer's state but for the float32 weights" });
  const said = [...strays.map((name) => `module.${name}`), ...others.map(([key]) => key)];
  const notes = said.length === 0 ? [] : [leftOut(`${folder}: ${said.join(", ")}`)];
  return { skipped, notes };
}

function hasTensors(value: PickleValue): boolean {
  return !(persistentsIn(value).next().done ?? true);
}
