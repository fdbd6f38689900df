import { targetBytes } from "../mapping/render-plan.ts";
import type { Plan, TargetFormat } from "../mapping/plan.ts";
import { madeBy, type WriteStep } from "../mapping/step.ts";
import type { OutputPlan, OutputTensor } from "./output-tensor.ts";
import { planPaddleFile } from "../formats/paddle/write.ts";
import { planPytorchFile } from "../formats/pytorch/write.ts";
import { planSafetensorsFile } from "../formats/safetensors/write.ts";
import { shardIndex, shardName, shardTensors } from "./shard.ts";

interface FormatFacts {
  readonly stem: string;
  readonly extension: string;
  plan(name: string, tensors: readonly OutputTensor[]): OutputPlan;
}

const FORMATS: Readonly<Record<TargetFormat, FormatFacts>> = {
  safetensors: { stem: "model", extension: "safetensors", plan: planSafetensorsFile },
  pytorch: { stem: "pytorch_model", extension: "bin", plan: planPytorchFile },
  paddle: { stem: "model_state", extension: "pdparams", plan: planPaddleFile },
};

/** The weight files of a conversion, and their index where there are several. */
export interface Outputs {
  readonly files: readonly OutputPlan[];
  readonly tensors: readonly OutputTensor[];
  readonly index: { readonly name: string; readonly text: string } | undefined;
}

/** Lays out every output file; pure. @throws WbError WB4901 for a dtype that the format cannot hold. */
export function planOutputs(
  plan: Plan,
  to: TargetFormat,
  maxShardBytes: number | undefined,
): Outputs {
  const tensors = plan.steps.filter((step) => step.kind !== "drop").map(outputTensor);
  const format = FORMATS[to];
  const { stem, extension } = format;
  const shards = shardTensors(tensors, maxShardBytes);
  const named = shards.map((shard, index) => ({
    name: shardName(stem, extension, index, shards.length),
    tensors: shard,
  }));
  return {
    files: named.map(({ name, tensors: shard }) => format.plan(name, shard)),
    tensors,
    index:
      shards.length > 1
        ? { name: `${stem}.${extension}.index.json`, text: shardIndex(named) }
        : undefined,
  };
}

function outputTensor(step: WriteStep): OutputTensor {
  const { dtype, shape } = madeBy(step);
  return {
    name: step.to,
    dtype: step.cast ?? dtype,
    shape,
    byteLength: targetBytes(step),
    step,
  };
}
