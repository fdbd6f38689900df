import { WbError } from "../errors/wb-error.ts";
import { nearestName } from "../model/nearest.ts";

/** What others call a value of ours. */
const SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map([
  ["gpu", ["cuda"]],
  ["nvidia", ["cuda"]],
  ["web", ["wasm"]],
  ["webassembly", ["wasm"]],
  ["tensorflow", ["cpu"]],
  ["float", ["f32"]],
  ["float32", ["f32"]],
  ["fp32", ["f32"]],
  ["half", ["f16"]],
  ["float16", ["f16"]],
  ["fp16", ["f16"]],
  ["bfloat16", ["bf16"]],
  ["torch", ["pytorch"]],
  ["pytorch", ["torch"]],
  ["bin", ["pytorch"]],
  ["pt", ["pytorch"]],
  ["pdparams", ["paddle"]],
  ["paddlepaddle", ["paddle"]],
  ["hf", ["transformers", "safetensors"]],
  ["huggingface", ["transformers", "safetensors"]],
]);

/** The choice that a wrong value most likely means. */
export function nearestChoice(value: string, choices: readonly string[]): string | undefined {
  const lower = value.toLowerCase();
  const named = new Set([lower, ...(SYNONYMS.get(lower) ?? [])]);
  const same = choices.find((choice) => named.has(choice.toLowerCase()));
  if (same !== undefined) return same;
  const near = nearestName(
    lower,
    choices.map((choice) => choice.toLowerCase()),
  );
  return choices.find((choice) => choice.toLowerCase() === near);
}

/** The refusal of a value: "--dtype" or "dtype", what was expected, and what was found. */
export function wrongValue(
  label: string,
  expected: string,
  found: unknown,
  suggestion = "",
): WbError {
  return new WbError(
    "WB2001",
    `${label}: expected ${expected}, found ${shown(found)}${suggestion}`,
    {
      details: { option: label, expected, found: shown(found) },
    },
  );
}

/** The refusal of a value that is none of some choices. */
export function wrongChoice(label: string, choices: readonly string[], found: string): WbError {
  const near = nearestChoice(found, choices);
  const suggestion = near === undefined ? "" : `; did you mean ${near}?`;
  return wrongValue(label, `one of ${choices.join(", ")}`, found, suggestion);
}

/** @throws WbError WB2001 for a value that is none of some choices. */
export function checkChoice(label: string, value: unknown, choices: readonly string[]): void {
  if (typeof value !== "string") throw wrongValue(label, `one of ${choices.join(", ")}`, value);
  if (!choices.includes(value)) throw wrongChoice(label, choices, value);
}

/** Characters of a wrong value that a message shows. */
const SHOWN_CHARACTERS = 80;

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)))
    return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    text = typeof value;
  }
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  K: 2 ** 10,
  KB: 1e3,
  KIB: 2 ** 10,
  M: 2 ** 20,
  MB: 1e6,
  MIB: 2 ** 20,
  G: 2 ** 30,
  GB: 1e9,
  GIB: 2 ** 30,
  T: 2 ** 40,
  TB: 1e12,
  TIB: 2 ** 40,
};

/** A size such as `4GiB`, `512MB` or `1000000`, in bytes (transformers' "5GB" is decimal, "5GiB" binary). @throws WbError WB2001. */
export function sizeOf(label: string, raw: unknown): number {
  const text = typeof raw === "number" ? `${raw}` : raw;
  const match = typeof text === "string" ? /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) : null;
  const unit = SIZE_UNITS[(match?.[2] ?? "?").toUpperCase()];
  const bytes = Math.floor(Number(match?.[1]) * (unit ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw wrongValue(label, "a size such as 4GiB", raw);
  return bytes;
}
