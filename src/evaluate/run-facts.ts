import type { Evaluation } from "./open-evaluation.ts";
import type { RunFacts } from "./result.ts";
import type { Variant } from "./tasks/task.ts";

/** What a run was made with. @param begin `performance.now()` when it began. */
export function runFacts(
  model: string,
  variant: Variant,
  { runtime, maxLength }: Evaluation,
  begin: number,
): RunFacts {
  const { ops, plan, activations } = runtime;
  return {
    model,
    variant,
    device: ops.device,
    backend: ops.description,
    compute: ops.compute,
    activations,
    residence: plan.residence,
    maxLength,
    seconds: (performance.now() - begin) / 1000,
  };
}
