import type { ModelConfig } from "../model/config/model-config.ts";
import { familyOf } from "../model/families.ts";
import { nameReader } from "../model/names/read.ts";
import type { Checkpoint } from "../tensor/table.ts";

/** The configuration with what only the stored names tell: parts that models of the family have or not. */
export function withOptionalParts(config: ModelConfig, { tensors }: Checkpoint): ModelConfig {
  const family = familyOf(config.family);
  if (family.optionalParts === undefined || config.encoder === undefined) return config;
  const reader = nameReader(family);
  const names = new Set(
    tensors.flatMap(({ name }) => {
      const reading = reader.reading(reader.parse(name).pattern);
      if (reading?.kind !== "make") return [];
      return reading.statements.flatMap(({ canonical }) => canonical.map((one) => one.name));
    }),
  );
  const parts = family.optionalParts((name) => names.has(name));
  return { ...config, encoder: { ...config.encoder, ...parts } };
}
