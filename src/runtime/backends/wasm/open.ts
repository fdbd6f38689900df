import type { Backend } from "../backend.ts";
import { WasmCalls } from "./calls.ts";
import { kernelThreads, loadKernels } from "./kernels.ts";
import { WasmOps } from "./ops.ts";
import { composedSteps, kernelsOf } from "../steps/composed.ts";
import { openTensorFlowOps } from "./tensorflow.ts";
import { WasmValues } from "./values.ts";

/**
 * WebAssembly in Node: float32, nothing to install. TensorFlow.js, and beside it this package's kernels where they run.
 * @param threads How many the kernels use at most. @throws WbError WB6202 when a module cannot be loaded.
 */
export async function openWasm(threads = kernelThreads()): Promise<Backend> {
  const plain = await openTensorFlowOps();
  const module = loadKernels();
  if (module === undefined) return { ops: plain, steps: composedSteps(plain) };
  const values = new WasmValues(module, threads);
  const calls = new WasmCalls(values);
  const ops = new WasmOps(plain, values, calls, threads);
  return { ops, steps: composedSteps(ops, kernelsOf(calls)), keepsRows: true };
}
