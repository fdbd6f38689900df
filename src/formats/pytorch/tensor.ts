import { WbError } from "../../errors/wb-error.ts";
import { dtypeRow, type Dtype } from "../../tensor/dtype.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleReduce, PickleValue } from "../pickle/value.ts";
import type { LazyBits } from "./lazy-bits.ts";
import { isOldParameter, isOldTensor, oldTensorCall } from "./old-tensor.ts";
import { isMapping, mappingEntries } from "./state-dict.ts";
import {
  dtypeOfTorchName,
  isCount,
  malformed,
  parseStorageRef,
  type StorageRef,
} from "./storage.ts";

/** A tensor as its rebuild call describes it; offset and strides in elements of `dtype`. */
export interface TorchTensor {
  readonly storage: StorageRef;
  readonly dtype: Dtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** Where the values are not those of the storage, but their conjugates or negatives. */
  readonly lazy?: LazyBits | undefined;
}

/** Dimensions of a tensor; torch allows 64. */
const MAX_DIMENSIONS = 64;

/** Wrappers around another rebuild call; a Parameter in a Parameter in a Parameter is nobody's honest file. */
const MAX_WRAPPERS = 4;

/** Calls that make a tensor, and what we say of those that are more than plain elements. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ["_rebuild_sparse_tensor", "sparse"],
  ["_rebuild_sparse_csr_tensor", "sparse"],
  ["_rebuild_qtensor", "quantised"],
  ["_rebuild_nested_tensor", "nested"],
  ["_rebuild_meta_tensor_no_storage", "a meta tensor, which has no elements"],
  ["_rebuild_device_tensor_from_numpy", "of a device that stores through numpy"],
]);

const PARAMETER_CALLS: ReadonlySet<string> = new Set([
  "_rebuild_parameter",
  "_rebuild_parameter_with_state",
]);

/** True for a value that stands for a tensor, supported or not. */
export function isTorchTensor(value: PickleValue): value is PickleReduce {
  if (typeof value !== "object" || value?.kind !== "reduce") return false;
  const { module, name } = value.callable;
  if (isOldTensor(value) || isOldParameter(value)) return true;
  return (module === "torch._utils" && name.startsWith("_rebuild_")) || module === "torch._tensor";
}

/**
 * Reads a rebuild call as data: torch/_utils.py of v2.6.0, `_rebuild_tensor` (storage, offset, size, stride), `_v2`
 * (… requires_grad, hooks[, metadata]), `_v3` (… dtype), `_rebuild_parameter` and `_rebuild_from_type_v2` around them.
 * @throws WbError WB3302, WB4301, WB4303.
 */
export function parseTorchTensor(value: PickleValue, where: string): TorchTensor {
  const { name, items } = unwrappedCall(value, where);
  const kind = UNSUPPORTED.get(name);
  if (kind !== undefined)
    throw new WbError("WB4301", `${where}: the tensor is ${kind}`, { details: { where } });
  return parsePlain(name, items, where);
}

/** A rebuild call without the parameters and subclasses around it. */
export interface RebuildCall {
  readonly name: string;
  readonly items: readonly PickleValue[];
}

/**
 * The call of torch's that makes a tensor itself, its storage or its parts among the arguments.
 * @throws WbError WB3302 for a call that is none, or that is changed after it.
 */
export function unwrappedCall(value: PickleValue, where: string): RebuildCall {
  let call = value;
  for (let depth = 0; depth <= MAX_WRAPPERS; depth++) {
    if (!isTorchTensor(call))
      throw malformed(where, `expected a tensor, found ${describeValue(call)}`);
    const old = isOldParameter(call) || isOldTensor(call) ? oldCall(call, where) : undefined;
    if (old !== undefined) {
      call = old;
      continue;
    }
    const { name } = call.callable;
    const { items } = call.args;
    refuseChanges(call, where);
    refuseValueAttributes(STATE_ARGUMENTS.has(name) ? items[3] : undefined, where);
    if (PARAMETER_CALLS.has(name)) call = items[0] ?? null;
    else if (name === "_rebuild_from_type_v2") call = innerCall(call, where);
    else return { name, items };
  }
  throw malformed(where, `more than ${MAX_WRAPPERS} rebuild calls around one tensor`);
}

