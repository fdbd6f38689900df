import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors, type TensorToWrite } from "../formats/safetensors/save.ts";
import { ConfigFields } from "../model/config/fields.ts";
import { resolveModelConfig } from "../model/config/parse.ts";
import { expectedTensors } from "../model/tensors.ts";
import { seededRandom } from "../runtime/generation/random.ts";
import { f32Bits, f32BitsToF16 } from "../tensor/float-bits.ts";

/** Of the true architecture; hidden, intermediate and vocabulary sizes all differ, so that layouts can be told. */
const CONFIG = {
  architectures: ["InternLMForCausalLM"],
  model_type: "internlm",
  bias: true,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 2,
  hidden_act: "silu",
  hidden_size: 64,
  intermediate_size: 176,
  max_position_embeddings: 256,
  num_attention_heads: 4,
  num_hidden_layers: 3,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
  torch_dtype: "float16",
  vocab_size: 512,
} as const;

/** Spread of the weights: large enough that every layer matters. */
const SPREAD = 0.15;

/** Writes a model folder with drawn float16 weights, the same each time. */
export async function writeDemoModel(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), `${JSON.stringify(CONFIG, undefined, 2)}\n`);
  await writeSafetensors(
    join(folder, "model.safetensors"),
    drawTensors(),
    new Map([["format", "pt"]]),
  );
}

function drawTensors(): readonly TensorToWrite[] {
  const random = seededRandom(7);
  // The sum of twelve uniform numbers less six is close to a normal one.
  const normal = (): number => {
    let sum = -6;
    for (let count = 0; count < 12; count++) sum += random();
    return sum;
  };
  return expectedTensors(resolveModelConfig(new ConfigFields(CONFIG, "config.json"))).map(
    ({ name, shape, parameter }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      // Norms scale what they are given by numbers around 1.
      const center = parameter.role.endsWith("Norm") ? 1 : 0;
      const halves = Uint16Array.from({ length }, () =>
        f32BitsToF16(f32Bits(center + SPREAD * normal())),
      );
      return { name, dtype: "F16", shape, bytes: new Uint8Array(halves.buffer) };
    },
  );
}
