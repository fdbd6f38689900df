import { WbError } from "../../errors/wb-error.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { protoFields, type ProtoField } from "../protobuf-fields.ts";
import { tensorDescription } from "./raw-tensors.ts";

/** A parameter as a program of Paddle's declares it. */
export interface ProgramParameter {
  readonly name: string;
  /** Undefined where the program names a type that has no counterpart. */
  readonly dtype: Dtype | undefined;
  readonly shape: readonly number[];
}

/** Kinds of variables that hold no tensors of the model: feeds, fetches, readers and what has no type (framework.proto, v3.3.1). */
const NO_TENSOR = new Set([9, 10, 15, 17]);

/** Types as a program in JSON names them (paddle/fluid/pir/serialize_deserialize, v3.3.1). */
const DTYPE_OF_JSON: ReadonlyMap<string, Dtype> = new Map([
  ["t_bool", "BOOL"],
  ["t_ui8", "U8"],
  ["t_i8", "I8"],
  ["t_i16", "I16"],
  ["t_i32", "I32"],
  ["t_i64", "I64"],
  ["t_f16", "F16"],
  ["t_bf16", "BF16"],
  ["t_f32", "F32"],
  ["t_f64", "F64"],
  ["t_c64", "C64"],
  ["t_c128", "C128"],
]);

/**
 * The parameters of a program in JSON (`inference.json`, Paddle 3): the operations "p" of its first block.
 * @throws WbError WB3406.
 */
export function parametersOfJson(text: string, path: string): readonly ProgramParameter[] {
  const json = parsed(text, path);
  const { magic } = fields(fields(json)["base_code"]);
  if (magic !== "pir") throw unreadable(path, "it is no program of Paddle's");
  const region = list(fields(fields(json)["program"])["regions"])[0];
  const block = list(fields(region)["blocks"])[0];
  const parameters: ProgramParameter[] = [];
  for (const operation of list(fields(block)["ops"])) {
    const { "#": kind, A: attributes, O: output } = fields(operation);
    if (kind !== "p") continue;
    const name = list(attributes)[3];
    const [type, shape] = list(fields(fields(output)["TT"])["D"]);
    const code = fields(type)["#"];
    const sizes = list(shape);
    if (typeof name !== "string" || typeof code !== "string" || !sizes.every(isSize))
      throw unreadable(path, "a parameter has no name, type or shape");
    const dtype = DTYPE_OF_JSON.get(code.slice(code.indexOf(".") + 1));
    parameters.push({ name, dtype, shape: sizes });
  }
  return parameters;
}

/**
 * The parameters of a program in protobuf (`.pdmodel`): the variables of its first block that last.
 * @throws WbError WB3406.
 */
export function parametersOfModel(bytes: Uint8Array, path: string): readonly ProgramParameter[] {
  const message = (data: Uint8Array): readonly ProtoField[] => {
    const found = protoFields(data);
    if (found === undefined) throw unreadable(path, "it is no protobuf");
    return found;
  };
  const block = message(bytes).find(({ number, type }) => number === 1 && type === 2);
  if (block === undefined) throw unreadable(path, "its program has no block");
  const parameters: ProgramParameter[] = [];
  for (const variable of message(block.bytes)) {
    if (variable.number !== 3 || variable.type !== 2) continue;
    const facts = message(variable.bytes);
    const lasts = facts.some(
      ({ number, type, value }) => number === 3 && type === 0 && value === 1,
    );
    const kind = facts.find(({ number, type }) => number === 2 && type === 2);
    const name = facts.find(({ number, type }) => number === 1 && type === 2);
    if (name === undefined || kind === undefined)
      throw unreadable(path, "a variable has no name or type");
    const type = message(kind.bytes);
    const code = type.find(({ number }) => number === 1)?.value;
    if (!lasts || (code !== undefined && NO_TENSOR.has(code))) continue;
    const dense = type.find((field) => field.number === 3 && field.type === 2);
    const tensor =
      dense && message(dense.bytes).find((field) => field.number === 1 && field.type === 2);
    const described = tensor && tensorDescription(tensor.bytes);
    if (described === undefined)
      throw unreadable(path, "a variable that lasts is described as no tensor");
    parameters.push({ name: Buffer.from(name.bytes).toString("utf8"), ...described });
  }
  return parameters;
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(path, `it is no JSON: ${String(error)}`);
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function unreadable(path: string, problem: string): WbError {
  return new WbError("WB3406", `${path}: ${problem}, so the tensors have no names`, {
    details: { path },
  });
}
