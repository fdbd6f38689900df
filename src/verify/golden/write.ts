import type { TensorToWrite } from "../../formats/safetensors/save.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { outputWidth } from "../../model/encoder-heads.ts";
import type { PromptOutput } from "../../runtime/model/forward.ts";
import type { ComputeDtype, Ops } from "../../runtime/backends/ops.ts";

/** Prompts, logits and hidden states as a golden file has them. */
export function goldenTensors(
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  outputs: readonly PromptOutput[],
): readonly TensorToWrite[] {
  return outputs.flatMap(({ logits: values, hiddenStates }, index) => {
    const ids = prompts[index] ?? [];
    const rows = positions[index] ?? [];
    const at = `prompt.${index}`;
    const tensors: TensorToWrite[] = [
      integers(`${at}.input_ids`, ids),
      floats(`${at}.logits`, [rows.length, outputWidth(config)], values),
    ];
    if (rows.length !== ids.length) tensors.push(integers(`${at}.positions`, rows));
    for (const [layer, states] of hiddenStates.entries()) {
      const shape = [ids.length, states.length / ids.length];
      tensors.push(floats(`${at}.hidden_states.${layer}`, shape, states));
    }
    return tensors;
  });
}

export function integers(name: string, values: readonly number[]): TensorToWrite {
  const bytes = new Uint8Array(Int32Array.from(values).buffer);
  return { name, dtype: "I32", shape: [values.length], bytes };
}

function floats(name: string, shape: readonly number[], values: Float32Array): TensorToWrite {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype: "F32", shape, bytes };
}

const TORCH_NAME: Readonly<Record<ComputeDtype, string>> = {
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
};

/** Who computed a golden, and in what. */
export function goldenMetadata(ops: Ops): ReadonlyMap<string, string> {
  return new Map([
    ["producer", `weighbridge, ${ops.description}`],
    ["dtype", TORCH_NAME[ops.compute]],
    ["device", ops.device],
  ]);
}
