import { isAllowedGlobal } from "../pickle/allow.ts";

/**
 * What DeepSpeed's optimizer states name beside tensors, by exact names (DeepSpeed v0.19.8, runtime/zero/stage_1_and_2.py and
 * stage3.py, `state_dict`). None is called.
 */
const ALLOWED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["deepspeed.runtime.zero.config", new Set(["ZeroStageEnum"])],
  [
    "deepspeed.runtime.fp16.loss_scaler",
    new Set(["LossScaler", "LossScalerBase", "DynamicLossScaler"]),
  ],
  ["deepspeed.utils.tensor_fragment", new Set(["fragment_address"])],
]);

/** Whether the states of DeepSpeed's optimizers may name this global. */
export function isOfZero(module: string, name: string): boolean {
  return ALLOWED.get(module)?.has(name) === true || isAllowedGlobal(module, name);
}
