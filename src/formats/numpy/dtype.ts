import { WbError } from "../../errors/wb-error.ts";
import { dtypesBy, type Dtype } from "../../tensor/dtype.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleValue } from "../pickle/value.ts";

const DTYPE_OF_CODE = dtypesBy("numpy");

export interface NumpyDtype {
  readonly dtype: Dtype;
  readonly byteOrder: "little" | "big";
}

/**
 * Reads numpy.dtype("f4", False, True) with the state (3, "<", None, None, None, −1, −1, 0).
 * @throws WbError WB3402 when it is malformed, WB4401 for object, text and structured dtypes.
 */
export function parseNumpyDtype(value: PickleValue | undefined, where: string): NumpyDtype {
  if (typeof value !== "object" || value?.kind !== "reduce" || value.callable.name !== "dtype") {
    throw malformed(where, `its dtype is ${describeValue(value)}`);
  }
  const [code] = value.args.items;
  if (typeof code !== "string")
    throw malformed(where, `its dtype's code is ${describeValue(code)}`);
  const dtype = DTYPE_OF_CODE.get(code.replace(/^[<>|=]/, ""));
  const state =
    typeof value.state === "object" && value.state?.kind === "tuple" ? value.state.items : [];
  if (
    dtype === undefined ||
    state.slice(2, 5).some((item) => item !== undefined && item !== null)
  ) {
    throw new WbError("WB4401", `${where}: its numpy dtype is ${JSON.stringify(code)}`, {
      details: { where },
    });
  }
  const order = typeof state[1] === "string" ? state[1] : /^[<>]/.exec(code)?.[0];
  if (order !== undefined && !["<", ">", "|", "="].includes(order)) {
    throw malformed(where, `its byte order is ${JSON.stringify(order)}`);
  }
  return { dtype, byteOrder: order === ">" ? "big" : "little" };
}

export function malformed(where: string, problem: string): WbError {
  return new WbError("WB3402", `${where}: ${problem}`, { details: { where } });
}