/** @throws WbError WB3302 for an object that was given no storage. */
function oldCall(value: PickleReduce, where: string): PickleReduce {
  const [first] = value.args.items;
  const isWrapped = isOldParameter(value) && typeof first === "object" && first?.kind === "reduce";
  const call = isWrapped && value.state === undefined ? first : oldTensorCall(value);
  if (call !== undefined) return call;
  throw malformed(
    where,
    `${describeValue(value)} was not given a storage, an offset, sizes and strides`,
  );
}

/** BUILD calls set_() on a tensor and SETITEM assigns to it: then its values are not those of its storage. */
function refuseChanges(call: PickleReduce, where: string): void {
  if (call.state === undefined && call.items.length === 0 && call.entries.length === 0) return;
  throw malformed(where, "it is changed after it was rebuilt");
}

/** Calls whose fourth argument holds Python attributes of the tensor. */
const STATE_ARGUMENTS: ReadonlySet<string> = new Set([
  "_rebuild_from_type_v2",
  "_rebuild_parameter_with_state",
]);

/** Attributes whose setters write other values into the tensor. */
const VALUE_ATTRIBUTES: ReadonlySet<PickleValue> = new Set(["data", "real", "imag"]);

/** Attributes come as a dict, or as a pair of dicts: plain ones and those of slots. */
function refuseValueAttributes(state: PickleValue | undefined, where: string): void {
  const isPair = typeof state === "object" && state?.kind === "tuple";
  for (const attributes of isPair ? state.items : [state ?? null]) {
    if (attributes === null) continue;
    if (typeof attributes !== "object" || !isMapping(attributes))
      throw malformed(where, `its attributes are ${describeValue(attributes)}, expected a dict`);
    const changed = mappingEntries(attributes, where).find(([key]) => VALUE_ATTRIBUTES.has(key));
    if (changed !== undefined)
      throw malformed(where, `its attribute ${describeKey(changed[0])} replaces its values`);
  }
}

/** (function, type, args, state): the tensor is function(*args); state holds Python attributes. */
function innerCall(call: PickleReduce, where: string): PickleReduce {
  const [callable, , args] = call.args.items;
  const isCall = typeof callable === "object" && callable?.kind === "global";
  if (!isCall || typeof args !== "object" || args?.kind !== "tuple") {
    throw malformed(where, "its rebuild call does not name a function and its arguments");
  }
  return { kind: "reduce", callable, args, offset: call.offset, items: [], entries: [] };
}

function parsePlain(name: string, items: readonly PickleValue[], where: string): TorchTensor {
  const storage = parseStorageRef(items[0], where);
  const dtype = plainDtype(name, storage, items, where);
  const metadata =
    name === "_rebuild_tensor_v2" ? items[6] : name === "_rebuild_tensor_v3" ? items[7] : undefined;
  return { ...parsePlace(items, where), storage, dtype, lazy: lazyBits(metadata, where) };
}

/** Where in its storage a tensor is: offset, sizes and strides, the second to fourth argument of every call that has a storage. */
export function parsePlace(
  [, offset, size, stride]: readonly PickleValue[],
  where: string,
): Pick<TorchTensor, "offset" | "shape" | "strides"> {
  if (!isCount(offset)) throw malformed(where, `its offset is ${describeValue(offset)}`);
  const shape = parseSizes(size, "shape", where);
  const strides = parseSizes(stride, "strides", where);
  if (shape.length !== strides.length) {
    throw malformed(where, `it has ${shape.length} dimensions but ${strides.length} strides`);
  }
  return { offset, shape, strides };
}

