import type { PickleValue } from "../pickle/value.ts";
import { countIn, listItems, namedEntries, sizesIn, textIn, wrong } from "./fields.ts";

/** What a file of model states tells of the parameters (DeepSpeed v0.19.8, runtime/engine.py, `_save_checkpoint`). */
export interface ModelStates {
  /** Buffers of the module, in its order. */
  readonly buffers: ReadonlyMap<string, PickleValue>;
  /** The module's other entries: parameters in the dtype that they were used in, empty ones in ZeRO 3. */
  readonly parameters: ReadonlyMap<string, PickleValue>;
  /** Shapes of the trained parameters, by name, a map a group of the optimizer's. */
  readonly shapes: readonly ReadonlyMap<string, readonly number[]>[];
  readonly frozenShapes: ReadonlyMap<string, readonly number[]>;
  /** Parameters that are not trained: whole ones up to ZeRO 2, this rank's part in ZeRO 3. */
  readonly frozen: ReadonlyMap<string, PickleValue>;
  /** Other names of a parameter, and the name that it has in `shapes`. */
  readonly shared: readonly (readonly [alias: string, name: string])[];
}

/** What a rank's file of optimizer states holds of the float32 weights. */
export interface OptimizerStates {
  readonly stage: 1 | 2 | 3;
  /** Files among which the weights are divided. */
  readonly ranks: number;
  /** This rank's part of each group, flat. */
  readonly groups: readonly PickleValue[];
  /** Elements behind each parameter that belong to none, a list a group; undefined where nothing says so. */
  readonly paddings: readonly (readonly number[])[] | undefined;
}

/** @throws WbError WB3608. */
export function modelStates(value: PickleValue, label: string): ModelStates {
  const top = namedEntries(value, "the file", label);
  if (!top.has("param_shapes") || !top.has("buffer_names"))
    throw wrong(label, "it has no param_shapes and buffer_names, which say what the parts make");
  const named = listItems(top.get("buffer_names"), "buffer_names", label);
  const bufferNames = new Set(named);
  const shared = namedEntries(top.get("shared_params"), "shared_params", label);
  const module = [...namedEntries(top.get("module"), "module", label)];
  return {
    buffers: new Map(module.filter(([name]) => bufferNames.has(name))),
    parameters: new Map(module.filter(([name]) => !bufferNames.has(name))),
    shapes: listItems(top.get("param_shapes"), "param_shapes", label).map((group) =>
      shapesIn(group, "param_shapes", label),
    ),
    frozenShapes: shapesIn(top.get("frozen_param_shapes"), "frozen_param_shapes", label),
    frozen: namedEntries(top.get("frozen_param_fragments"), "frozen_param_fragments", label),
    shared: [...shared].map(([alias, name]) => [alias, textIn(name, "shared_params", label)]),
  };
}

/** @throws WbError WB3608. */
export function optimizerStates(value: PickleValue, label: string): OptimizerStates {
  const top = namedEntries(value, "the file", label);
  const states = namedEntries(top.get("optimizer_state_dict"), "optimizer_state_dict", label);
  const stage = stageIn(states.get("zero_stage"), label);
  const key = stage === 3 ? "fp32_flat_groups" : "single_partition_of_fp32_groups";
  const paddings = states.get("param_alignment_paddings") ?? null;
  return {
    stage,
    ranks: ranksIn(states.get("partition_count"), label),
    groups: listItems(states.get(key), key, label),
    paddings:
      paddings === null
        ? undefined
        : listItems(paddings, "param_alignment_paddings", label).map((group) =>
            listItems(group, "param_alignment_paddings", label).map((item) =>
              countIn(item, "param_alignment_paddings", label),
            ),
          ),
  };
}

function shapesIn(
  value: PickleValue | undefined,
  what: string,
  label: string,
): ReadonlyMap<string, readonly number[]> {
  const entries = [...namedEntries(value, what, label)];
  return new Map(entries.map(([name, shape]) => [name, sizesIn(shape, what, label)]));
}

/** An integer, or the call of the enumeration that it is a value of. */
function stageIn(value: PickleValue | undefined, label: string): OptimizerStates["stage"] {
  const isEnum = typeof value === "object" && value?.kind === "reduce";
  const stage = isEnum ? value.args.items[0] : value;
  if (stage === 1 || stage === 2 || stage === 3) return stage;
  throw wrong(label, "its optimizer states do not say which stage of ZeRO they are of");
}

/** A group of experts may be divided among fewer: the largest is the number of files. */
function ranksIn(value: PickleValue | undefined, label: string): number {
  if (typeof value === "number") return countIn(value, "partition_count", label);
  const counts = listItems(value, "partition_count", label).map((item) =>
    countIn(item, "partition_count", label),
  );
  return Math.max(0, ...counts);
}
