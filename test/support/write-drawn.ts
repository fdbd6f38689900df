import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { expectedTensors } from "../../src/model/tensors.ts";
import { drawnWeights } from "./drawn-weights.ts";

/** A model of drawn weights, without a tokenizer. */
export async function writeDrawn(
  folder: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const text = JSON.stringify(fields);
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), text);
  const source = drawnWeights(parseModelConfig(text, "config.json"), "F32");
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let begin = 0;
  for (const { name, shape } of expectedTensors(parseModelConfig(text, "config.json"))) {
    const { bytes } = await source.read(name);
    header[name] = { dtype: "F32", shape, data_offsets: [begin, begin + bytes.byteLength] };
    begin += bytes.byteLength;
    parts.push(bytes);
  }
  const head = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.byteLength));
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat([length, head, ...parts]));
}
