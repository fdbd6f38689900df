import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../model/config/model-config.ts";

/** Ids that end a text: generation_config.json is meant for this, config.json says it for older models. */
export async function endIds(config: ModelConfig, folder: string): Promise<readonly number[]> {
  const path = join(folder, "generation_config.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return config.eosTokenIds;
    throw error;
  }
  const eos = eosIn(text, path);
  return eos.length > 0 ? eos : config.eosTokenIds;
}

function eosIn(text: string, path: string): readonly number[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WbError("WB3701", `${path}: not JSON`, { cause: error });
  }
  if (typeof value !== "object" || value === null || !("eos_token_id" in value)) return [];
  const list: readonly unknown[] = Array.isArray(value.eos_token_id)
    ? value.eos_token_id
    : [value.eos_token_id];
  return list.filter((id): id is number => Number.isSafeInteger(id));
}