function plainDtype(
  name: string,
  storage: StorageRef,
  items: readonly PickleValue[],
  where: string,
): Dtype {
  switch (name) {
    case "_rebuild_tensor":
    case "_rebuild_tensor_v2":
      if (storage.dtype === undefined) throw malformed(where, "its storage has no dtype");
      return storage.dtype;
    case "_rebuild_tensor_v3": {
      const dtype = items[6];
      if (typeof dtype !== "object" || dtype?.kind !== "global") {
        throw malformed(where, `expected a dtype, found ${describeValue(dtype)}`);
      }
      return dtypeOfTorchName(dtype, where);
    }
    default:
      throw new WbError("WB4301", `${where}: the tensor is made by torch._utils.${name}`, {
        details: { where },
      });
  }
}

/** torch sets a bit for each key that is there, whatever its value: torch/csrc/jit/serialization/pickler.h of v2.6.0, `setTensorMetadata`. */
function lazyBits(metadata: PickleValue | undefined, where: string): LazyBits | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  if (typeof metadata !== "object" || !isMapping(metadata))
    throw malformed(where, `its metadata is ${describeValue(metadata)}, expected a dict`);
  const keys = new Set<PickleValue>();
  for (const [key, value] of mappingEntries(metadata, where)) {
    if ((key !== "conj" && key !== "neg") || typeof value !== "boolean") {
      throw new WbError(
        "WB4301",
        `${where}: its metadata has ${describeKey(key)}: ${describeValue(value)}, which is not understood`,
        { details: { where } },
      );
    }
    keys.add(key);
  }
  return keys.size === 0 ? undefined : { conj: keys.has("conj"), neg: keys.has("neg") };
}

function describeKey(key: PickleValue): string {
  return typeof key === "string" ? key : describeValue(key);
}

/** A tuple of sizes, or torch.Size((…)). @throws WbError WB3302 for anything else. */
export function parseSizes(
  value: PickleValue | undefined,
  what: string,
  where: string,
): readonly number[] {
  let list = value;
  if (typeof list === "object" && list?.kind === "reduce" && list.callable.name === "Size")
    list = list.args.items[0];
  if (typeof list !== "object" || (list?.kind !== "tuple" && list?.kind !== "list")) {
    throw malformed(where, `its ${what} is ${describeValue(list)}, expected a tuple`);
  }
  const sizes: number[] = [];
  for (const item of list.items) {
    if (!isCount(item)) throw malformed(where, `its ${what} has an element that is no size`);
    sizes.push(item);
  }
  if (sizes.length > MAX_DIMENSIONS)
    throw new WbError(
      "WB4301",
      `${where}: it has ${sizes.length} dimensions, more than the ${MAX_DIMENSIONS} that can be written`,
      {
        hint: "Give it fewer before saving: tensor.flatten(). --data-only takes the file's other tensors and lists this one as left out.",
        details: { where },
      },
    );
  return sizes;
}

/** Elements of the storage that the tensor reaches: one past the last; 0 for an empty tensor, undefined on overflow. */
export function reachedElements(
  tensor: Pick<TorchTensor, "offset" | "shape" | "strides">,
): number | undefined {
  if (tensor.shape.includes(0)) return 0;
  let last = tensor.offset;
  for (const [axis, size] of tensor.shape.entries()) {
    last += (size - 1) * (tensor.strides[axis] ?? Number.NaN);
    if (!Number.isSafeInteger(last)) return undefined;
  }
  return last + 1;
}

/** Bytes of one element as torch counts them: two 4-bit floats are one. @throws WbError WB4303. */
export function torchItemBytes(dtype: Dtype, where: string): number {
  const { bits, torchPacked } = dtypeRow(dtype);
  const bytes = (bits * (torchPacked ?? 1)) / 8;
  if (Number.isInteger(bytes)) return bytes;
  throw new WbError("WB4303", `${where}: dtype ${dtype} has parts of bytes`, {
    details: { where },
  });
}
