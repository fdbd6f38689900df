import { ERROR_CODES } from "../errors/codes.ts";
import { PADDLE_WRITERS } from "../model/names/paddle-writers.ts";
import { TARGET_FORMATS } from "../formats/target-formats.ts";

/** The values that options choose from: for the checks of the command line, its completion, manual and schemas alike. */
export const DEVICES = ["auto", "cuda", "cpu", "wasm"] as const;
export const COMPUTE_DTYPES = ["f32", "f16", "bf16"] as const;
export const ACTIVATIONS = ["f32", "int8"] as const;
export { PADDLE_WRITERS };
export const LAYOUTS = ["torch", "paddle"] as const;
export { TARGET_FORMATS };
/** What LLaMA's SentencePiece model is read as, as `TokenizerForm` tells. */
export const TOKENIZER_FORMS = ["slow", "fast"] as const;
export const TARGET_DTYPES = ["keep", "F32", "F16", "BF16"] as const;
export const CAST_DTYPES = ["F32", "F16", "BF16"] as const;
export const QUANTISATIONS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K_M", "Q6_K"] as const;
export const DELTA_RECIPES = ["fastchat", "alpaca"] as const;
export const DELTA_DTYPES = ["F32", "F16", "BF16"] as const;
export const TOLERANCE_PROFILES = ["strict", "default", "loose"] as const;
export const SCAN_FORMATS = ["text", "sarif"] as const;
export const FRAMEWORKS = ["transformers", "paddle"] as const;
export const EXPORT_FRAMEWORKS = ["opencompass", "lm-eval"] as const;
export const GOLDEN_ACTIONS = ["record", "script"] as const;
export const NATIVE_ACTIONS = ["install", "status", "remove"] as const;
export const CONFIG_ACTIONS = ["print"] as const;
export const BEYOND_CONTEXT = ["recompute", "cached"] as const;
export const EXTRACT_RESTS = ["save", "leave"] as const;
export const LANGUAGES = ["en", "zh"] as const;
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Options that mean the same in every command, by name. */
const OF_OPTION: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["lang", LANGUAGES],
  ["device", DEVICES],
  ["compute", COMPUTE_DTYPES],
  ["activations", ACTIVATIONS],
  ["tokenizer", TOKENIZER_FORMS],
  ["layout", LAYOUTS],
  ["for", PADDLE_WRITERS],
  ["source-layout", LAYOUTS],
  ["to", TARGET_FORMATS],
  ["dtype", TARGET_DTYPES],
  ["dequantize", CAST_DTYPES],
  ["quantize", QUANTISATIONS],
  ["delta-recipe", DELTA_RECIPES],
  ["delta-dtype", DELTA_DTYPES],
  ["tolerance-profile", TOLERANCE_PROFILES],
  ["framework", FRAMEWORKS],
  ["beyond-context", BEYOND_CONTEXT],
]);

/** Options and positionals that mean something in one command alone. */
const OF_COMMAND: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["scan format", SCAN_FORMATS],
  ["golden action", GOLDEN_ACTIONS],
  ["eval framework", EXPORT_FRAMEWORKS],
  ["extract rest", EXTRACT_RESTS],
  ["explain code", Object.keys(ERROR_CODES)],
  ["native action", NATIVE_ACTIONS],
  ["config action", CONFIG_ACTIONS],
  ["completion shell", SHELLS],
]);

/** The values of a command's option or positional; empty where it takes any. */
export function valuesOf(command: string, name: string): readonly string[] {
  return OF_COMMAND.get(`${command} ${name}`) ?? OF_OPTION.get(name) ?? [];
}
