import { WbError } from "../../../errors/wb-error.ts";

/** An array of TensorFlow, by its number in the addon's table. */
export interface Handle {
  readonly id: number;
  readonly shape: readonly number[];
  /** A TF_DataType. */
  readonly dtype: number;
}

/** An attribute of an operation; `type` is a TF_AttrType as the addon numbers them. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | readonly number[];
}

/** What the addon of @tensorflow/tfjs-node offers, as far as it is used (4.22.0, binding/tfjs_binding.cc). */
export interface Binding {
  readonly TF_Version: string;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  createTensor(
    shape: readonly number[],
    dtype: number,
    data: Float32Array | Int32Array | Uint8Array,
  ): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): unknown;
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): Handle[];
  /** Loads the SavedModel of a folder into a session of its own. @returns its number. */
  loadSavedModel(folder: string, tag: string): number;
  /** @param inputs arrays for the outputs of nodes that are named in order, "a:0,b:0"; @param outputs named likewise. */
  runSavedModel(
    session: number,
    arrays: readonly number[],
    inputs: string,
    outputs: string,
  ): Handle[];
  deleteSavedModel(session: number): void;
  getNumOfSavedModels(): number;
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
}

const FUNCTIONS = [
  "createTensor",
  "deleteTensor",
  "tensorDataSync",
  "executeOp",
  "loadSavedModel",
  "runSavedModel",
  "deleteSavedModel",
  "getNumOfSavedModels",
  "isUsingGpuDevice",
  "getNumOfTensors",
];
const NUMBERS = ["TF_ATTR_INT", "TF_ATTR_FLOAT", "TF_ATTR_BOOL", "TF_ATTR_TYPE"];

export function isBinding(value: unknown): value is Binding {
  if (typeof value !== "object" || value === null) return false;
  const members = new Map<string, unknown>(
    [...FUNCTIONS, ...NUMBERS, "TF_Version"].map((name) => [name, Reflect.get(value, name)]),
  );
  return (
    FUNCTIONS.every((name) => typeof members.get(name) === "function") &&
    NUMBERS.every((name) => typeof members.get(name) === "number") &&
    typeof members.get("TF_Version") === "string"
  );
}

/** TF_DataType (tensorflow/c/tf_datatype.h, v2.21.0). */
export const TF_FLOAT = 1;
export const TF_INT32 = 3;
export const TF_UINT8 = 4;
export const TF_BFLOAT16 = 14;
export const TF_HALF = 19;

/** What TensorFlow's messages say when memory is at an end, on the CPU and on a GPU. */
const OUT_OF_MEMORY = /OOM|RESOURCE_EXHAUSTED|out of memory|failed to allocate|bad_alloc/i;

/** Runs one operation with one result. @throws WbError WB6003 when memory is at an end, else WB6202. */
export function execute(
  binding: Binding,
  name: string,
  inputs: readonly number[],
  attributes: readonly OpAttribute[],
): Handle {
  const [result] = executeAll(binding, name, inputs, attributes, 1);
  if (result === undefined) throw new WbError("WB7001", `TensorFlow's ${name} gave no result`);
  return result;
}

/** As `execute`, with any number of results. */
export function executeAll(
  binding: Binding,
  name: string,
  inputs: readonly number[],
  attributes: readonly OpAttribute[],
  results: number,
): readonly Handle[] {
  try {
    return binding.executeOp(name, attributes, inputs, results);
  } catch (error) {
    throw failure(name, error);
  }
}

export function failure(name: string, error: unknown): WbError {
  const reason = error instanceof Error ? error.message : String(error);
  const code = OUT_OF_MEMORY.test(reason) ? "WB6003" : "WB6202";
  return new WbError(code, `TensorFlow's ${name} failed: ${reason}`, {
    details: { operation: name },
    cause: error,
  });
}
