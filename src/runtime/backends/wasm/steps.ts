import type { Ops } from "../ops.ts";
import { composedSteps } from "../steps/composed.ts";
import type { Steps } from "../steps/steps.ts";
import type { WasmCalls } from "./calls.ts";

/** The steps of this package's kernels in WebAssembly. */
export function wasmSteps(ops: Ops, calls: WasmCalls): Steps {
  return composedSteps(ops, {
    linears: (x, layers) => calls.linears(x, layers),
    gatedLinear: (x, gate, up) => calls.gatedLinear(x, gate, up),
    rotateHalves: (x, cos, sin) => calls.rotateHalves(x, cos, sin),
    join: (rows, more) => calls.join(rows, more),
    attention: (queries, keys, values, mask) => calls.attention(queries, keys, values, mask),
  });
}
