import type { Argv } from "yargs";
import type { Prompt } from "../session/prompts.ts";
import { WbError } from "../errors/wb-error.ts";
import type { Arguments } from "./command.ts";

/** The options that give prompts. */
export function withPromptOptions(argv: Argv): Argv {
  return argv
    .option("input-ids", {
      type: "string",
      describe: "token ids, separated by commas; give it again for another prompt",
    })
    .option("prompt", {
      type: "string",
      describe: "text for the model's tokenizer; give it again for another prompt",
    });
}

/** Prompts of the command line; empty when none was given. */
export function promptsOf(args: Arguments): readonly Prompt[] {
  const ids = listOf(args["input-ids"]).map((text): Prompt => ({
    kind: "ids",
    ids: parseIds(text),
  }));
  const texts = listOf(args["prompt"]).map((text): Prompt => ({ kind: "text", text }));
  return [...ids, ...texts];
}

/** @throws WbError WB2001 when none was given. */
export function requiredPrompts(args: Arguments): readonly Prompt[] {
  const prompts = promptsOf(args);
  if (prompts.length > 0) return prompts;
  throw new WbError("WB2001", "expected --input-ids or --prompt", {
    details: { option: "--prompt" },
  });
}

/** An option that may have been given several times. */
export function listOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.map(String);
}

function parseIds(text: string): readonly number[] {
  const ids = text.split(",").map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  if (ids.every((id) => Number.isSafeInteger(id))) return ids;
  throw new WbError(
    "WB2001",
    `--input-ids: expected numbers separated by commas, found ${JSON.stringify(text)}`,
    { details: { option: "--input-ids", found: text } },
  );
}

/** `--positions`: all, last, or token indices. @throws WbError WB2001. */
export function positionsOf(
  text: string | undefined,
): "all" | "last" | readonly number[] | undefined {
  if (text === undefined || text === "all" || text === "last") return text;
  const positions = text
    .split(",")
    .map((part) => (/^\s*-?\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  if (positions.every((position) => Number.isSafeInteger(position))) return positions;
  throw new WbError(
    "WB2001",
    `--positions: expected all, last, or numbers separated by commas, found ${JSON.stringify(text)}`,
    { details: { option: "--positions", found: JSON.stringify(text) } },
  );
}
