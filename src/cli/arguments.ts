import { WbError } from "../errors/wb-error.ts";
import { nearestName } from "../mapping/nearest.ts";
import type { Arguments } from "./command.ts";

/** A string option, or undefined when it was not given. */
export function optionalString(args: Arguments, name: string): string | undefined {
  const value = args[name];
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "") return value;
  throw usage(name, "one text", value);
}

/** An option that may be given several times. @throws WbError WB2001 for anything but texts. */
export function texts(args: Arguments, name: string): readonly string[] {
  const value = args[name];
  if (value === undefined) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.map((one) => {
    if (typeof one === "string" && one !== "") return one;
    throw usage(name, "a text each time", one);
  });
}

export function requiredString(args: Arguments, name: string): string {
  // A shell makes an empty word of a variable that is not set.
  const value = args[name] === "" ? undefined : optionalString(args, name);
  if (value === undefined) throw new WbError("WB2001", `${name} is missing`);
  return value;
}

export function flag(args: Arguments, name: string): boolean {
  return args[name] === true;
}

/** A finite number, or undefined when it was not given. */
export function optionalNumber(args: Arguments, name: string): number | undefined {
  const value = args[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw usage(name, "a number", value);
}

/** One of `choices`, or undefined when it was not given. */
export function optionalChoice<T extends string>(
  args: Arguments,
  name: string,
  choices: readonly T[],
): T | undefined {
  const value = optionalString(args, name);
  if (value === undefined) return undefined;
  const choice = choices.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
  if (choice !== undefined) return choice;
  const near = nearestName(value, choices);
  const suggestion = near === undefined ? "" : `; did you mean ${near}?`;
  throw usage(name, `one of ${choices.join(", ")}`, value, suggestion);
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

/** A size such as `4GiB`, `512MB` or `1000000`, in bytes (transformers' "5GB" is decimal, "5GiB" binary). */
export function optionalSize(args: Arguments, name: string): number | undefined {
  const raw = args[name];
  if (raw === undefined) return undefined;
  const text = typeof raw === "number" ? `${raw}` : raw;
  const match = typeof text === "string" ? /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) : null;
  const unit = SIZE_UNITS[(match?.[2] ?? "?").toUpperCase()];
  const bytes = Math.floor(Number(match?.[1]) * (unit ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw usage(name, "a size such as 4GiB", raw);
  return bytes;
}

/** Part `i` of `n`, written "i/n" and counted from 1. */
export function optionalPart(
  args: Arguments,
  name: string,
): { readonly index: number; readonly of: number } | undefined {
  const text = optionalString(args, name);
  if (text === undefined) return undefined;
  const [, index, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const part = { index: Number(index), of: Number(of) };
  if (part.index >= 1 && part.index <= part.of) return part;
  throw usage(name, "a part such as 2/8, from 1/8 to 8/8", text);
}

function usage(name: string, expected: string, found: unknown, suggestion = ""): WbError {
  return new WbError(
    "WB2001",
    `--${name}: expected ${expected}, found ${JSON.stringify(found)}${suggestion}`,
  );
}
