import { WbError } from "../errors/wb-error.ts";
import { sizeOf, wrongChoice, wrongValue } from "../options/values.ts";
import type { Arguments } from "./command.ts";

/** A string option, or undefined when it was not given. */
export function optionalString(args: Arguments, name: string): string | undefined {
  const value = args[name];
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "") return value;
  throw wrongValue(`--${name}`, "one text", value);
}

/** An option that may be given several times. @throws WbError WB2001 for anything but texts. */
export function texts(args: Arguments, name: string): readonly string[] {
  const value = args[name];
  if (value === undefined) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.map((one) => {
    if (typeof one === "string" && one !== "") return one;
    throw wrongValue(`--${name}`, "a text each time", one);
  });
}

export function requiredString(args: Arguments, name: string): string {
  // A shell makes an empty word of a variable that is not set.
  const value = args[name] === "" ? undefined : optionalString(args, name);
  if (value === undefined)
    throw new WbError("WB2001", `${name} is missing`, { details: { option: name } });
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
  throw wrongValue(`--${name}`, "a number", value);
}

/** A whole number of at least `least`, or undefined when it was not given. */
export function optionalCount(args: Arguments, name: string, least: number): number | undefined {
  const value = optionalNumber(args, name);
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value;
  throw new WbError(
    "WB2001",
    `--${name}: expected a whole number of at least ${least}, found ${value}`,
    { details: { option: `--${name}`, found: value } },
  );
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
  throw wrongChoice(`--${name}`, choices, value);
}

/** A size such as `4GiB`, `512MB` or `1000000`, in bytes. */
export function optionalSize(args: Arguments, name: string): number | undefined {
  const raw = args[name];
  return raw === undefined ? undefined : sizeOf(`--${name}`, raw);
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
  throw wrongValue(`--${name}`, "a part such as 2/8, from 1/8 to 8/8", text);
}
