import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError } from "../errors/wb-error.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";

/** Fields of generation_config.json that make a framework's generate choose other ids than the likeliest. */
const CHOOSING = [
  "num_beams",
  "num_beam_groups",
  "suppress_tokens",
  "begin_suppress_tokens",
  "bad_words_ids",
  "no_repeat_ngram_size",
  "repetition_penalty",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "sequence_bias",
  "min_length",
  "min_new_tokens",
  "penalty_alpha",
] as const;

/** The logits are right and greedy ids are not: they were chosen in another way. */
export async function greedyDiagnosis(folder: string): Promise<Diagnosis> {
  const set = await choosingFields(folder);
  const why =
    set.length === 0
      ? "generation_config.json beside the model has nothing that chooses other ids"
      : `generation_config.json beside the model sets ${set.join(", ")}, which chooses other ids than the likeliest: record the golden with a script of this version`;
  return {
    cause: "undetermined",
    tensors: [],
    evidence: `all logits agree within the tolerance, so that the golden's ids were not chosen greedily from such logits; ${why}`,
  };
}

async function choosingFields(folder: string): Promise<readonly string[]> {
  try {
    const parsed: unknown = JSON.parse(
      await readFile(join(folder, "generation_config.json"), "utf8"),
    );
    if (typeof parsed !== "object" || parsed === null) return [];
    const fields = new Map<string, unknown>(Object.entries(parsed));
    return CHOOSING.flatMap((name) => {
      const value = fields.get(name);
      return value === undefined || value === null || value === 1 || value === 0
        ? []
        : [`${name} ${JSON.stringify(value)}`];
    });
  } catch (error) {
    // No file, or none that can be read: then it tells nothing.
    if (error instanceof SyntaxError || isSystemError(error)) return [];
    throw error;
  }
}
