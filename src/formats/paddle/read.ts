import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { isNdarray, parseNdarray } from "../numpy/ndarray.ts";
import { joinSlices, SLICES_KEY } from "./slices.ts";
import { isAllowedGlobal } from "../pickle/allow.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleReduce, PickleValue } from "../pickle/value.ts";
import { readPickle } from "../pickle/read.ts";
import type { FileSource } from "../../sources/file.ts";
import { chooseState, flattenChosen } from "../pytorch/choose-state.ts";
import type { PytorchOptions } from "../pytorch/table.ts";
import { isMapping, mappingEntries, type StateDictLeaf } from "../pytorch/state-dict.ts";

/** paddle.save's table from structured names to parameter names; paddle.load drops it too. */
const NAME_TABLE_KEY = "StructuredToParameterName@@";

/**
 * Opens a `.pdparams` file of any protocol: one pickle of numpy arrays (paddle v3.3, python/paddle/framework/io.py,
 * `save`). Arrays stay where they are.
 * @throws WbError WB32xx, WB34xx, WB44xx, WB52xx.
 */
export async function openPaddle(
  source: FileSource,
  options: PytorchOptions = {},
): Promise<Checkpoint> {
  const table = await readPaddle(source, options);
  return {
    format: "paddle",
    path: source.label,
    files: [source.label],
    ...table,
    metadata: new Map(),
    close: () => source.close(),
  };
}

/** The tensors of a `.pdparams` file, and what else is in it. */
export async function readPaddle(
  source: ByteSource,
  options: PytorchOptions = {},
): Promise<Pick<Checkpoint, "tensors" | "skipped" | "notes">> {
  const { label } = source;
  const { value, end } = await readPickle(source, 0, { allow: isAllowedGlobal, ...options });
  if (end !== source.byteLength) {
    throw new WbError(
      "WB3401",
      `${label}: ${source.byteLength - end} bytes follow the pickle that ends at byte ${end}; paddle.save writes one pickle and nothing more`,
      { details: { path: label } },
    );
  }
  const { root, slices, parameterNames, skipped } = takeTables(value, label);
  const tensors: StoredTensor[] = [];
  const chosen = chooseState(root, label, isArray, options.select);
  skipped.push(...chosen.leftOut);
  for (const leaf of flattenChosen(chosen, label, isArray)) {
    const call = arrayOf(leaf.value);
    if (call === undefined)
      skipped.push({ name: leaf.name, why: `not an array: ${describeValue(leaf.value)}` });
    else tensors.push(withParameter(storedTensor(leaf, call, label), parameterNames));
  }
  if (tensors.length === 0)
    throw new WbError("WB3401", `${label}: the pickle holds no arrays`, {
      details: { path: label },
    });
  const { notes } = chosen;
  return {
    tensors: slices === undefined ? tensors : joinSlices(tensors, slices, label),
    skipped,
    notes,
  };
}

interface Tables {
  readonly root: PickleValue;
  readonly slices: PickleValue | undefined;
  /** Paddle's own name of each parameter, by its name in the state dict. */
  readonly parameterNames: ReadonlyMap<string, string>;
  readonly skipped: { name: string; why: string }[];
}

/** Takes Paddle's own tables out of the top-level dict. */
function takeTables(root: PickleValue, label: string): Tables {
  if (!isMapping(root)) return { root, slices: undefined, parameterNames: new Map(), skipped: [] };
  const all = mappingEntries(root, label);
  const slices = all.find(([key]) => key === SLICES_KEY)?.[1];
  const table = all.find(([key]) => key === NAME_TABLE_KEY)?.[1];
  const entries = all.filter(([key]) => key !== SLICES_KEY && key !== NAME_TABLE_KEY);
  const skipped =
    table === undefined ? [] : [{ name: NAME_TABLE_KEY, why: "Paddle's table of parameter names" }];
  return {
    root: { kind: "dict", entries },
    slices,
    parameterNames: parameterNamesOf(table, label),
    skipped,
  };
}

function parameterNamesOf(
  table: PickleValue | undefined,
  label: string,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  if (table === undefined || !isMapping(table)) return names;
  for (const [key, value] of mappingEntries(table, label))
    if (typeof key === "string" && typeof value === "string") names.set(key, value);
  return names;
}

function withParameter(tensor: StoredTensor, names: ReadonlyMap<string, string>): StoredTensor {
  const parameterName = names.get(tensor.name);
  return parameterName === undefined ? tensor : { ...tensor, parameterName };
}

/**
 * The array that a value is or holds: outside of state dicts, Paddle reduces a tensor to tuple((name, array)).
 */
function arrayOf(value: PickleValue): PickleReduce | undefined {
  if (isNdarray(value)) return value;
  const pair = namedPair(value);
  return pair?.array;
}

function isArray(value: PickleValue): boolean {
  return arrayOf(value) !== undefined;
}

function namedPair(
  value: PickleValue,
): { readonly name: string; readonly array: PickleReduce } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  let tuple: PickleValue | undefined = value;
  if (value.kind === "reduce" && value.callable.name === "tuple") [tuple] = value.args.items;
  if (typeof tuple !== "object" || tuple?.kind !== "tuple" || tuple.items.length !== 2)
    return undefined;
  const [name, array] = tuple.items;
  return typeof name === "string" && array !== undefined && isNdarray(array)
    ? { name, array }
    : undefined;
}

function storedTensor(leaf: StateDictLeaf, call: PickleReduce, label: string): StoredTensor {
  // A single tensor on its own has no key; its own name then serves.
  const name = leaf.isWhole ? (namedPair(leaf.value)?.name ?? "tensor") : leaf.name;
  const facts = parseNdarray(call, `${label}: tensor ${shownName(name)}`);
  return { ...facts, name, dtype: paddleDtype(facts.dtype), storage: `${label}:${call.offset}` };
}

/** Paddle has no uint16: paddle.load makes a bfloat16 tensor of every such array. */
function paddleDtype(dtype: Dtype): Dtype {
  return dtype === "U16" ? "BF16" : dtype;
}
