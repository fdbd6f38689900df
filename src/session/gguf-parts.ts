import { basename } from "node:path";
import type { GgufWritten } from "../formats/gguf/metadata.ts";
import type { GgufParts } from "../formats/gguf/write.ts";
import { ROPE_FACTORS } from "../model/config/gguf-rope.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { ggufSettings, type GgufSetting } from "../model/config/to-gguf.ts";
import { MIXTURES } from "../mapping/gguf-mixture.ts";
import type { Plan } from "../mapping/plan.ts";
import { madeBy } from "../mapping/step.ts";
import type { Quantisation } from "../mapping/to-gguf.ts";
import { ggufTokenizer } from "./gguf-tokenizer.ts";

/** What a GGUF file says of its model, and what is to be said of it. */
export interface DescribedGguf {
  readonly parts: GgufParts;
  /** One sentence each. */
  readonly notes: readonly string[];
}

/**
 * The metadata of a conversion to GGUF.
 * @param home Where the tokenizer is.
 * @throws WbError WB4512 for what llama.cpp's files cannot say, and those of the tokenizer.
 */
export async function describeGguf(
  {
    config,
    folder,
    configPath,
  }: { readonly config: ModelConfig; readonly folder: string; readonly configPath: string },
  home: string,
  plan: Plan,
  quantize: Quantisation | undefined,
): Promise<DescribedGguf> {
  const { architecture, settings, ropeFactors, notes } = ggufSettings(config, configPath);
  const tokenizer = await ggufTokenizer(home, config.vocabSize);
  const keys = new Map<string, GgufWritten>([
    ["general.architecture", { type: "text", value: architecture }],
    ["general.type", { type: "text", value: "model" }],
    ["general.name", { type: "text", value: basename(folder) }],
    ...settings.map((setting) => [`${architecture}.${setting[0]}`, writtenOf(setting)] as const),
    ["general.file_type", { type: "u32", value: fileType(plan, quantize) }],
    ["general.quantization_version", { type: "u32", value: 2 }],
    ...tokenizer.keys,
  ]);
  return {
    parts: {
      keys,
      made: ropeFactors === undefined ? [] : [{ name: ROPE_FACTORS, values: ropeFactors }],
    },
    notes: [...notes, ...tokenizer.notes],
  };
}

function writtenOf(setting: GgufSetting): GgufWritten {
  switch (setting[1]) {
    case "text":
      return { type: "text", value: setting[2] };
    case "flag":
      return { type: "flag", value: setting[2] };
    default:
      return { type: setting[1], value: setting[2] };
  }
}

/** llama.cpp's number of what was asked for, or of what most numbers are kept as (b4500, include/llama.h, `llama_ftype`). */
function fileType({ steps }: Plan, quantize: Quantisation | undefined): number {
  const asked = FILE_TYPES.get(quantize ?? "");
  if (asked !== undefined) return asked;
  const elements = new Map<string, number>();
  for (const step of steps) {
    if (step.kind === "drop" || step.kind === "add") continue;
    const { shape, dtype } = madeBy(step);
    const type = step.cast ?? dtype;
    const count = shape.reduce((product, size) => product * size, 1);
    elements.set(type, (elements.get(type) ?? 0) + count);
  }
  const [most] = [...elements].toSorted(([, left], [, right]) => right - left)[0] ?? [];
  return FILE_TYPES.get(most ?? "") ?? 0;
}

const FILE_TYPES: ReadonlyMap<string, number> = new Map([
  ["F32", 0],
  ["F16", 1],
  ["BF16", 32],
  ...Object.entries(MIXTURES).map(([name, { fileType: number }]) => [name, number] as const),
]);
